//! HTTP handlers for the patient's pairings, and for the check-in code that confirms the patient of one.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, delete, get, post};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts::{Principal, Scope};
use crate::domain::check_in::{self, Error, Outcome};
use crate::domain::pairing;
use crate::kit::PairingId;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};
use crate::web::patient_api::pairings::PairingAnswer;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::PairingNotFound => pairing::Error::NotFound.into(),
            Error::ConversationClosed => {
                Self::new(Code::ConversationClosed, "Open the practice's link to start again.")
            }
            Error::Db(error) => error.into(),
        }
    }
}

problems!(ListProblems: plain, Unauthorized, InvalidRequest);

/// List the account's open pairings
#[utoipa::path(
    tag = "me", security(("access_token" = [])), params(PageQuery),
    responses(
        (status = 200, description = "Open pairings, oldest first", body = Page<PairingAnswer>),
        ListProblems,
    ),
)]
#[get("/v1/me/pairings")]
pub(crate) async fn list_pairings(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<PairingAnswer>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let pairings = service.read_as_patient(&call, Scope::Restricted, move |tx, patient| {
        pairing::list(tx, patient.access(), &after, limit + 1)
    });
    let items = pairings.await?.into_iter().map(PairingAnswer::from).collect();
    Ok(Json(Page::of(items, limit, |item: &PairingAnswer| item.pairing.id.to_string())))
}

problems!(LeaveProblems: plain, Unauthorized, PairingNotFound);

/// End a pairing with a practice
#[utoipa::path(
    tag = "me", security(("access_token" = [])), params(PathId<PairingId>),
    responses(
        (status = 204, description = "The pairing has ended, and its conversation is closed"),
        LeaveProblems,
    ),
)]
#[delete("/v1/me/pairings/{id}")]
pub(crate) async fn delete_pairing(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<PairingId>,
) -> Result<HttpResponse, Problem> {
    let rule = move |tx: &mut Tx, patient: &Principal| pairing::leave(tx, patient.access(), &id.0);
    service.write_as_patient(&call, Scope::Restricted, rule).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A check-in code from a screen at reception.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct EnterCheckInCode {
    /// Eight digits; spaces and dashes between them are ignored.
    #[validate(length(max = 20))]
    #[schema(example = "48835612")]
    code: String,
}

problems!(
    EnterCheckInCodeProblems: keyed,
    Unauthorized, PairingNotFound, ConversationClosed, CheckInCodeWrong, CheckLimited
);

/// Confirm the patient's identity with a check-in code from reception
#[utoipa::path(
    tag = "me", request_body = EnterCheckInCode, security(("access_token" = [])), params(PathId<PairingId>),
    responses(
        (status = 200, description = "The patient's identity is confirmed", body = PairingAnswer),
        EnterCheckInCodeProblems,
    ),
)]
#[post("/v1/me/pairings/{id}/desk-code")]
pub(crate) async fn verify_check_in_code(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<PairingId>,
    body: Body<EnterCheckInCode>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let code: String = input.code.chars().filter(char::is_ascii_digit).collect();
    let rule = move |tx: &mut Tx, patient: &Principal| -> Result<_, Error> {
        Ok(match check_in::check_in(tx, patient, &id.0, &code)? {
            Outcome::Confirmed(details) => Reply::ok(&PairingAnswer::from(*details)),
            Outcome::Wrong => Reply::Refused(wrong_code()),
            Outcome::Limited(wait) => {
                let detail = "Ask at reception: the practice can confirm you without a code.";
                Reply::Refused(Problem::new(Code::CheckLimited, detail).retry(wait))
            }
        })
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}

fn wrong_code() -> Problem {
    Problem::field(Code::CheckInCodeWrong, "/code", "Enter the code that the screen at reception shows now.")
}
