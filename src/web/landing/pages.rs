//! Handlers of the landing page and of the challenge page.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::cache::{Drawn, Key};
use super::challenge_token;
use super::page::{self, View};
use super::user_agent::Visitor;
use super::visit_token::{self, Visit};
use super::{Fresh, digits, is_open_host, is_visit, moved};
use crate::domain::link_analytics::Step;
use crate::domain::links::{self, Destination, Opened};
use crate::kit::{Timestamp, Wait};
use crate::refusals;
use crate::web::http::html::Does;
use crate::web::http::{Call, Code, Form, Problem, html};
use crate::web::landing::Landing;

refusals!(LandingRefusals: plain);

/// Get the landing page of a link
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"), ("s" = Option<String>, Query, description = "Channel that the view is counted under, `[a-z0-9-]{1,32}`", example = "brochure")),
    responses((status = 200, description = "The landing page, or a notice that the link is paused", content_type = "text/html"),
    (status = 308, description = "A grouped code like `488 356`: redirects to the plain address and keeps the query"),
    (status = 404, description = "The same page for unknown, closed and suspended codes, or a problem if the path is not a number", content((String = "text/html"), (crate::web::http::problem::ProblemBody = "application/problem+json"))),
    (status = 429, description = "A challenge for a network address that tried many wrong codes", content_type = "text/html"), LandingRefusals))]
#[get("/{code}", guard = "super::is_code_path")]
pub async fn get_landing_page(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&landing, &call, &request, code.into_inner(), false).await
}

/// Get the landing page after a QR code scan
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"), ("s" = Option<String>, Query, description = "Channel that the view is counted under", example = "brochure")),
    responses((status = 200, description = "The landing page", content_type = "text/html"),
    (status = 308, description = "Same as for the plain link"),
    (status = 404, description = "Same as for the plain link", content((String = "text/html"), (crate::web::http::problem::ProblemBody = "application/problem+json"))),
    (status = 429, description = "Same as for the plain link", content_type = "text/html"), LandingRefusals))]
#[get("/Q/{code}", guard = "super::is_code_path")]
pub async fn get_scanned_landing_page(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&landing, &call, &request, code.into_inner(), true).await
}

async fn show(
    landing: &Landing,
    call: &Call,
    request: &HttpRequest,
    code: String,
    is_scan: bool,
) -> Result<HttpResponse, Problem> {
    if digits(&code).is_err() {
        return moved::on(request, &code, is_scan);
    }
    if let Err(wait) =
        landing.code_guesses.admit(&landing.service.settings, &call.network, landing.service.now())
    {
        return held_back(landing, call, &code, wait);
    }
    let (key, visitor) = key(landing, call, request, code);
    let drawn = match landing.cache.find(&key) {
        Some(drawn) => drawn,
        None => match draw(landing, &key).await? {
            Ok(drawn) => drawn,
            Err(mistyped) => return nowhere(landing, call, &key.code, mistyped),
        },
    };
    let ask = Ask {
        key: &key,
        query: request.query_string(),
        is_machine: visitor.is_machine,
        is_scan,
        is_visit: is_visit(&landing.service, request),
    };
    shown(landing, &drawn, &ask)
}

/// Returns the cache key of the requested page, and the visitor.
pub(super) fn key(landing: &Landing, call: &Call, request: &HttpRequest, code: String) -> (Key, Visitor) {
    let visitor = Visitor::of(request.headers(), |agent| landing.cache.lead(agent));
    let is_open_host = is_open_host(&landing.service, request);
    (Key { code, language: call.language, lead: visitor.lead, is_open_host }, visitor)
}

/// Properties of a page request.
pub(super) struct Ask<'a> {
    pub key: &'a Key,
    pub query: &'a str,
    pub is_machine: bool,
    /// Whether the printed QR code was scanned.
    pub is_scan: bool,
    /// Whether the request may be counted at all.
    pub is_visit: bool,
}

/// Fills in a rendered page and counts the view.
pub(super) fn shown(landing: &Landing, drawn: &Drawn, ask: &Ask<'_>) -> Result<HttpResponse, Problem> {
    let channel = visit_token::channel(ask.query);
    if ask.is_visit && drawn.is_open {
        count(landing, landing.service.now(), drawn, channel, ask);
    }
    let fresh = Fresh::draw(&landing.service);
    let visit = Visit { id: &fresh.visit_id, link_id: Cow::Borrowed(&drawn.link_id), channel };
    let visit = visit_token::sign(&landing.service, &ask.key.code, &visit);
    let does = if drawn.is_open { Does::Both } else { Does::Nothing };
    html::page(&landing.service, StatusCode::OK, &fresh.nonce, does, Ok(drawn.page(&fresh.nonce, &visit)))
}

fn count(landing: &Landing, now: Timestamp, drawn: &Drawn, channel: &str, ask: &Ask<'_>) {
    let add = |step| landing.page_views.add(now, &drawn.link_id, step, channel);
    add(Step::View);
    match (ask.is_machine, ask.is_scan) {
        (true, _) => add(Step::BotView),
        (false, true) => add(Step::Scan),
        (false, false) => {}
    }
}

/// Renders and caches a page. The inner `Err` means that no active link has the code; it says whether
/// the code looks mistyped.
async fn draw(landing: &Landing, key: &Key) -> Result<Result<Arc<Drawn>, bool>, Problem> {
    let (generation, code) = (landing.cache.generation(), key.code.clone());
    let (to, is_open) = match landing.service.read(move |tx| links::open(tx, &code)).await? {
        Opened::Open(to) => (to, true),
        Opened::Paused(to) => (to, false),
        Opened::Nowhere { mistyped } => return Ok(Err(mistyped)),
    };
    let view = view(landing, &to, key);
    let page = if is_open { page::landing(&view, &page::Form::default()) } else { page::paused(&view) };
    let drawn = Arc::new(Drawn::new(&to.link.id, is_open, &page.map_err(|_| unshowable())?));
    landing.cache.keep(key.clone(), &drawn, generation);
    Ok(Ok(drawn))
}

pub(super) fn view<'a>(landing: &'a Landing, to: &'a Destination, key: &Key) -> View<'a> {
    View {
        settings: &landing.service.settings,
        badges: landing.cache.badges(&landing.service.settings),
        to,
        language: key.language.unwrap_or(to.practice.language()),
        lead: key.lead,
        is_open_host: key.is_open_host,
    }
}

pub(super) fn unshowable() -> Problem {
    Problem::new(Code::Internal, "This page cannot be shown.")
}

/// Returns the page for an unknown code, or the challenge if the address has tried too many.
pub(super) fn nowhere(
    landing: &Landing,
    call: &Call,
    code: &str,
    mistyped: bool,
) -> Result<HttpResponse, Problem> {
    if let Some(wait) =
        landing.code_guesses.miss(&landing.service.settings, &call.network, code, landing.service.clock.now())
    {
        return held_back(landing, call, code, wait);
    }
    let nonce = html::nonce(&landing.service);
    let body =
        page::not_found(&landing.service.settings, call.language.unwrap_or_default(), mistyped, &nonce);
    html::page(&landing.service, StatusCode::NOT_FOUND, &nonce, Does::Nothing, body)
}

/// Response for a network address that the code-guess limiter blocks.
pub(super) fn held_back(
    landing: &Landing,
    call: &Call,
    code: &str,
    wait: Wait,
) -> Result<HttpResponse, Problem> {
    challenge(landing, call, code, 0, Some(wait.seconds))
}

fn challenge(
    landing: &Landing,
    call: &Call,
    code: &str,
    early: u64,
    wait: Option<u64>,
) -> Result<HttpResponse, Problem> {
    let (nonce, ticket) =
        (html::nonce(&landing.service), challenge_token::sign(&landing.service, &call.network));
    let body = page::challenge(call.language.unwrap_or_default(), &ticket, code, early, &nonce);
    let mut response = html::page(&landing.service, StatusCode::TOO_MANY_REQUESTS, &nonce, Does::Form, body)?;
    response.headers_mut().insert(RETRY_AFTER, wait.unwrap_or(60).max(1).into());
    Ok(response)
}

refusals!(ChallengeRefusals: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Pass the challenge after too many wrong codes
#[utoipa::path(tag = "links", request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "ticket=1795359600.c29tZXRoaW5n.c2lnbmF0dXJl&code=123456"),
    responses((status = 303, description = "Redirects to the landing page of the code"),
    (status = 429, description = "Too early, or the challenge token is invalid: the challenge again", content_type = "text/html"), ChallengeRefusals))]
#[post("/challenge")]
pub async fn pass_challenge(landing: Data<Landing>, call: Call, form: Form) -> Result<HttpResponse, Problem> {
    let (ticket, code) = (form.field("ticket"), form.field("code"));
    let code = if digits(&code).is_ok() && code.len() <= 12 { code } else { String::new() };
    match challenge_token::worth(&landing.service, &call.network, &ticket) {
        challenge_token::Worth::Good if landing.code_guesses.forgive(&call.network, &ticket) => {
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, format!("/{code}"))).finish())
        }
        challenge_token::Worth::TooEarly(seconds) => {
            challenge(&landing, &call, &code, seconds, Some(seconds))
        }
        _ => challenge(&landing, &call, &code, 0, None),
    }
}
