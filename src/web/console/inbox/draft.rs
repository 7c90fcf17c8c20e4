//! The forms of a conversation's page as they were entered.

use crate::kit::RecordId;

/// The values of the page's forms as they were entered.
#[derive(Default)]
pub(super) struct Draft {
    /// Text of the message.
    pub body: String,
    /// Whether the writer acknowledged that the patient's identity is unverified.
    pub acknowledges: bool,
    /// Entered tags; `None` shows those of the conversation.
    pub tags: Option<String>,
    /// How the identity was verified.
    pub method: String,
    /// Note on the decision.
    pub note: String,
    /// The record that was chosen among the candidates.
    pub record_id: Option<RecordId>,
    /// Whether the number is blocked from connecting again.
    pub blocks: bool,
    /// `confirm`, `reject` or `undo`.
    pub decision: String,
    /// Whether nothing was entered yet.
    pub is_fresh: bool,
}
