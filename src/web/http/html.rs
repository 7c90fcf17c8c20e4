//! HTML pages: one content security policy for all of them, and nothing from other hosts.
//!
//! A policy names its page's style and script in one of two ways. The console's pages are new for each
//! response, and have a nonce. The public pages have styles and scripts that never change, and the policy
//! has their hashes, so that two responses are equal and can be compressed once. A hash is taken of text in
//! this program, never of what a rendered page contains: otherwise the policy would allow what somebody
//! smuggled into it.

use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{Code, Problem};
use crate::platform::Service;

/// A nonce for the style and script of one page.
pub fn nonce(service: &Service) -> String {
    STANDARD_NO_PAD.encode(service.random::<16>())
}

/// The content of a `<style>` or `<script>` element of a page whose policy has hashes.
pub struct Inline {
    text: &'static str,
    source: OnceLock<String>,
}

impl Inline {
    pub const fn new(text: &'static str) -> Self {
        Self { text, source: OnceLock::new() }
    }

    /// Returns the text that the template puts between the tags, and nothing else.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Returns what the policy calls it.
    pub fn source(&self) -> &str {
        self.source.get_or_init(|| hash_source(self.text))
    }
}

/// The hash source of an inline element (CSP Level 3, 2.3.1).
pub fn hash_source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
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
    /// Returns the header for a page whose styles and scripts have these sources.
    pub fn header(self, styles: &str, scripts: &str) -> String {
        let script = match self {
            Self::Script | Self::Both => format!("; script-src {scripts}; connect-src 'self'"),
            Self::Nothing | Self::Form => String::new(),
        };
        let form = if matches!(self, Self::Form | Self::Both) { "'self'" } else { "'none'" };
        format!(
            "default-src 'none'; style-src {styles}; img-src 'self' data:{script}; base-uri 'none'; \
             form-action {form}; frame-ancestors 'none'"
        )
    }
}

/// Responds with a page that has a nonce.
pub fn page(
    service: &Service,
    status: StatusCode,
    nonce: &str,
    policy: PagePolicy,
    body: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|_| unshowable())?;
    let source = format!("'nonce-{nonce}'");
    let policy = HeaderValue::try_from(policy.header(&source, &source)).map_err(|_| unshowable())?;
    Ok(head(service, status, policy).body(body))
}

/// The headers that every page has.
pub fn head(service: &Service, status: StatusCode, policy: HeaderValue) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, policy))
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
    response
}

/// The problem of a page that could not be rendered.
pub fn unshowable() -> Problem {
    Problem::new(Code::Internal, "This page cannot be displayed.")
}
