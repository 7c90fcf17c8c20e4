//! HTTP handler for the check-in code.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::PairingAnswer;
use crate::domain::accounts;
use crate::domain::me::Refusal;
use crate::domain::me::desk_code::{self, Shown};
use crate::kit::ids::PairingId;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Code, PathId, Problem, once};

/// A check-in code from a screen at reception.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ShowDeskCode {
    /// Eight digits; spaces and dashes between them are ignored.
    #[validate(length(max = 20))]
    #[schema(example = "48835612")]
    code: String,
}

refusals!(ShowDeskCodeRefusals: keyed, Unauthorized, PairingNotFound, ConversationClosed, DeskCodeWrong, CheckLimited);

/// Confirm the patient's identity with a check-in code from reception
#[utoipa::path(tag = "me", request_body = ShowDeskCode, security(("access_token" = [])), params(("id" = String, Path, description = "The pairing", example = "pai_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The patient's identity is confirmed", body = PairingAnswer), ShowDeskCodeRefusals))]
#[post("/v1/me/pairings/{id}/desk-code")]
pub async fn verify_check_in_code(
    service: Data<Service>,
    call: Call,
    id: PathId<PairingId>,
    body: Body<ShowDeskCode>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let code: String = input.code.chars().filter(char::is_ascii_digit).collect();
        Ok::<_, Refusal>(match desk_code::show_desk_code(tx, &who, &id.0, &code)? {
            Shown::Confirmed(paired) => Answer::ok(&PairingAnswer::from(*paired)),
            Shown::Wrong => Answer::Refused(wrong()),
            Shown::Limited(wait) => {
                let detail = "Ask at reception: the practice can confirm you without a code.";
                Answer::Refused(Problem::new(Code::CheckLimited, detail).retry(wait))
            }
        })
    })
    .await
}

fn wrong() -> Problem {
    Problem::field(Code::DeskCodeWrong, "/code", "Enter the code that the screen at reception shows now.")
}
