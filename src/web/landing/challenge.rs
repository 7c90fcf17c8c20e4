//! `/challenge`, and the pages for codes that no active link has: an address that tried many of them gets a
//! challenge instead of an answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::challenge_token::{self, Validity};
use super::{Landing, digits, document, inline, templates};
use crate::kit::Wait;
use crate::problems;
use crate::web::http::html::PagePolicy;
use crate::web::http::{Form, Problem, RequestContext};

/// Returns the page for an unknown code, or the challenge if the address has tried too many.
pub(super) async fn unknown_code(
    landing: &Landing,
    call: &RequestContext,
    code: &str,
    mistyped: bool,
) -> Result<HttpResponse, Problem> {
    if let Some(wait) = landing.miss(call, code) {
        return blocked(landing, call, code, wait);
    }
    let language = call.language.unwrap_or_default();
    let page = templates::not_found(landing.settings(), language, mistyped);
    let policy = (&inline::PLAIN_STYLE, PagePolicy::Nothing);
    document::respond(landing, call.accepted, StatusCode::NOT_FOUND, policy, page).await
}

/// Response for a network address that the code-guess limiter blocks.
pub(super) fn blocked(
    landing: &Landing,
    call: &RequestContext,
    code: &str,
    wait: Wait,
) -> Result<HttpResponse, Problem> {
    challenge(landing, call, code, 0, Some(wait.seconds))
}

fn challenge(
    landing: &Landing,
    call: &RequestContext,
    code: &str,
    early: u64,
    wait: Option<u64>,
) -> Result<HttpResponse, Problem> {
    let token = challenge_token::sign(&landing.service, &call.network);
    let page = templates::challenge(call.language.unwrap_or_default(), &token, code, early);
    let policy = document::policy_of(PagePolicy::Form, inline::PLAIN_STYLE.source(), "")?;
    // The token is a secret of this address, and the code came with the request.
    let mut response = document::respond_plainly(landing, StatusCode::TOO_MANY_REQUESTS, policy, page)?;
    response.headers_mut().insert(RETRY_AFTER, wait.unwrap_or(60).max(1).into());
    Ok(response)
}

problems!(ChallengeProblems: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Pass the challenge after too many wrong codes
#[utoipa::path(
    tag = "links",
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        example = "ticket=1795359600.c29tZXRoaW5n.c2lnbmF0dXJl&code=123456",
    ),
    responses(
        (status = 303, description = "Redirects to the landing page of the code"),
        (
            status = 429,
            description = "Too early, or the challenge token is invalid: the challenge again",
            content_type = "text/html",
        ),
        ChallengeProblems,
    ),
)]
#[post("/challenge")]
pub(crate) async fn pass_challenge(
    landing: Data<Landing>,
    call: RequestContext,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let (token, code) = (form.field("ticket"), form.field("code"));
    let code = if digits(&code).is_ok() && code.len() <= 12 { code } else { String::new() };
    match challenge_token::check(&landing.service, &call.network, &token) {
        Validity::Valid if landing.code_guesses.forgive(&call.network, &token) => {
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, format!("/{code}"))).finish())
        }
        Validity::TooEarly(seconds) => challenge(&landing, &call, &code, seconds, Some(seconds)),
        _ => challenge(&landing, &call, &code, 0, None),
    }
}
