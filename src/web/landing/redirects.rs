//! Redirects from variant spellings of a link's URL to the canonical one.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, get};

use super::digits;
use crate::problems;
use crate::web::http::Problem;

/// Separators in grouped codes like `488 356`, and the ways in which forms and URLs encode the space.
const GAPS: [&str; 6] = ["%20", "+", " ", "-", "%C2%A0", "\u{a0}"];

/// Returns true if a path segment is a code, grouped or not.
pub(crate) fn is_code(segment: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    // Runs for every request: a segment with another first character is ruled out at once.
    segment.starts_with(|c: char| c.is_ascii_digit()) && (is_digits(segment) || is_digits(&plain(segment)))
}

/// Returns the code without separators.
fn plain(segment: &str) -> String {
    GAPS.iter().fold(segment.to_owned(), |code, gap| code.replace(gap, ""))
}

/// Redirects to the canonical URL of `code`, if it is one, and keeps the query.
pub(crate) fn to_canonical(
    request: &HttpRequest,
    code: &str,
    is_scan: bool,
) -> Result<HttpResponse, Problem> {
    let code = plain(code);
    digits(&code)?;
    let query = request.query_string();
    let (scan, mark) = (if is_scan { "/Q" } else { "" }, if query.is_empty() { "" } else { "?" });
    let address = format!("{scan}/{code}{mark}{query}");
    Ok(HttpResponse::build(StatusCode::PERMANENT_REDIRECT).insert_header((LOCATION, address)).finish())
}

problems!(MovedProblems: plain, NotFound);

/// Redirect a trailing slash to the landing page
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "Redirects to `/{code}` and keeps the query"), MovedProblems),
)]
#[get("/{code}/", guard = "super::is_code_path")]
pub(crate) async fn redirect_trailing_slash(
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    to_canonical(&request, &code, false)
}

/// Redirect a lowercase QR path to the landing page
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "Redirects to `/Q/{code}` and keeps the query"), MovedProblems),
)]
#[get("/q/{code}", guard = "super::is_code_path")]
pub(crate) async fn redirect_lowercase_qr_path(
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    to_canonical(&request, &code, true)
}

/// Redirect a QR path with a trailing slash
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "Redirects to `/Q/{code}` and keeps the query"), MovedProblems),
)]
#[get("/Q/{code}/", guard = "super::is_code_path")]
pub(crate) async fn redirect_qr_trailing_slash(
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    to_canonical(&request, &code, true)
}
