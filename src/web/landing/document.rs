//! A rendered public page, which is compressed once and sent many times.
//!
//! What differs between two responses is the visit token, and the template puts it at the end of the page.
//! A page is compressed up to there, by its content: a page that is rendered again and has not changed is
//! not compressed again. What is compressed has no secret in it and nothing that the request said except
//! which page it is, so the length of a response tells nothing (the BREACH attack). Pages with both, such
//! as the form with a wrong number in it, are sent as they are.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;

use super::Landing;
use crate::platform::Service;
use crate::web::http::Problem;
use crate::web::http::content_coding::{Accepted, Coding, CompressedForms};
use crate::web::http::html::{self, Inline, PagePolicy};

/// Placeholder of the visit token in a rendered page. No name or text of a practice contains a control
/// character, so it is only where the template put it.
pub(super) const VISIT: &str = "\u{1}";

/// A rendered page, complete except for the visit token.
pub struct Document {
    /// Up to the first visit token.
    opening: Bytes,
    /// What follows each visit token.
    rest: Vec<String>,
    policy: HeaderValue,
    forms: Arc<CompressedForms>,
}

impl Document {
    /// Splits a page at its placeholders. `forms` returns the compressed forms of a text, if there are any
    /// yet.
    pub(super) fn new(
        page: &str,
        policy: HeaderValue,
        forms: impl FnOnce(&[u8]) -> Arc<CompressedForms>,
    ) -> Self {
        let mut parts = page.split(VISIT);
        let opening = Bytes::copy_from_slice(parts.next().unwrap_or_default().as_bytes());
        let rest = parts.map(str::to_owned).collect();
        Self { forms: forms(&opening), opening, rest, policy }
    }

    /// Whether a response with this coding needs no work that takes milliseconds.
    pub(super) fn is_ready(&self, coding: Coding) -> bool {
        coding != Coding::Brotli || self.forms.has_brotli()
    }

    /// Returns work that makes the page ready for Brotli.
    pub(super) fn brotli(&self) -> impl FnOnce() + Send + 'static {
        let (forms, opening) = (Arc::clone(&self.forms), self.opening.clone());
        move || {
            forms.opening(Coding::Brotli, &opening);
        }
    }

    /// Responds with the page.
    pub(super) fn respond(
        &self,
        service: &Service,
        status: StatusCode,
        visit: &str,
        coding: Coding,
    ) -> HttpResponse {
        let mut rest = String::with_capacity(512);
        for part in &self.rest {
            rest.push_str(visit);
            rest.push_str(part);
        }
        let mut response = html::head(service, status, self.policy.clone());
        let Some(opening) = self.forms.opening(coding, &self.opening) else {
            Coding::Identity.describe(&mut response);
            return response.body([&self.opening, rest.as_bytes()].concat());
        };
        coding.describe(&mut response);
        response.body(opening.finish(rest.as_bytes()))
    }
}

/// Responds with a page without a visit token.
pub(super) async fn respond(
    landing: &Landing,
    accepted: Accepted,
    status: StatusCode,
    (style, policy): (&Inline, PagePolicy),
    page: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    let page = page.map_err(|_| html::unshowable())?;
    let document = landing.cache.document(&page, policy_of(policy, style.source(), "")?);
    let coding = landing.cache.prepare(&document, accepted).await;
    Ok(document.respond(&landing.service, status, "", coding))
}

/// Responds with a page that has a secret and something that the request said, so that it is not compressed.
pub(super) fn respond_plainly(
    landing: &Landing,
    status: StatusCode,
    policy: HeaderValue,
    page: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    let page = page.map_err(|_| html::unshowable())?;
    Ok(html::head(&landing.service, status, policy).body(page))
}

/// The content security policy of a page with these styles and scripts.
pub(super) fn policy_of(policy: PagePolicy, styles: &str, scripts: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(policy.header(styles, scripts)).map_err(|_| html::unshowable())
}
