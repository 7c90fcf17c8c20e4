//! A practice's own machine, called with a signed POST (Standard Webhooks 1.0).
//!
//! The URL is a practice's to choose and the call comes from inside our network, so what may be reached is
//! decided where the name becomes an address, for the very connection that is then made: a check before it
//! could be told one address and the connection another.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::app::App;
use crate::kit::internet::is_public;
use crate::kit::{Clock, Timestamp, standard_webhooks};
use crate::outbox::{Hook, Outcome};

/// On the whole call: a server that is silent or drips gets no more of us.
const PATIENCE: Duration = Duration::from_secs(10);
/// On the connection and its TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is honoured, which is the longest wait of the schedule.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Of an answer the status counts, and one header.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// Calls practices' machines.
pub struct Webhooks {
    agent: Agent,
    clock: Arc<dyn Clock>,
}

impl Webhooks {
    /// By `webhooks.*`, and the service's clock.
    pub fn new(app: &App) -> Self {
        let resolver =
            PublicOnly { any: DefaultResolver::default(), allow_private: app.config.webhooks.allow_private };
        let agent = Agent::with_parts(agent_config(), DefaultConnector::default(), resolver);
        Self { agent, clock: Arc::clone(&app.clock) }
    }

    /// Posts `hook`. The answer's body is not read: the status is the answer, and a 200 with an endless body is
    /// a 200.
    pub fn post(&self, hook: &Hook) -> Outcome {
        let now = self.clock.now();
        let Some(signatures) = signatures(hook, now) else { return Outcome::Retry("no_secret") };
        let request = self
            .agent
            .post(&hook.url)
            .header("content-type", "application/json")
            .header("webhook-id", &hook.event_id)
            .header("webhook-timestamp", now.seconds().to_string())
            .header("webhook-signature", signatures);
        match request.send(hook.body.as_bytes()) {
            Ok(answer) => judge(answer.status(), answer.headers(), now),
            Err(error) => Outcome::Retry(why(&error)),
        }
    }
}

/// One a secret, so that a receiver who has either is content.
fn signatures(hook: &Hook, now: Timestamp) -> Option<String> {
    let sign = |secret| standard_webhooks::sign(secret, &hook.event_id, now.seconds(), &hook.body);
    let all: Vec<String> = hook.secrets.iter().map(sign).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.join(" "))
}

/// No redirects, since a public host could lead inside; no proxy of the environment, since that would resolve
/// names in our place; no connection kept, since each is to pass the resolver.
fn agent_config() -> Config {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .max_idle_connections_per_host(0)
        .timeout_global(Some(PATIENCE))
        .timeout_connect(Some(CONNECT))
        .max_response_header_size(MOST_HEADER_BYTES)
        .user_agent(concat!("practice-links/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().unversioned_rustls_crypto_provider(crypto).build())
        .build()
}

/// Lets public addresses through, over TLS alone.
#[derive(Debug)]
struct PublicOnly {
    any: DefaultResolver,
    allow_private: bool,
}

/// The name leads to an address that is not the public Internet's.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

impl Resolver for PublicOnly {
    /// A name that leads to one private address is refused as a whole: an honest one has none, and picking the
    /// public ones out would leave it to chance which answers a rebinding name gives next.
    fn resolve(&self, uri: &Uri, config: &Config, wait: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        if !self.allow_private && uri.scheme_str() != Some("https") {
            return Err(Error::RequireHttpsOnly(String::new()));
        }
        let found = self.any.resolve(uri, config, wait).map_err(|error| match error {
            Error::Io(_) => Error::HostNotFound,
            other => other,
        })?;
        let is_fine = |address: &SocketAddr| self.allow_private || is_public(address.ip());
        if found.iter().all(is_fine) { Ok(found) } else { Err(Error::Other(Box::new(NotPublic))) }
    }
}

fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Outcome {
    let why = match status.as_u16() {
        200..=299 => return Outcome::Sent,
        410 => return Outcome::Rejected("gone"),
        300..=399 => "redirect",
        429 => "http_429",
        503 => "http_503",
        400..=499 => "http_4xx",
        500..=599 => "http_5xx",
        _ => "no_http",
    };
    match retry_after(headers, now).filter(|_| matches!(status.as_u16(), 429 | 503)) {
        Some(wait) => Outcome::RetryAfter(why, wait.min(LONGEST_WAIT)),
        None => Outcome::Retry(why),
    }
}

/// `Retry-After` in either of its forms (RFC 9110 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::from_secs(Timestamp::from_millis(date.as_millisecond()).seconds_from(now)))
}

/// A word for the log: it quotes nothing of the call.
fn why(error: &Error) -> &'static str {
    match error {
        Error::Timeout(_) => "timeout",
        Error::HostNotFound => "host_not_found",
        Error::RequireHttpsOnly(_) => "plain_http",
        Error::Other(inner) if inner.is::<NotPublic>() => "private_address",
        Error::Tls(_) | Error::Rustls(_) => "tls_failed",
        Error::Io(inner) => broken(inner),
        Error::Protocol(_) | Error::LargeResponseHeader(..) => "no_http",
        Error::BadUri(_) | Error::Http(_) => "bad_url",
        _ => "broken",
    }
}

fn broken(error: &io::Error) -> &'static str {
    let is_tls = error.get_ref().is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
    match error.kind() {
        _ if is_tls => "tls_failed",
        io::ErrorKind::ConnectionRefused => "refused",
        io::ErrorKind::TimedOut => "timeout",
        _ => "broken",
    }
}
