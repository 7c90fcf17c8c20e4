//! HTML pages: one content security policy for all of them, and nothing from other hosts.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Code, Problem};
use crate::platform::Service;

/// A nonce for the style and script of one page.
pub fn nonce(service: &Service) -> String {
    STANDARD_NO_PAD.encode(service.random::<16>())
}

/// What a page may do besides being displayed; it selects the content security policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePolicy {
    Nothing,
    /// Submit a form to its own host.
    Form,
    /// Run its own script and call its own host.
    Script,
    /// Submit a form and run a script.
    Both,
}

impl PagePolicy {
    fn header(self, nonce: &str) -> String {
        let script = match self {
            Self::Script | Self::Both => format!("; script-src 'nonce-{nonce}'; connect-src 'self'"),
            Self::Nothing | Self::Form => String::new(),
        };
        let form = if matches!(self, Self::Form | Self::Both) { "'self'" } else { "'none'" };
        format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:{script}; base-uri 'none'; \
             form-action {form}; frame-ancestors 'none'"
        )
    }
}

pub fn page(
    service: &Service,
    status: StatusCode,
    nonce: &str,
    policy: PagePolicy,
    body: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|_| Problem::new(Code::Internal, "This page cannot be displayed."))?;
    let mut response = HttpResponse::build(status);
    response
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, policy.header(nonce)))
        .insert_header((REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .insert_header((HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if !service.settings.is_development() {
        response.insert_header((
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        ));
    }
    Ok(response.body(body))
}
