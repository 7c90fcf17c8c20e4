//! The console's stylesheet, at a URL that contains its hash so that it can be cached forever.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;

use crate::kit::secret::sha256;
use crate::web::http::{Code, Problem};

const TEXT: &str = concat!(
    include_str!("../../../assets/tokens.css"),
    include_str!("console.css"),
    include_str!("settings.css"),
    include_str!("inbox.css")
);

static VERSION: LazyLock<String> = LazyLock::new(|| version(TEXT));

/// The first 12 hex digits of a text's SHA-256.
pub(super) fn version(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(12).collect()
}

/// The stylesheet's current URL.
pub(super) fn address() -> String {
    format!("/console/style-{}.css", *VERSION)
}

/// `GET /console/style-….css`: the stylesheet of the current version.
pub(super) async fn style(version: Path<String>) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(lasting("text/css; charset=utf-8", TEXT)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// A response that may be cached forever, because its URL changes with its content.
pub(super) fn lasting(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(text)
}
