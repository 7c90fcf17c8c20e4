//! Webhooks: signed POST requests to a practice's own server (Standard Webhooks 1.0).
//!
//! The practice chooses the URL and the call comes from inside our network, so what may be reached is
//! decided where the name is resolved to an address, for the very connection that is then made: a check
//! before it could see one address and the connection another (DNS rebinding).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::slow_hosts::SlowHosts;
use crate::delivery::http_client;
use crate::kit::internet::is_public;
use crate::kit::{Clock, Timestamp, standard_webhooks};
use crate::platform::Service;
use crate::platform::outbox::{Outcome, WebhookCall};

/// Timeout of the whole call: a server that is silent or drips gets no more time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Timeout of connecting, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is honored, which is the longest wait of the schedule.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Only the status and one header of an answer are used.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// The server did not answer in time.
const TIMEOUT: Outcome = Outcome::Retry("timeout");

/// Client for the practices' webhook endpoints.
pub(crate) struct Webhooks {
    agent: Agent,
    clock: Arc<dyn Clock>,
    slow: SlowHosts,
}

impl Webhooks {
    /// Uses the settings `webhooks.*` and the service's clock.
    pub(crate) fn new(service: &Service) -> Self {
        Self::with(service.settings.webhooks.allow_private, PATIENCE, Arc::clone(&service.clock))
    }

    fn with(allow_private: bool, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        let resolver = PublicOnly { any: DefaultResolver::default(), allow_private };
        let agent = Agent::with_parts(agent_config(patience), DefaultConnector::default(), resolver);
        Self { agent, clock, slow: SlowHosts::default() }
    }

    /// Posts `call`, unless its host is known to hang.
    pub(crate) fn post(&self, call: &WebhookCall) -> Outcome {
        let host = host(&call.url);
        if let Err(wait) = self.slow.admit(&host, self.clock.now()) {
            return Outcome::RetryAfter("endpoint_slow", wait);
        }
        let outcome = self.send(call);
        self.slow.learn(&host, outcome == TIMEOUT, self.clock.now());
        outcome
    }

    /// Does not read the answer's body: the status is the answer, and a 200 with an endless body is a 200.
    fn send(&self, call: &WebhookCall) -> Outcome {
        let now = self.clock.now();
        let Some(signatures) = signatures(call, now) else { return Outcome::Retry("no_secret") };
        let request = self
            .agent
            .post(&call.url)
            .header("content-type", "application/json")
            .header("webhook-id", call.event_id.as_str())
            .header("webhook-timestamp", now.seconds().to_string())
            .header("webhook-signature", signatures);
        match request.send(call.body.as_bytes()) {
            Ok(answer) => judge(answer.status(), answer.headers(), now),
            Err(error) => Outcome::Retry(why(&error)),
        }
    }
}

/// Host whose timeouts are tracked; empty for an invalid URL, which is rejected without taking any time.
fn host(url: &str) -> String {
    let uri = url.parse::<Uri>();
    uri.ok().and_then(|uri| Some(uri.host()?.to_ascii_lowercase())).unwrap_or_default()
}

/// One signature per secret, so that a receiver that has either secret can verify it.
fn signatures(call: &WebhookCall, now: Timestamp) -> Option<String> {
    let sign = |secret| standard_webhooks::sign(secret, call.event_id.as_str(), now.seconds(), &call.body);
    let all: Vec<String> = call.secrets.iter().map(sign).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.join(" "))
}

/// No redirects, because a public host could redirect to an internal one; no proxy from the environment,
/// because that would resolve names in our place; no connection kept, because each must pass the resolver.
fn agent_config(patience: Duration) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .max_idle_connections_per_host(0)
        .timeout_global(Some(patience))
        .timeout_connect(Some(CONNECT.min(patience)))
        .max_response_header_size(MOST_HEADER_BYTES)
        .user_agent(concat!("practice-links/", env!("CARGO_PKG_VERSION")))
        .tls_config(http_client::tls())
        .build()
}

/// Allows only public addresses, and only over TLS.
#[derive(Debug)]
struct PublicOnly {
    any: DefaultResolver,
    allow_private: bool,
}

/// The name resolves to an address that is not on the public Internet.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

impl Resolver for PublicOnly {
    /// A name that resolves to one private address is rejected as a whole: an honest one has none, and
    /// picking the public ones out would leave it to chance which answers a rebinding name gives next.
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
        410 => return Outcome::WEBHOOK_GONE,
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

/// Label for the delivery log, which the practice reads: it quotes nothing of the call. A name that does
/// not exist and one that resolves to an internal address get the same label, or an endpoint would be a way
/// to probe the names of our network.
fn why(error: &Error) -> &'static str {
    match error {
        Error::Timeout(_) => "timeout",
        Error::HostNotFound => "unreachable",
        Error::RequireHttpsOnly(_) => "plain_http",
        Error::Other(inner) if inner.is::<NotPublic>() => "unreachable",
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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::kit::clock::ManualClock;
    use crate::kit::standard_webhooks;

    fn webhooks(allow_private: bool, patience: Duration) -> Webhooks {
        let clock = ManualClock::new(Timestamp::from_millis(1_795_359_600_000));
        Webhooks::with(allow_private, patience, Arc::new(clock))
    }

    fn call(url: &str) -> WebhookCall {
        let secrets = vec![standard_webhooks::secret(&[7; 32])];
        WebhookCall { url: url.into(), event_id: "evt_1".into(), body: "{}".into(), secrets }
    }

    /// A server that reads a request, sends `first`, and then `drip` every 20 ms while the client listens.
    fn server(first: &'static str, drip: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(first.as_bytes()).unwrap();
            while !drip.is_empty() && stream.write_all(drip.as_bytes()).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
            thread::park();
        });
        url
    }

    fn outcome(first: &'static str, drip: &'static str) -> Outcome {
        let began = Instant::now();
        let outcome = webhooks(true, Duration::from_millis(400)).post(&call(&server(first, drip)));
        assert!(began.elapsed() < Duration::from_secs(5), "it was waited for");
        outcome
    }

    #[test]
    fn silent_server_times_out() {
        assert_eq!(outcome("", ""), Outcome::Retry("timeout"));
    }

    #[test]
    fn hanging_host_is_not_called_again() {
        let webhooks = webhooks(true, Duration::from_millis(400));
        let hanging = call(&server("", ""));
        assert_eq!(webhooks.post(&hanging), Outcome::Retry("timeout"));
        let began = Instant::now();
        let again = webhooks.post(&hanging);
        assert_eq!(again, Outcome::RetryAfter("endpoint_slow", Duration::from_secs(30)));
        assert!(began.elapsed() < Duration::from_millis(200), "it was waited for");
        let other = call(&server("HTTP/1.1 204 OK\r\n\r\n", "").replace("127.0.0.1", "localhost"));
        assert_eq!(webhooks.post(&other), Outcome::Sent);
    }

    #[test]
    fn dripping_server_times_out() {
        assert_eq!(outcome("HTTP/1.1 200 OK\r\nx: ", "x"), Outcome::Retry("timeout"));
    }

    #[test]
    fn endless_body_does_not_hide_the_status() {
        assert_eq!(outcome("HTTP/1.1 200 OK\r\n\r\n", "and so on "), Outcome::Sent);
        assert_eq!(
            outcome("HTTP/1.1 500 No\r\ncontent-length: 9999999\r\n\r\n", "x"),
            Outcome::Retry("http_5xx")
        );
    }

    #[test]
    fn each_http_status_has_its_outcome() {
        let wait = Duration::from_secs;
        for (answer, expected) in [
            ("204 OK\r\n\r\n", Outcome::Sent),
            ("301 Moved\r\nlocation: http://127.0.0.1:1/\r\n\r\n", Outcome::Retry("redirect")),
            ("307 Moved\r\nlocation: http://127.0.0.1:1/\r\n\r\n", Outcome::Retry("redirect")),
            ("304 Same\r\n\r\n", Outcome::Retry("redirect")),
            ("400 No\r\nretry-after: 9\r\n\r\n", Outcome::Retry("http_4xx")),
            ("410 Gone\r\n\r\n", Outcome::Rejected("gone")),
            ("429 Slow\r\n\r\n", Outcome::Retry("http_429")),
            ("429 Slow\r\nretry-after: 90\r\n\r\n", Outcome::RetryAfter("http_429", wait(90))),
            ("503 Busy\r\nretry-after: 99999999\r\n\r\n", Outcome::RetryAfter("http_503", LONGEST_WAIT)),
            (
                "503 Busy\r\nretry-after: Sun, 22 Nov 2026 15:02:00 GMT\r\n\r\n",
                Outcome::RetryAfter("http_503", wait(120)),
            ),
            (
                "503 Busy\r\nretry-after: Sun, 22 Nov 2020 15:02:00 GMT\r\n\r\n",
                Outcome::RetryAfter("http_503", wait(0)),
            ),
            ("503 Busy\r\nretry-after: soon\r\n\r\n", Outcome::Retry("http_503")),
        ] {
            let said: &'static str = format!("HTTP/1.1 {answer}").leak();
            assert!(outcome(said, "") == expected, "{answer}");
        }
        assert_eq!(outcome("SSH-2.0-OpenSSH\r\n", ""), Outcome::Retry("no_http"));
    }

    // Every way to write an address of our own, and names that resolve to one.
    #[test]
    fn non_public_address_is_never_called() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let strict = webhooks(false, Duration::from_secs(5));
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "0177.0.0.1",
            "2130706433",
            "017700000001",
            "0",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:1::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            let outcome = strict.post(&call(&format!("https://{host}:{port}/in")));
            let refused = [Outcome::Retry("unreachable"), Outcome::Retry("bad_url")];
            assert!(refused.contains(&outcome), "{host}: {outcome:?}");
        }
        assert!(listener.accept().is_err(), "a connection was made");
    }

    #[test]
    fn internal_host_is_reported_like_an_unknown_one() {
        for url in [
            "https://localhost/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://u:p@127.0.0.1:443/",
            "https://nobody.invalid/",
        ] {
            let outcome = webhooks(false, Duration::from_secs(5)).post(&call(url));
            assert_eq!(outcome, Outcome::Retry("unreachable"), "{url}");
        }
        let outcome = webhooks(false, Duration::from_secs(5)).post(&call("http://127.0.0.1/"));
        assert_eq!(outcome, Outcome::Retry("plain_http"));
    }

    #[test]
    fn https_client_hello_names_the_host() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hello = thread::spawn(move || {
            let mut bytes = [0; 4096];
            let length = listener.accept().unwrap().0.read(&mut bytes).unwrap();
            bytes[..length].to_vec()
        });
        webhooks(true, Duration::from_secs(5)).post(&call(&format!("https://localhost:{port}/in")));
        let hello = hello.join().unwrap();
        assert_eq!(hello[..2], [22, 3], "a TLS handshake");
        assert!(hello.windows(9).any(|part| part == b"localhost"), "SNI");
    }

    #[test]
    fn unreachable_and_plaintext_servers_have_own_labels() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let lax = webhooks(true, Duration::from_secs(5));
        assert_eq!(lax.post(&call(&format!("http://127.0.0.1:{port}/"))), Outcome::Retry("refused"));
        assert_eq!(lax.post(&call("http://nobody.invalid/")), Outcome::Retry("unreachable"));
        let plain = server("HTTP/1.1 200 OK\r\n\r\n", "").replace("http:", "https:");
        assert_eq!(lax.post(&call(&plain)), Outcome::Retry("tls_failed"));
    }
}
