//! HTTP views and problems of pending pairings.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::links::ReadToken;
use crate::domain::pending_pairings::{EntryPoint, Error, PendingPairing};
use crate::kit::{PendingPairingId, Secret, Timestamp};
use crate::platform::Service;
use crate::web::http::{Code, Problem};
use crate::web::patient_api::link_tokens::PracticeFace;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We cannot send texts to this country.")
            }
            Error::CannotText => {
                Self::field(Code::PhoneTypeRefused, "/phone", "This number cannot receive text messages.")
            }
            Error::Limited(wait) => {
                Self::new(Code::SendLimited, format!("You can try again in {} s.", wait.seconds)).retry(wait)
            }
            Error::Gone => Self::field(
                Code::PendingPairingGone,
                "/pending_pairing_id",
                "Open the practice's link again, or enter its code.",
            ),
            Error::Invite(invite) => invite.into(),
            Error::Link(link) => link.into(),
            Error::Db(error) => error.into(),
        }
    }
}

/// Parses the body's `link_token`, `pending_pairing_id` and `invite_token`, of which exactly
/// one must be present.
pub(super) fn parse(
    service: &Service,
    link_token: Option<Secret>,
    pending: Option<PendingPairingId>,
    invite_token: Option<Secret>,
) -> Result<EntryPoint, Problem> {
    match (link_token, pending, invite_token) {
        (Some(token), None, None) => Ok(EntryPoint::LinkToken(ReadToken::read(service, &token))),
        (None, Some(id), None) => Ok(EntryPoint::PendingPairing(id)),
        (None, None, Some(token)) => Ok(EntryPoint::Invite(token)),
        (None, None, None) => {
            let detail = "Send `link_token`, `pending_pairing_id` or `invite_token`.";
            Err(Problem::wrong_field("/link_token", "required", detail))
        }
        _ => {
            let detail = "Send only one of `link_token`, `pending_pairing_id` and `invite_token`.";
            Err(Problem::wrong_field("/link_token", "one_of", detail))
        }
    }
}

/// A pending pairing of the number that was just proven: the app shows the practice and asks the patient.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingPairing)]
pub(super) struct PendingPairingView {
    /// Unique id, to be sent as `pending_pairing_id`.
    id: PendingPairingId,
    /// The practice that the link belongs to.
    practice: PracticeFace,
    /// Time at which the number was entered.
    created_at: Timestamp,
    /// Time at which the pending pairing expires.
    expires_at: Timestamp,
}

impl From<PendingPairing> for PendingPairingView {
    fn from(pending: PendingPairing) -> Self {
        Self {
            id: pending.id,
            practice: PracticeFace::of(&pending.to.practice),
            created_at: pending.created_at,
            expires_at: pending.expires_at,
        }
    }
}
