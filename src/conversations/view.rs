//! Pairings and conversations as the patient sees them.

use serde::Serialize;
use utoipa::ToSchema;

use super::PatientCard;
use crate::kit::Timestamp;

/// Patient ↔ practice, and how it came about.
#[derive(Clone, Serialize, ToSchema)]
pub struct Pairing {
    /// Its id.
    #[schema(example = "pai_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// The practice.
    pub practice: PracticeCard,
    /// Through what it came.
    pub source: PairingSource,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A practice as its patients see it.
#[derive(Clone, Serialize, ToSchema)]
pub struct PracticeCard {
    /// Its id.
    #[schema(example = "prc_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// Its name.
    #[schema(example = "Oak Street Family Medicine")]
    pub name: String,
    /// Its city.
    #[schema(example = "Springfield")]
    pub city: String,
}

/// Through what a pairing came.
#[derive(Clone, Serialize, ToSchema)]
pub struct PairingSource {
    /// `link` or `invite`.
    #[schema(example = "link")]
    pub kind: &'static str,
    /// The link; of an invite the one whose tags and owner its conversation has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<String>,
    /// The invite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_id: Option<String>,
    /// How the link reached the device.
    #[schema(example = "typed")]
    pub method: String,
    /// Whether the device itself held the code; pairing by likeness does not exist here.
    pub guaranteed: bool,
}

impl PairingSource {
    /// Of a link, or of an invite where there is one.
    pub fn new(link_id: Option<String>, invite_id: Option<String>, method: String) -> Self {
        let kind = if invite_id.is_some() { "invite" } else { "link" };
        Self { kind, link_id, invite_id, method, guaranteed: true }
    }
}

/// A conversation as the patient sees it.
#[derive(Clone, Serialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    #[schema(example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// The pairing that opened it.
    pub pairing_id: String,
    /// Whom it is about.
    pub patient: PatientCard,
    /// `open` or `closed`.
    #[schema(example = "open")]
    pub status: String,
    /// The tags that its links gave it, sorted.
    #[schema(example = json!(["demo"]))]
    pub tags: Vec<String>,
    /// Up to which entry the patient has read.
    #[schema(example = 2)]
    pub read_position: i32,
    /// Up to which entry the practice has.
    #[schema(example = 2)]
    pub practice_read_position: i32,
    /// When it was opened.
    pub created_at: Timestamp,
}
