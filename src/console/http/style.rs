//! The console's one stylesheet, under an address that changes with it.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;

use crate::http::{Code, Problem};
use crate::kit::secret::sha256;

const TEXT: &str = concat!(
    include_str!("../../../assets/tokens.css"),
    include_str!("../console.css"),
    include_str!("../settings.css"),
    include_str!("../inbox.css")
);

static VERSION: LazyLock<String> = LazyLock::new(|| version(TEXT));

/// The first letters of a text's digest.
pub fn version(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(12).collect()
}

/// Where it is.
pub fn address() -> String {
    format!("/console/style-{}.css", *VERSION)
}

/// `GET /console/style-….css`
pub async fn style(version: Path<String>) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(lasting("text/css; charset=utf-8", TEXT)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// What stays as it is under its address.
pub fn lasting(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(text)
}
