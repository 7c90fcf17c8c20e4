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

use crate::platform::tx::{App, Ctx};
use crate::web::http::call::is_head;
use crate::web::http::{Code, Problem, cookie};

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
    fn draw(ctx: &Ctx) -> Self {
        let bytes = ctx.random::<28>();
        let (nonce, visit) = bytes.split_at(16);
        let visit_id = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(visit);
        Self { nonce: STANDARD_NO_PAD.encode(nonce), visit_id }
    }
}

/// Returns the visit that the request's `?visit=` token proves, for the page of `code`.
fn visit_of<'a>(ctx: &Ctx, request: &'a HttpRequest, code: &str) -> Option<visit_token::Visit<'a>> {
    visit_token::read(ctx, code, parameter(request, "visit=")?)
}

/// Returns the value of a query parameter; `name` includes the `=`.
fn parameter<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.query_string().split('&').find_map(|pair| pair.strip_prefix(name))
}

/// Returns true if the request came in on the second host.
fn is_open_host(app: &App, request: &HttpRequest) -> bool {
    let open = app.config.app.open_url.split_once("://").map_or("", |(_, host)| host);
    !open.is_empty() && request.connection_info().host().eq_ignore_ascii_case(open)
}

/// Returns true if an action on the page may be counted: not from a bot, and not from a request
/// that is never counted.
fn counts(app: &App, request: &HttpRequest, is_machine: bool) -> bool {
    !is_machine && is_visit(app, request)
}

/// Excludes HEAD requests and requests with a staff cookie. The cookie is not checked, because the page is
/// answered without the database, and a made-up cookie only excludes its own sender.
fn is_visit(app: &App, request: &HttpRequest) -> bool {
    !is_head(request) && cookie::of_staff(app, request).is_none()
}
