//! HTTP handler for link tokens.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::link_analytics::PageViews;
use crate::domain::links::{self, Destination, LinkToken, Source};
use crate::domain::practices::Practice;
use crate::kit::{Secret, Timestamp, Wait};
use crate::platform::rate_limits::CodeGuessLimiter;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, Problem, Reply, RequestContext, idempotent};

impl From<links::Error> for Problem {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::NotFound => {
                Self::field(Code::LinkNotFound, "/code", "Ask the practice for its current link.")
            }
            links::Error::Mistyped => {
                let detail = "Compare it with the card or page it came from.";
                Self::field(Code::CodeMistyped, "/code", detail)
            }
            links::Error::Paused => {
                let detail =
                    "This link is not accepting new patients right now. Ask the practice for another one.";
                Self::new(Code::LinkPaused, detail)
            }
            links::Error::TokenInvalid => {
                let detail = "Open the practice's link again, or type its code.";
                Self::field(Code::LinkTokenInvalid, "/link_token", detail)
            }
            links::Error::Db(error) => error.into(),
        }
    }
}

/// Code of a link, and how it reached the device.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateLinkToken {
    /// The digits of the link's code, 6 to 12.
    #[validate(custom(function = "is_code"))]
    #[schema(example = "123456", pattern = "^[0-9]{6,12}$")]
    code: String,
    /// How the code reached the device.
    source: Source,
}

fn is_code(code: &str) -> Result<(), ValidationError> {
    match links::is_code(code) {
        true => Ok(()),
        false => Err(ValidationError::new("code_format").with_message("A code has 6 to 12 digits.".into())),
    }
}

/// Link token and the practice it belongs to. The app shows the practice and city before anything else.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkTokenView {
    /// Token that the app sends at sign-up.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Secret,
    /// When the link token expires.
    expires_at: Timestamp,
    /// The practice that owns the link.
    practice: PracticeFace,
}

impl LinkTokenView {
    /// Signs a token, and counts the funnel step that it is.
    fn issue(
        service: &Service,
        page_views: &PageViews,
        to: &Destination,
        source: Source,
    ) -> Result<Self, links::Error> {
        let LinkToken { token, expires_at } = links::issue_token(service, to, source)?;
        if let Some(step) = source.step() {
            page_views.add(service.now(), &to.link.id, step, "");
        }
        Ok(Self { link_token: token, expires_at, practice: PracticeFace::of(&to.practice) })
    }
}

/// Public information about a practice.
#[derive(Serialize, ToSchema)]
pub(crate) struct PracticeFace {
    /// Name of the practice.
    #[schema(example = "Oak Street Family Medicine")]
    name: String,
    /// City of the practice.
    #[schema(example = "Springfield")]
    city: String,
}

impl PracticeFace {
    pub(crate) fn of(practice: &Practice) -> Self {
        Self { name: practice.name.clone(), city: practice.city.clone() }
    }
}

problems!(CreateLinkTokenProblems: keyed, LinkNotFound, LinkPaused, CodeMistyped, CodeLimited);

/// Exchange a link code for a link token
#[utoipa::path(
    tag = "links", request_body = CreateLinkToken,
    responses(
        (status = 201, description = "Signed link token, valid for 30 days", body = LinkTokenView),
        CreateLinkTokenProblems,
    ),
)]
#[post("/v1/link-tokens")]
pub(crate) async fn create_link_token(
    service: Data<Service>,
    guesses: Data<CodeGuessLimiter>,
    page_views: Data<PageViews>,
    call: RequestContext,
    body: Body<CreateLinkToken>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    guesses.admit(&service.settings, &call.network, service.clock.now()).map_err(code_limited)?;
    let code = input.code.clone();
    let issued = issue(&service, page_views.into_inner(), &call, input, &canonical).await;
    issued.map_err(|problem| count_miss(&service, &guesses, &call, &code, problem))
}

/// Without a key for repeated requests, nothing is written.
async fn issue(
    service: &Service,
    page_views: Arc<PageViews>,
    call: &RequestContext,
    input: CreateLinkToken,
    canonical: &[u8],
) -> Result<HttpResponse, Problem> {
    if call.idempotency_key.is_none() {
        let to = links::resolve_cached(service, &input.code).await?;
        let view = LinkTokenView::issue(service, &page_views, &to, input.source)?;
        return Ok(HttpResponse::Created().json(view));
    }
    let issuer = service.clone();
    let rule = move |tx: &mut Tx| -> Result<_, links::Error> {
        let to = links::resolve(tx, &input.code)?;
        Ok(Reply::created(&LinkTokenView::issue(&issuer, &page_views, &to, input.source)?))
    };
    idempotent(service, call, canonical, rule).await
}

/// Guesses through this endpoint and on the landing page count towards the same rate limit.
fn count_miss(
    service: &Service,
    guesses: &CodeGuessLimiter,
    call: &RequestContext,
    code: &str,
    problem: Problem,
) -> Problem {
    if !matches!(problem.code, Code::LinkNotFound | Code::CodeMistyped) {
        return problem;
    }
    let wait = guesses.miss(&service.settings, &call.network, code, service.clock.now());
    wait.map_or(problem, code_limited)
}

/// Response outside of the pages for a network address that tried too many wrong codes.
pub(crate) fn code_limited(wait: Wait) -> Problem {
    let detail = "Compare the code with the card or page it came from, then try again later.";
    Problem::new(Code::CodeLimited, detail).retry(wait)
}
