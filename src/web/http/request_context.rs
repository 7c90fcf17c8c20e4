//! What a handler needs to know about a request besides its body.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, HeaderName, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::content_coding::Accepted;
use super::{Code, Problem, client_ip};
use crate::kit::{Language, Secret};
use crate::platform::Service;

/// Marks a HEAD request, which is answered like GET but not counted as a page view.
#[derive(Clone, Copy)]
pub struct HeadRequest;

pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<HeadRequest>().is_some()
}

/// The caller: credentials, network and language.
pub struct RequestContext {
    /// The bearer token of the `Authorization` header.
    pub bearer: Option<Secret>,
    pub idempotency_key: Option<String>,
    /// Method and route pattern, such as `POST /v1/accounts`.
    pub route: String,
    /// The path. Its parameters are part of what makes two requests the same.
    pub path: String,
    /// The network that rate limits count: see [`super::client_ip`].
    pub network: String,
    /// Identifies an anonymous caller by what its body holds (SHA-256 of a proof or token).
    pub holder: Option<String>,
    /// The language that `Accept-Language` asks for.
    pub language: Option<Language>,
    /// The content codings that the client accepts.
    pub accepted: Accepted,
    /// The `User-Agent` header, or an empty string.
    pub agent: String,
}

impl RequestContext {
    /// The same request, identified by `secret`: a phone stays the same caller when it changes networks.
    #[must_use]
    pub fn held_by(mut self, secret: &Secret) -> Self {
        self.holder = Some(secret.hash());
        self
    }

    /// The bearer token, or an empty one: a missing token is answered exactly like a wrong one.
    pub fn secret(&self) -> Secret {
        self.bearer.clone().unwrap_or_else(|| Secret::from_client(""))
    }
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request))
    }
}

fn parse(request: &HttpRequest) -> Result<RequestContext, Problem> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let trusted =
        request.app_data::<Data<Service>>().map(|service| service.settings.trusted_proxies.as_slice());
    Ok(RequestContext {
        bearer: header(AUTHORIZATION).and_then(bearer),
        idempotency_key: idempotency_key(request)?,
        route: format!("{} {}", request.method(), request.match_pattern().unwrap_or_default()),
        path: request.path().to_owned(),
        holder: None,
        network: client_ip::network(request, trusted.unwrap_or_default()),
        language: header(ACCEPT_LANGUAGE).and_then(Language::negotiate),
        accepted: Accepted::of(request.headers()),
        agent: header(USER_AGENT).unwrap_or_default().to_owned(),
    })
}

/// The scheme is case-insensitive (RFC 9110 11.1). Cookie tokens are rejected in this header.
fn bearer(value: &str) -> Option<Secret> {
    let (scheme, secret) = value.split_once(' ')?;
    let secret = Secret::from_client(secret.trim());
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_cookie()).then_some(secret)
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(Code::IdempotencyKeyInvalid, "Send 1 to 255 visible ASCII characters.")),
    }
}
