//! Pairings and conversations as the patient sees them.

use serde::Serialize;
use utoipa::ToSchema;

use super::PatientCard;
use crate::kit::Timestamp;
use crate::kit::ids::{ConversationId, InviteId, LinkId, PairingId, PracticeId};

/// The connection of a patient with a practice.
#[derive(Clone, Serialize, ToSchema)]
pub struct Pairing {
    /// Id of the pairing.
    pub id: PairingId,
    /// The practice of the pairing.
    pub practice: PracticeCard,
    /// How the patient connected with the practice.
    pub source: PairingSource,
    /// When the pairing was created.
    pub created_at: Timestamp,
}

/// A practice as its patients see it.
#[derive(Clone, Serialize, ToSchema)]
pub struct PracticeCard {
    /// Id of the practice.
    pub id: PracticeId,
    /// Name of the practice.
    #[schema(example = "Oak Street Family Medicine")]
    pub name: String,
    /// City of the practice.
    #[schema(example = "Springfield")]
    pub city: String,
}

/// How a pairing came about.
#[derive(Clone, Serialize, ToSchema)]
pub struct PairingSource {
    /// Either `link` or `invite`.
    #[schema(example = "link")]
    pub kind: &'static str,
    /// Id of the link; for an invite, the link that gives the conversation its tags and owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<LinkId>,
    /// Id of the invite, if the pairing came through one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_id: Option<InviteId>,
    /// How the link reached the device.
    #[schema(example = "typed")]
    pub method: String,
    /// Whether the device itself held the code. Always true: there is no probabilistic matching.
    pub guaranteed: bool,
}

impl PairingSource {
    /// An invite if there is one, or else a link.
    pub fn new(link_id: Option<LinkId>, invite_id: Option<InviteId>, method: String) -> Self {
        let kind = if invite_id.is_some() { "invite" } else { "link" };
        Self { kind, link_id, invite_id, method, guaranteed: true }
    }
}

/// A conversation as the patient sees it.
#[derive(Clone, Serialize, ToSchema)]
pub struct Conversation {
    /// Id of the conversation.
    pub id: ConversationId,
    /// Id of the pairing that opened the conversation.
    pub pairing_id: PairingId,
    /// The patient the conversation is about.
    pub patient: PatientCard,
    /// Either `open` or `closed`.
    #[schema(example = "open")]
    pub status: String,
    /// Tags from the conversation's links, sorted.
    #[schema(example = json!(["demo"]))]
    pub tags: Vec<String>,
    /// Position of the last entry the patient has read.
    #[schema(example = 2)]
    pub read_position: i32,
    /// Position of the last entry the practice has read.
    #[schema(example = 2)]
    pub practice_read_position: i32,
    /// When the conversation was opened.
    pub created_at: Timestamp,
}
