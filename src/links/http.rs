//! The doors of practice links: the landing page, link tokens, the well-known files.

use actix_web::http::StatusCode;
use actix_web::http::header::USER_AGENT;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use super::page::{self, Lead};
use super::{Refusal, Source, well_known};
use crate::app::App;
use crate::http::{Answer, Body, Call, Code, Problem, html, once};
use crate::kit::{Secret, Timestamp};
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
    if (6..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) {
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

refusals!(CreateLinkTokenRefusals: keyed, LinkNotFound, CodeMistyped);

/// Turns a link's code into a link token
#[utoipa::path(tag = "links", request_body = CreateLinkToken, responses((status = 201, description = "A signed token for 30 days", body = LinkTokenView), CreateLinkTokenRefusals))]
#[post("/v1/link-tokens")]
pub async fn create_link_token(
    app: Data<App>,
    call: Call,
    body: Body<CreateLinkToken>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    once(&app, &call, &canonical, move |ctx, conn| {
        let (token, to) = super::issue_token(ctx, conn, &input.code, input.source)?;
        let practice = PracticeFace { name: to.practice.name, city: to.practice.city };
        let view = LinkTokenView { link_token: token.token, expires_at: token.expires_at, practice };
        Ok::<_, Refusal>(Answer::created(&view))
    })
    .await
}

refusals!(LandingRefusals: plain);

/// The landing page of a practice's link
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456")),
    responses((status = 200, description = "The practice's page", content_type = "text/html"),
    (status = 404, description = "One and the same page for unknown, closed and suspended codes; or a problem, where the path is no number", content((String = "text/html"), (crate::http::problem::ProblemBody = "application/problem+json"))), LandingRefusals))]
#[get("/{code}")]
pub async fn landing(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&app, &call, &request, code.into_inner()).await
}

/// The landing page, reached by a printed QR code
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456")),
    responses((status = 200, description = "The practice's page", content_type = "text/html"),
    (status = 404, description = "As for the plain link", content((String = "text/html"), (crate::http::problem::ProblemBody = "application/problem+json"))), LandingRefusals))]
#[get("/Q/{code}")]
pub async fn scanned(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&app, &call, &request, code.into_inner()).await
}

async fn show(app: &App, call: &Call, request: &HttpRequest, code: String) -> Result<HttpResponse, Problem> {
    if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::new(Code::NotFound, "Check the address."));
    }
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let nonce = html::nonce(app);
    match app.read(move |_, conn| super::resolve(conn, &code)).await {
        Ok(to) => {
            let language = call.language.unwrap_or(to.practice.language());
            let body = page::landing(&app.config, &to, language, Lead::guess(user_agent), &nonce);
            html::page(app, StatusCode::OK, &nonce, false, body)
        }
        Err(Refusal::Db(error)) => Err(error.into()),
        Err(refusal) => {
            let mistyped = matches!(refusal, Refusal::Mistyped);
            let body = page::not_found(&app.config, call.language.unwrap_or_default(), mistyped, &nonce);
            html::page(app, StatusCode::NOT_FOUND, &nonce, false, body)
        }
    }
}

/// Which links open the iOS app
#[utoipa::path(tag = "links", responses((status = 200, description = "Apple's app site association", body = Object)))]
#[get("/.well-known/apple-app-site-association")]
pub async fn apple_app_site_association(app: Data<App>) -> Json<Value> {
    Json(well_known::apple(&app.config))
}

/// Which links open the Android app
#[utoipa::path(tag = "links", responses((status = 200, description = "Google's Digital Asset Links", body = Vec<Object>)))]
#[get("/.well-known/assetlinks.json")]
pub async fn assetlinks(app: Data<App>) -> Json<Value> {
    Json(well_known::android(&app.config))
}
