//! HTTP handler that pairs a patient with a practice, and the problems of pairings.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::entry_point;
use crate::domain::accounts::{self, PairingOutcome, Principal, Scope};
use crate::domain::conversations::Conversation;
use crate::domain::pairing::{Error, Pairing, PairingDetails};
use crate::kit::{PatientId, PendingPairingId, Secret};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            // A stranger may read this: it reveals neither that a number is blocked nor why.
            Error::Blocked => Self::new(Code::PairingRefused, "Call the practice if you have questions."),
            Error::NotFound => Self::new(Code::PairingNotFound, "Check the pairing's id."),
            Error::Db(error) => error.into(),
        }
    }
}

/// The input for pairing a patient with a practice.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreatePairing {
    /// The link token of the practice's link.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Option<Secret>,
    /// Instead of `link_token`: a pending pairing of the account's number.
    pending_pairing_id: Option<PendingPairingId>,
    /// Instead of `link_token`: the last part of the link in an invite's text.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Option<Secret>,
    /// The patient to pair; by default the first one on the account.
    patient_id: Option<PatientId>,
}

/// A pairing and its conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct PairingAnswer {
    /// The pairing of patient and practice.
    pub pairing: Pairing,
    /// The conversation of that pairing.
    conversation: Conversation,
}

impl From<PairingDetails> for PairingAnswer {
    fn from(details: PairingDetails) -> Self {
        Self { pairing: details.pairing, conversation: details.conversation }
    }
}

problems!(
    CreatePairingProblems: keyed,
    Unauthorized, SessionRestricted, PatientNotFound, LinkTokenInvalid, LinkPaused, PendingPairingGone,
    InviteGone, InviteEmailUnproven, PairingRefused
);

/// Pair a patient with a practice
#[utoipa::path(
    tag = "me", request_body = CreatePairing, security(("access_token" = [])),
    responses(
        (status = 201, description = "The pairing was created", body = PairingAnswer),
        (
            status = 200,
            description = "The pairing existed already, with the same conversation",
            body = PairingAnswer,
        ),
        CreatePairingProblems,
    ),
)]
#[post("/v1/pairings")]
pub(crate) async fn create_pairing(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreatePairing>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let patient_id = input.patient_id;
    let entry_point =
        entry_point::parse(&service, input.link_token, input.pending_pairing_id, input.invite_token)?;
    let rule = move |tx: &mut Tx, patient: &Principal| -> Result<_, accounts::Error> {
        let details = match accounts::pair_patient(tx, patient, &entry_point, patient_id.as_ref())? {
            PairingOutcome::Paired(details) => *details,
            PairingOutcome::Refused(error) => return Ok(Reply::Refused(error.into())),
        };
        let is_new = details.is_new;
        let answer = PairingAnswer::from(details);
        Ok(if is_new { Reply::created(&answer) } else { Reply::ok(&answer) })
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}
