//! HTML pages: one policy for all of them, and nothing from anywhere else.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Code, Problem};
use crate::app::App;

/// A nonce for one page's style and script.
pub fn nonce(app: &App) -> String {
    STANDARD_NO_PAD.encode(app.ctx().random::<16>())
}

/// A rendered page. `scripts` lets the page's own script run and call the page's own host.
pub fn page(
    app: &App,
    status: StatusCode,
    nonce: &str,
    scripts: bool,
    body: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|_| Problem::new(Code::Internal, "This page cannot be shown."))?;
    let script =
        if scripts { format!("; script-src 'nonce-{nonce}'; connect-src 'self'") } else { String::new() };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:{script}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = HttpResponse::build(status);
    response
        .content_type(ContentType::html())
        .insert_header(("content-security-policy", policy))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("x-robots-tag", "noindex"))
        .insert_header(("cache-control", "no-store"));
    if !app.config.is_development() {
        response.insert_header(("strict-transport-security", "max-age=63072000; includeSubDomains"));
    }
    Ok(response.body(body))
}
