//! The door of link tokens.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{Refusal, Source};
use crate::app::App;
use crate::http::{Answer, Body, Call, Code, Problem, once};
use crate::kit::{Secret, Timestamp, Wait};
use crate::practices::Practice;
use crate::refusals;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => {
                Self::field(Code::LinkNotFound, "/code", "Ask the practice for its current link.")
            }
            Refusal::Mistyped => {
                let detail = "Compare it with the card or page that it came from.";
                Self::field(Code::CodeMistyped, "/code", detail)
            }
            Refusal::Paused => {
                let detail = "The practice takes nobody in through this link for now. Ask it for another.";
                Self::new(Code::LinkPaused, detail)
            }
            Refusal::TokenInvalid => {
                let detail = "Open the practice's link again, or type its code.";
                Self::field(Code::LinkTokenInvalid, "/link_token", detail)
            }
            Refusal::Db(error) => error.into(),
        }
    }
}

/// A code, and how it reached the device.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateLinkToken {
    /// The digits of the link, 6 to 12.
    #[validate(custom(function = "is_code"))]
    #[schema(example = "123456", pattern = "^[0-9]{6,12}$")]
    code: String,
    /// How the code reached the device.
    source: Source,
}

fn is_code(code: &str) -> Result<(), validator::ValidationError> {
    if super::CODE_LENGTHS.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(validator::ValidationError::new("code_format").with_message("A code has 6 to 12 digits.".into()))
}

/// A link token, and where it leads: the app shows practice and city before anything else.
#[derive(Serialize, ToSchema)]
pub struct LinkTokenView {
    /// What the app hands in at sign-up.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Secret,
    /// Until when.
    expires_at: Timestamp,
    /// Whose link it is.
    practice: PracticeFace,
}

/// What anybody may know of a practice.
#[derive(Serialize, ToSchema)]
pub struct PracticeFace {
    /// Its name.
    #[schema(example = "Oak Street Family Medicine")]
    name: String,
    /// Its city.
    #[schema(example = "Springfield")]
    city: String,
}

impl PracticeFace {
    /// The public face of `practice`.
    pub fn of(practice: &Practice) -> Self {
        Self { name: practice.name.clone(), city: practice.city.clone() }
    }
}

refusals!(CreateLinkTokenRefusals: keyed, LinkNotFound, LinkPaused, CodeMistyped, CodeLimited);

/// Turns a link's code into a link token
#[utoipa::path(tag = "links", request_body = CreateLinkToken, responses((status = 201, description = "A signed token for 30 days", body = LinkTokenView), CreateLinkTokenRefusals))]
#[post("/v1/link-tokens")]
pub async fn create_link_token(
    app: Data<App>,
    call: Call,
    body: Body<CreateLinkToken>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    app.guests.admit(&app.config, &call.network, app.clock.now()).map_err(code_limited)?;
    let typed = input.code.clone();
    let answer = once(&app, &call, &canonical, move |ctx, conn| {
        let (token, to) = super::issue_token(ctx, conn, &input.code, input.source)?;
        let practice = PracticeFace::of(&to.practice);
        let view = LinkTokenView { link_token: token.token, expires_at: token.expires_at, practice };
        Ok::<_, Refusal>(Answer::created(&view))
    });
    answer.await.map_err(|problem| slowed_down(&app, &call, &typed, problem))
}

/// Who tries codes here is counted together with who tries them on the page.
fn slowed_down(app: &App, call: &Call, code: &str, problem: Problem) -> Problem {
    if !matches!(problem.code, Code::LinkNotFound | Code::CodeMistyped) {
        return problem;
    }
    let wait = app.guests.miss(&app.config, &call.network, code, app.clock.now());
    wait.map_or(problem, code_limited)
}

/// The answer to an address that tried too many codes in vain, where it is no page.
pub fn code_limited(wait: Wait) -> Problem {
    let detail = "Compare the code with the card or page that it came from, and try later.";
    Problem::new(Code::CodeLimited, detail).retry(wait)
}
