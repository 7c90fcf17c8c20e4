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
    include_str!("../settings.css")
);

/// The first letters of its digest.
static VERSION: LazyLock<String> = LazyLock::new(|| sha256(TEXT.as_bytes()).chars().take(12).collect());

/// Where it is.
pub fn address() -> String {
    format!("/console/style-{}.css", *VERSION)
}

/// `GET /console/style-….css`
pub async fn style(version: Path<String>) -> Result<HttpResponse, Problem> {
    if *version != *VERSION {
        return Err(Problem::new(Code::NotFound, "Check the address."));
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(TEXT))
}
