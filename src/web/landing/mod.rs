//! HTTP handlers of the landing page.

pub mod cache;
pub mod challenge_token;
pub mod counting;
pub mod files;
pub mod hit;
pub mod invite;
pub mod invited;
pub mod moved;
pub mod page;
pub mod pages;
pub mod text;
pub mod ttl_cache;
pub mod unsubscribe;
pub mod unsubscribe_page;
pub mod user_agent;
pub mod visit_token;
pub mod well_known;

use actix_web::HttpRequest;
use actix_web::guard::GuardContext;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use std::sync::Arc;

use self::cache::LandingCache;
use crate::domain::link_analytics::PageViews;
use crate::domain::printing::RenderPool;
use crate::platform::rate_limits::CodeGuessLimiter;
use crate::platform::tx::Service;
use crate::web::http::call::is_head;
use crate::web::http::{Code, Problem, cookie};

/// What the handlers of the landing page hold.
pub struct Landing {
    pub service: Service,
    pub cache: Arc<LandingCache>,
    pub code_guesses: Arc<CodeGuessLimiter>,
    pub page_views: Arc<PageViews>,
    pub render_pool: Arc<RenderPool>,
}

/// A code consists of digits; any other path is not a link.
fn digits(code: &str) -> Result<(), Problem> {
    match !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// Route guard: returns true if the last path segment is a code, plain or grouped as people type it. The
/// two page routes use it, because they are matched before all other routes.
pub(in crate::web::landing) fn is_code_path(guard: &GuardContext<'_>) -> bool {
    let path = guard.head().uri.path().trim_end_matches('/');
    path.rsplit('/').next().is_some_and(moved::is_code)
}

/// Values that are new in each response, from one read of randomness.
struct Fresh {
    nonce: String,
    visit_id: String,
}

impl Fresh {
    fn draw(service: &Service) -> Self {
        let bytes = service.random::<28>();
        let (nonce, visit) = bytes.split_at(16);
        let visit_id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(visit);
        Self { nonce: STANDARD_NO_PAD.encode(nonce), visit_id }
    }
}

/// Returns the visit that the request's `?visit=` token proves, for the page of `code`.
fn visit_of<'a>(service: &Service, request: &'a HttpRequest, code: &str) -> Option<visit_token::Visit<'a>> {
    visit_token::read(service, code, parameter(request, "visit=")?)
}

/// Returns the value of a query parameter; `name` includes the `=`.
fn parameter<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.query_string().split('&').find_map(|pair| pair.strip_prefix(name))
}

/// Returns true if the request came in on the second host.
fn is_open_host(service: &Service, request: &HttpRequest) -> bool {
    let open = service.settings.app.open_url.split_once("://").map_or("", |(_, host)| host);
    !open.is_empty() && request.connection_info().host().eq_ignore_ascii_case(open)
}

/// Returns true if an action on the page may be counted: not from a bot, and not from a request
/// that is never counted.
fn counts(service: &Service, request: &HttpRequest, is_machine: bool) -> bool {
    !is_machine && is_visit(service, request)
}

/// Excludes HEAD requests and requests with a staff cookie. The cookie is not checked, because the page is
/// answered without the database, and a made-up cookie only excludes its own sender.
fn is_visit(service: &Service, request: &HttpRequest) -> bool {
    !is_head(request) && cookie::of_staff(service, request).is_none()
}
