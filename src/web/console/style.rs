//! The console's stylesheet, at a URL that contains its hash so that it can be cached forever.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::kit::secret::sha256;
use crate::web::http::content_coding::{Accepted, StaticFile};
use crate::web::http::{Code, Problem};

static FILE: StaticFile = StaticFile::new(concat!(
    include_str!("../../../assets/tokens.css"),
    include_str!("console.css"),
    include_str!("settings.css"),
    include_str!("inbox.css")
));

static VERSION: LazyLock<String> = LazyLock::new(|| version(FILE.text()));

/// The first 12 hex digits of a text's SHA-256.
pub(super) fn version(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(12).collect()
}

/// The stylesheet's current URL.
pub(super) fn address() -> String {
    format!("/console/style-{}.css", *VERSION)
}

/// `GET /console/style-….css`: the stylesheet of the current version.
pub(super) async fn style(version: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(lasting(&request, "text/css; charset=utf-8", &FILE)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// A response that may be cached forever, because its URL changes with its content.
pub(super) fn lasting(request: &HttpRequest, media_type: &'static str, file: &StaticFile) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    file.respond(response, Accepted::of(request.headers()))
}
