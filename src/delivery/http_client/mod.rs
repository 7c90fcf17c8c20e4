//! HTTP client for providers: blocking, on the worker's own thread, with a timeout on every wait.

mod connector;

use std::sync::Arc;
use std::time::Duration;

use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error, Timeout};

use crate::platform::outbox::Outcome;
use crate::platform::settings::BadSetting;

/// Timeout of resolving and connecting, TLS included.
const CONNECT: Duration = Duration::from_secs(2);
/// Timeout of the whole call, to the last byte: two providers, one after the other, fit in eight seconds.
const WHOLE: Duration = Duration::from_millis(3_500);
/// Size limit of an answer's body.
const MOST_BYTES: u64 = 64 * 1024;
/// A `Retry-After` beyond this is an outage, and the provider is tried again earlier.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

pub(super) struct ProviderReply {
    pub status: u16,
    /// `Retry-After`, if it is in seconds.
    pub retry_after: Option<Duration>,
    /// The body; empty if it broke off.
    pub body: String,
}

/// An agent that follows no redirects and keeps no connections: one that the provider closed meanwhile
/// would look like a message that may have been accepted.
pub(super) fn agent() -> Agent {
    let config = Agent::config_builder()
        .tls_config(tls())
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .max_idle_connections_per_host(0)
        .timeout_resolve(Some(CONNECT / 2))
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        .user_agent("practice-links");
    connector::agent(config.build())
}

/// TLS by the one crypto provider of this service, trusting the public certificate authorities.
pub(super) fn tls() -> TlsConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(RootCerts::WebPki).build()
}

/// Reads an answer completely; without an answer, returns what that means for the message.
pub(super) fn read_reply(answer: Result<Response<Body>, Error>) -> Result<ProviderReply, Outcome> {
    let mut answer = answer.map_err(|error| unanswered(&error))?;
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let seconds = retry_after.and_then(|text| text.trim().parse().ok());
    Ok(ProviderReply {
        status: answer.status().as_u16(),
        retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)),
        body: answer.body_mut().with_config().limit(MOST_BYTES).read_to_string().unwrap_or_default(),
    })
}

/// Before the request was sent, nothing can have been accepted; after that, the result is unknown.
fn unanswered(error: &Error) -> Outcome {
    match error {
        error if let Some(why) = connector::unsent(error) => Outcome::Retry(why),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => Outcome::Retry("connect_timeout"),
        Error::Timeout(_) => Outcome::Ambiguous("no_answer_in_time"),
        Error::BadUri(_) | Error::Http(_) => Outcome::Misconfigured("bad_url"),
        Error::Io(_) => Outcome::Ambiguous("connection_lost"),
        _ => Outcome::Ambiguous("unreadable_answer"),
    }
}

/// Outcome of a status that needs no table of error codes; `None` for the others.
pub(super) fn outcome_of_status(reply: &ProviderReply) -> Option<Outcome> {
    match reply.status {
        200..=299 => Some(Outcome::Sent),
        300..=399 => Some(Outcome::Misconfigured("redirected")),
        401 => Some(Outcome::Misconfigured("authentication_failed")),
        429 => Some(retry("too_many_requests", reply)),
        503 => Some(retry("unavailable", reply)),
        status if status >= 500 => Some(Outcome::Ambiguous("server_error")),
        _ => None,
    }
}

fn retry(why: &'static str, reply: &ProviderReply) -> Outcome {
    match reply.retry_after {
        Some(wait) => Outcome::RetryAfter(why, wait),
        None => Outcome::Retry(why),
    }
}

/// Encodes pairs as `application/x-www-form-urlencoded`, for a body or a query.
pub(super) fn encode_form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// `url` without its trailing slash, if it is an HTTP origin, possibly with a path.
pub(super) fn base_url<'a>(setting: &str, url: &'a str) -> Result<&'a str, BadSetting> {
    let uri: ureq::http::Uri = url.parse().map_err(|_| BadSetting::new(setting, "is not a URL"))?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_web || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
        return Err(BadSetting::new(setting, "must start with http:// or https:// and name a host"));
    }
    Ok(url.trim_end_matches('/'))
}

/// The value of a setting that the provider requires.
pub(super) fn required<'a>(setting: &str, value: &'a str) -> Result<&'a str, BadSetting> {
    match value {
        "" => Err(BadSetting::new(setting, "is required by this provider")),
        value => Ok(value),
    }
}
