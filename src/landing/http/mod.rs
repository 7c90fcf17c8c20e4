//! The doors of the landing page.

pub mod counting;
pub mod files;
pub mod hit;
pub mod invite;
pub mod moved;
pub mod pages;
pub mod text;

use actix_web::HttpRequest;
use actix_web::guard::GuardContext;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::visit;
use crate::app::{App, Ctx};
use crate::http::call::is_head;
use crate::http::{Code, Problem, cookie};

/// A code is digits; a path of anything else is no link's.
fn digits(code: &str) -> Result<(), Problem> {
    match !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// Whether the last segment of the path is a code, as it stands in an address or as people type it: the guard of
/// the two pages, which stand before all other routes.
pub(in crate::landing) fn is_code_path(guard: &GuardContext<'_>) -> bool {
    let path = guard.head().uri.path().trim_end_matches('/');
    path.rsplit('/').next().is_some_and(moved::is_code)
}

/// What is new on each page, of one draw of randomness.
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

/// The visit that a request's `?visit=` proves, for a page of `code`.
fn visit_of<'a>(ctx: &Ctx, request: &'a HttpRequest, code: &str) -> Option<visit::Visit<'a>> {
    visit::read(ctx, code, parameter(request, "visit=")?)
}

/// What stands behind `name` (with its `=`) in a request's query.
fn parameter<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.query_string().split('&').find_map(|pair| pair.strip_prefix(name))
}

/// Whether the request came in on the second host.
fn is_open_host(app: &App, request: &HttpRequest) -> bool {
    let open = app.config.app.open_url.split_once("://").map_or("", |(_, host)| host);
    !open.is_empty() && request.connection_info().host().eq_ignore_ascii_case(open)
}

/// Whether something that a person does may count: no machine, and no visitor that never does.
fn counts(app: &App, request: &HttpRequest, is_machine: bool) -> bool {
    !is_machine && is_visit(app, request)
}

/// No HEAD, and nobody of a practice's staff. Whether their cookie is (still) good is not asked: the page is answered
/// without the database, and who makes one up leaves out nobody but themselves.
fn is_visit(app: &App, request: &HttpRequest) -> bool {
    !is_head(request) && cookie::of_staff(app, request).is_none()
}
