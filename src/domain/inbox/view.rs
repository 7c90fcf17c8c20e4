//! Conversations as the practice sees them.

use diesel::Queryable;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::conversations::{Author, EntryKind, IdentityState, PairingSource, PatientCard, Status};
use crate::kit::{ConversationId, EntryId, LinkId, PairingId, StaffId, Timestamp};

/// Pagination cursor of the inbox: the last conversation of a page.
pub struct Cursor {
    pub last_entry_at: Timestamp,
    pub id: ConversationId,
}

/// Pagination cursor of the identity work list: the last conversation of a page.
pub struct WorkListCursor {
    pub since: Timestamp,
    pub id: ConversationId,
}

/// A conversation as the practice sees it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = InboxConversation)]
pub struct Card {
    /// Id of the conversation.
    pub id: ConversationId,
    /// Id of the pairing that opened the conversation.
    pub pairing_id: PairingId,
    /// The patient the conversation is about.
    pub patient: PatientCard,
    /// Whether the conversation takes new entries.
    pub status: Status,
    /// All tags of the conversation, sorted.
    #[schema(example = json!(["demo"]))]
    pub tags: Vec<String>,
    /// The link that the patient opened.
    #[schema(required = true)]
    pub link: Option<LinkCard>,
    /// How the patient connected with the practice.
    pub source: PairingSource,
    /// The staff member who answers the conversation.
    #[schema(required = true)]
    pub assignee: Option<StaffCard>,
    /// How sure the practice is of the patient's identity.
    pub identity: IdentityState,
    /// When the identity state last changed.
    pub identity_since: Timestamp,
    /// Whether staff may write health information: the patient's identity is confirmed.
    pub phi_allowed: bool,
    /// The staff member who acknowledged writing to an unverified patient.
    #[schema(required = true)]
    pub acknowledged: Option<Acknowledgement>,
    /// Whether there is something the practice has not read.
    pub unread: bool,
    /// Number of entries in the conversation.
    #[schema(example = 2)]
    pub entry_count: i32,
    /// Position of the last entry the practice has read.
    #[schema(example = 2)]
    pub read_position: i32,
    /// Position of the last entry the patient has read.
    #[schema(example = 2)]
    pub patient_read_position: i32,
    /// The last entry of the conversation.
    #[schema(required = true)]
    pub last_entry: Option<LastEntry>,
    /// When the last entry was written.
    pub last_entry_at: Timestamp,
    /// When the conversation was opened.
    pub created_at: Timestamp,
}

impl Card {
    /// The inbox cursor of a page that ends with this conversation.
    pub fn cursor(&self) -> Cursor {
        Cursor { last_entry_at: self.last_entry_at, id: self.id.clone() }
    }

    /// The work list cursor of a page that ends with this conversation.
    pub fn work_list_cursor(&self) -> WorkListCursor {
        WorkListCursor { since: self.identity_since, id: self.id.clone() }
    }
}

/// A link with its name.
#[derive(Clone, Serialize, ToSchema, Queryable)]
pub struct LinkCard {
    /// Id of the link.
    pub id: LinkId,
    /// Name the practice gave the link.
    #[schema(example = "Waiting room poster")]
    pub label: String,
    /// The digits of the link's URL.
    #[schema(example = "123456")]
    pub code: String,
}

/// A staff member with their name.
#[derive(Clone, Serialize, ToSchema, Queryable)]
pub struct StaffCard {
    /// Id of the staff member.
    pub id: StaffId,
    /// Name that colleagues use for them.
    #[schema(example = "Jo Park")]
    pub name: String,
}

/// Acknowledgement that the patient's identity is not verified.
#[derive(Clone, Serialize, ToSchema)]
pub struct Acknowledgement {
    /// Id of the staff member.
    pub by: StaffId,
    /// When the staff member acknowledged it.
    pub at: Timestamp,
}

/// The last entry of a conversation.
#[derive(Clone, Serialize, ToSchema)]
pub struct LastEntry {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The side that the entry is from.
    pub author: Author,
    /// Beginning of the text, on one line of up to 120 characters.
    #[schema(example = "Hello, I would like to book a visit.")]
    pub preview: String,
}

/// An entry as the practice sees it.
#[derive(Clone, Serialize, ToSchema)]
pub struct InboxEntry {
    /// Id of the entry.
    pub id: EntryId,
    /// Position in the conversation, starting at 1.
    #[schema(example = 1)]
    pub position: i32,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The side that the entry is from.
    pub author: Author,
    /// The staff member who wrote the entry; the patient sees only the name of the practice.
    #[schema(required = true)]
    pub staff: Option<StaffCard>,
    /// Text of the entry.
    #[schema(example = "Would Tuesday suit you?")]
    pub body: String,
    /// When the entry was written.
    pub created_at: Timestamp,
}
