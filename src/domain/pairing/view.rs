//! Pairings as the patient sees them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::conversations::PairingSource;
use crate::domain::practices::Practice;
use crate::kit::{PairingId, PracticeId, Timestamp};

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

impl PracticeCard {
    pub fn of(practice: &Practice) -> Self {
        Self { id: practice.id.clone(), name: practice.name.clone(), city: practice.city.clone() }
    }
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
