//! An account and its patients, as the account holder sees them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::accounts::{Account, Patient, Relation};
use crate::kit::{AccountId, PatientId, Timestamp};

/// A patient account, as shown to its holder.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    /// Unique id of the account.
    id: AccountId,
    /// The proven phone number, masked.
    #[schema(required = true, example = "+1 •••••• 2671")]
    phone: Option<String>,
    /// Time at which the account was created.
    created_at: Timestamp,
}

impl AccountView {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            phone: account.number().map(|phone| phone.masked()),
            created_at: account.created_at,
        }
    }
}

/// A patient on an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Patient)]
pub(super) struct PatientView {
    /// Unique id of the patient.
    id: PatientId,
    /// The patient's given name.
    #[schema(example = "Alex")]
    given_name: String,
    /// The patient's family name.
    #[schema(example = "Rivera")]
    family_name: String,
    /// Birth date, an ISO 8601 date.
    #[schema(required = true, example = "1987-05-31")]
    birth_date: Option<String>,
    /// Relation to the account holder.
    #[schema(example = "self")]
    relation: Relation,
    /// Time at which the patient was added.
    created_at: Timestamp,
}

impl From<Patient> for PatientView {
    fn from(patient: Patient) -> Self {
        Self {
            id: patient.id,
            given_name: patient.given_name,
            family_name: patient.family_name,
            birth_date: patient.birth_date,
            relation: patient.relation,
            created_at: patient.created_at,
        }
    }
}
