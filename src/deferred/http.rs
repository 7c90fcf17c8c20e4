//! How pairings that wait are told.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Lead, Pending, Refusal};
use crate::http::{Code, FieldError, Problem};
use crate::kit::{Secret, Timestamp};
use crate::links::http::PracticeFace;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We do not text this country.")
            }
            Refusal::CannotText => {
                Self::field(Code::PhoneTypeRefused, "/phone", "This number takes no text messages.")
            }
            Refusal::Limited(wait) => {
                Self::new(Code::SendLimited, format!("You can ask again in {} s.", wait.seconds)).retry(wait)
            }
            Refusal::Gone => Self::field(
                Code::PendingPairingGone,
                "/pending_pairing_id",
                "Open the practice's link again, or type its code.",
            ),
            Refusal::Invite(invite) => invite.into(),
            Refusal::Link(link) => link.into(),
            Refusal::Db(error) => error.into(),
        }
    }
}

/// What a body's `link_token`, `pending_pairing_id` and `invite_token` name together: exactly one of them leads.
pub fn lead(
    link_token: Option<Secret>,
    pending: Option<String>,
    invite_token: Option<Secret>,
) -> Result<Lead, Problem> {
    match (link_token, pending, invite_token) {
        (Some(token), None, None) => Ok(Lead::Token(token)),
        (None, Some(id), None) => Ok(Lead::Pending(id)),
        (None, None, Some(token)) => Ok(Lead::Invite(token)),
        (None, None, None) => {
            let detail = "Send the link token, or `pending_pairing_id` or `invite_token` in its place.";
            Err(wrong("required", detail))
        }
        _ => Err(wrong("one_of", "Send one of the link token, `pending_pairing_id` and `invite_token`.")),
    }
}

fn wrong(code: &str, detail: &str) -> Problem {
    let pointer = "/link_token".to_owned();
    Problem::fields(vec![FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }])
}

/// A pairing that waits for the number that was just proven: the app shows the practice and asks.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingPairing)]
pub struct PendingPairingView {
    /// Its id, for `pending_pairing_id`.
    #[schema(example = "pnd_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// Whose link it was.
    practice: PracticeFace,
    /// When the number was left.
    created_at: Timestamp,
    /// Until when it waits.
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
