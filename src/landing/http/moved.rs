//! Addresses that people and programs write a little differently: they lead on to the one that it is.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, get};

use super::digits;
use crate::http::Problem;
use crate::refusals;

/// How a code is grouped where it is shown or typed: `488 356`, also as forms and addresses write the space.
const GAPS: [&str; 6] = ["%20", "+", " ", "-", "%C2%A0", "\u{a0}"];

/// Whether a segment of a path is a code, in groups or not.
pub fn is_code(segment: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    // Asked for every request: what begins otherwise is none.
    segment.starts_with(|c: char| c.is_ascii_digit()) && (is_digits(segment) || is_digits(&plain(segment)))
}

/// A code without its gaps.
fn plain(segment: &str) -> String {
    GAPS.iter().fold(segment.to_owned(), |code, gap| code.replace(gap, ""))
}

/// On to the address of `code`, where it is one; the query goes along.
pub fn on(request: &HttpRequest, code: &str, is_scan: bool) -> Result<HttpResponse, Problem> {
    let code = plain(code);
    digits(&code)?;
    let query = request.query_string();
    let (scan, mark) = (if is_scan { "/Q" } else { "" }, if query.is_empty() { "" } else { "?" });
    let address = format!("{scan}/{code}{mark}{query}");
    Ok(HttpResponse::build(StatusCode::PERMANENT_REDIRECT).insert_header((LOCATION, address)).finish())
}

refusals!(MovedRefusals: plain, NotFound);

/// On to the landing page
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "On to `/{code}`, query and all"), MovedRefusals))]
#[get("/{code}/", guard = "super::is_code_path")]
pub async fn with_slash(request: HttpRequest, code: Path<String>) -> Result<HttpResponse, Problem> {
    on(&request, &code, false)
}

/// On to the page behind a printed QR code
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "On to `/Q/{code}`, query and all"), MovedRefusals))]
#[get("/q/{code}", guard = "super::is_code_path")]
pub async fn scanned_small(request: HttpRequest, code: Path<String>) -> Result<HttpResponse, Problem> {
    on(&request, &code, true)
}

/// On to the page behind a printed QR code
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 308, description = "On to `/Q/{code}`, query and all"), MovedRefusals))]
#[get("/Q/{code}/", guard = "super::is_code_path")]
pub async fn scanned_with_slash(request: HttpRequest, code: Path<String>) -> Result<HttpResponse, Problem> {
    on(&request, &code, true)
}
