//! HTTP views and problems of pending pairings.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::pending_pairings::{Lead, Pending, Refusal};
use crate::kit::ids::PendingPairingId;
use crate::kit::{Secret, Timestamp};
use crate::web::http::{Code, FieldError, Problem};
use crate::web::patient_api::link_tokens::PracticeFace;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We cannot send texts to this country.")
            }
            Refusal::CannotText => {
                Self::field(Code::PhoneTypeRefused, "/phone", "This number cannot receive text messages.")
            }
            Refusal::Limited(wait) => {
                Self::new(Code::SendLimited, format!("You can try again in {} s.", wait.seconds)).retry(wait)
            }
            Refusal::Gone => Self::field(
                Code::PendingPairingGone,
                "/pending_pairing_id",
                "Open the practice's link again, or enter its code.",
            ),
            Refusal::Invite(invite) => invite.into(),
            Refusal::Link(link) => link.into(),
            Refusal::Db(error) => error.into(),
        }
    }
}

/// Parses the body's `link_token`, `pending_pairing_id` and `invite_token`, of which exactly
/// one must be present.
pub fn lead(
    link_token: Option<Secret>,
    pending: Option<PendingPairingId>,
    invite_token: Option<Secret>,
) -> Result<Lead, Problem> {
    match (link_token, pending, invite_token) {
        (Some(token), None, None) => Ok(Lead::Token(token)),
        (None, Some(id), None) => Ok(Lead::Pending(id)),
        (None, None, Some(token)) => Ok(Lead::Invite(token)),
        (None, None, None) => {
            let detail = "Send `link_token`, `pending_pairing_id` or `invite_token`.";
            Err(wrong("required", detail))
        }
        _ => Err(wrong("one_of", "Send only one of `link_token`, `pending_pairing_id` and `invite_token`.")),
    }
}

fn wrong(code: &str, detail: &str) -> Problem {
    let pointer = "/link_token".to_owned();
    Problem::fields(vec![FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }])
}

/// A pending pairing of the number that was just proven: the app shows the practice and asks the patient.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingPairing)]
pub struct PendingPairingView {
    /// Unique id, to be sent as `pending_pairing_id`.
    id: PendingPairingId,
    /// The practice that the link belongs to.
    practice: PracticeFace,
    /// Time at which the number was entered.
    created_at: Timestamp,
    /// Time at which the pending pairing expires.
    expires_at: Timestamp,
}

impl From<Pending> for PendingPairingView {
    fn from(pending: Pending) -> Self {
        Self {
            id: pending.id,
            practice: PracticeFace::of(&pending.to.practice),
            created_at: pending.created_at,
            expires_at: pending.expires_at,
        }
    }
}
