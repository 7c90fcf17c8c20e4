//! `/{code}` and `/Q/{code}`: the landing page of a link.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::cache::{PageKey, RenderedPage};
use super::document::policy_of;
use super::templates::{self, View};
use super::user_agent::Visitor;
use super::{Landing, challenge, digits, inline, is_open_host, is_visit, redirects, visit_token};
use crate::domain::link_analytics::Step;
use crate::domain::links::{self, Destination, Lookup};
use crate::problems;
use crate::web::http::content_coding::Coding;
use crate::web::http::html::{self, PagePolicy, hash_source};
use crate::web::http::{Problem, RequestContext};

problems!(LandingProblems: plain);

/// Get the landing page of a link
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"),
        (
            "s" = Option<String>,
            Query,
            description = "Channel that the view is counted under, `[a-z0-9-]{1,32}`",
            example = "brochure",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The landing page, or a notice that the link is paused",
            content_type = "text/html",
        ),
        (
            status = 308,
            description = "A grouped code like `488 356`: redirects to the plain address and keeps the query",
        ),
        (
            status = 404,
            description = "The same page for unknown, closed and suspended codes, or a problem if the path \
                is not a number",
            content(
                (String = "text/html"),
                (crate::web::http::problem::ProblemBody = "application/problem+json"),
            ),
        ),
        (
            status = 429,
            description = "A challenge for a network address that tried many wrong codes",
            content_type = "text/html",
        ),
        LandingProblems,
    ),
)]
#[get("/{code}", guard = "super::is_code_path")]
pub(crate) async fn get_landing_page(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&landing, &call, &request, code.into_inner(), false).await
}

/// Get the landing page after a QR code scan
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"),
        (
            "s" = Option<String>,
            Query,
            description = "Channel that the view is counted under",
            example = "brochure",
        ),
    ),
    responses(
        (status = 200, description = "The landing page", content_type = "text/html"),
        (status = 308, description = "Same as for the plain link"),
        (
            status = 404,
            description = "Same as for the plain link",
            content(
                (String = "text/html"),
                (crate::web::http::problem::ProblemBody = "application/problem+json"),
            ),
        ),
        (status = 429, description = "Same as for the plain link", content_type = "text/html"),
        LandingProblems,
    ),
)]
#[get("/Q/{code}", guard = "super::is_code_path")]
pub(crate) async fn get_scanned_landing_page(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&landing, &call, &request, code.into_inner(), true).await
}

async fn show(
    landing: &Landing,
    call: &RequestContext,
    request: &HttpRequest,
    code: String,
    is_scan: bool,
) -> Result<HttpResponse, Problem> {
    if digits(&code).is_err() {
        return redirects::to_canonical(request, &code, is_scan);
    }
    if let Err(wait) = landing.admit(call) {
        return challenge::blocked(landing, call, &code, wait);
    }
    let (key, visitor) = page_key(landing, call, request, code);
    let page = match landing.cache.page(&key) {
        Some(page) => page,
        None => match render(landing, &key).await? {
            Ok(page) => page,
            Err(mistyped) => return challenge::unknown_code(landing, call, &key.code, mistyped).await,
        },
    };
    let asked = PageRequest {
        key: &key,
        coding: landing.cache.prepare(&page.document, call.accepted).await,
        query: request.query_string(),
        is_machine: visitor.is_machine,
        is_scan,
        is_visit: is_visit(&landing.service, request),
    };
    Ok(respond(landing, &page, &asked))
}

/// Returns the cache key of the requested page, and the visitor.
pub(super) fn page_key(
    landing: &Landing,
    call: &RequestContext,
    request: &HttpRequest,
    code: String,
) -> (PageKey, Visitor) {
    let visitor = landing.visitor(request.headers());
    let is_open_host = is_open_host(&landing.service, request);
    (PageKey { code, language: call.language, platform: visitor.platform, is_open_host }, visitor)
}

/// Properties of a page request.
pub(super) struct PageRequest<'a> {
    pub key: &'a PageKey,
    pub query: &'a str,
    /// The page is ready for it.
    pub coding: Coding,
    pub is_machine: bool,
    /// Whether the printed QR code was scanned.
    pub is_scan: bool,
    /// Whether the request may be counted at all.
    pub is_visit: bool,
}

/// Fills in a rendered page and counts the view.
pub(super) fn respond(landing: &Landing, page: &RenderedPage, asked: &PageRequest<'_>) -> HttpResponse {
    let channel = &*visit_token::channel(asked.query);
    if asked.is_visit && page.is_open {
        count_view(landing, page, channel, asked);
    }
    let token = match page.is_open {
        true => visit_token::issue(&landing.service, &asked.key.code, &page.link_id, channel),
        false => String::new(),
    };
    page.document.respond(&landing.service, StatusCode::OK, &token, asked.coding)
}

fn count_view(landing: &Landing, page: &RenderedPage, channel: &str, asked: &PageRequest<'_>) {
    let now = landing.service.now();
    let add = |step| landing.page_views.add(now, &page.link_id, step, channel);
    add(Step::View);
    match (asked.is_machine, asked.is_scan) {
        (true, _) => add(Step::BotView),
        (false, true) => add(Step::Scan),
        (false, false) => {}
    }
}

/// Renders and caches a page. The inner `Err` means that no active link has the code; it says whether
/// the code looks mistyped.
async fn render(landing: &Landing, key: &PageKey) -> Result<Result<Arc<RenderedPage>, bool>, Problem> {
    let (generation, code) = (landing.cache.generation(), key.code.clone());
    let (to, is_open) = match landing.service.read(move |tx| links::look_up(tx, &code)).await? {
        Lookup::Open(to) => (to, true),
        Lookup::Paused(to) => (to, false),
        Lookup::NotFound { mistyped } => return Ok(Err(mistyped)),
    };
    let view = view(landing, &to, key);
    let (html, policy) = match is_open {
        true => (templates::landing(&view, &templates::Form::default()), policy(&view)?),
        false => {
            (templates::paused(&view), policy_of(PagePolicy::Nothing, inline::PLAIN_STYLE.source(), "")?)
        }
    };
    let document = landing.cache.document(&html.map_err(|_| html::unshowable())?, policy);
    let page = Arc::new(RenderedPage { link_id: to.link.id, is_open, document });
    landing.cache.insert_page(key.clone(), &page, generation);
    Ok(Ok(page))
}

/// The content security policy of a page that accepts new patients. The practice's colors are a style of
/// their own.
pub(super) fn policy(view: &View<'_>) -> Result<HeaderValue, Problem> {
    let (style, accent) = (inline::LANDING_STYLE.source(), templates::accent(view));
    let scripts = format!("{} {}", inline::VISIT_SCRIPT.source(), inline::IPAD_SCRIPT.source());
    match accent.as_str() {
        "" => policy_of(PagePolicy::Both, style, &scripts),
        accent => policy_of(PagePolicy::Both, &format!("{style} {}", hash_source(accent)), &scripts),
    }
}

pub(super) fn view<'a>(landing: &'a Landing, to: &'a Destination, key: &PageKey) -> View<'a> {
    View {
        settings: landing.settings(),
        badges: landing.cache.badges(landing.settings()),
        to,
        language: key.language.unwrap_or(to.practice.language),
        platform: key.platform,
        is_open_host: key.is_open_host,
    }
}
