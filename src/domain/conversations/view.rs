//! Conversations as the patient sees them, and how they came about.

use serde::Serialize;
use utoipa::ToSchema;

use super::{PatientCard, Status};
use crate::domain::links::Method;
use crate::kit::{ConversationId, InviteId, LinkId, PairingId, Timestamp};

/// Where a patient came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PairingSourceKind)]
pub enum SourceKind {
    Link,
    Invite,
}

/// How a pairing came about.
#[derive(Clone, Serialize, ToSchema)]
pub struct PairingSource {
    /// Where the patient came from.
    pub kind: SourceKind,
    /// Id of the link; for an invite, the link that gives the conversation its tags and owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<LinkId>,
    /// Id of the invite, if the pairing came through one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_id: Option<InviteId>,
    /// How the link reached the device.
    pub method: Method,
    /// Whether the device itself held the code. Always true: there is no probabilistic matching.
    pub guaranteed: bool,
}

impl PairingSource {
    /// An invite if there is one, or else a link.
    pub fn new(link_id: Option<LinkId>, invite_id: Option<InviteId>, method: Method) -> Self {
        let kind = if invite_id.is_some() { SourceKind::Invite } else { SourceKind::Link };
        Self { kind, link_id, invite_id, method, guaranteed: true }
    }
}

impl Conversation {
    /// A conversation that a pairing opened just now; nobody has read its first entries.
    pub fn opened(
        id: ConversationId,
        pairing_id: &PairingId,
        patient: PatientCard,
        tags: impl IntoIterator<Item = String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            pairing_id: pairing_id.clone(),
            patient,
            status: Status::Open,
            tags: tags.into_iter().collect(),
            read_position: 0,
            practice_read_position: 0,
            created_at,
        }
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
    /// Whether the conversation takes new entries.
    pub status: Status,
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
