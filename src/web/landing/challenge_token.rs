//! Challenge for a network address that tried many wrong codes: no puzzle, no third party, nothing that a
//! screen reader cannot do. It costs time: a challenge token is valid from ten seconds after it was
//! issued, and only once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::kit::Timestamp;
use crate::platform::tx::Service;

/// A person who reads the page needs longer; a program that guesses is slowed down to six per minute.
const WAIT: Duration = Duration::from_secs(10);
const LIFE: Duration = Duration::from_mins(10);

/// Result of checking a challenge token.
#[derive(Debug, PartialEq, Eq)]
pub enum Worth {
    Good,
    /// Valid after this many seconds.
    TooEarly(u64),
    /// Invalid signature, issued to another address, or expired.
    Nothing,
}

/// Issues a challenge token for a network address.
pub fn sign(service: &Service, network: &str) -> String {
    let body = format!("{}.{}", service.now().seconds(), URL_SAFE_NO_PAD.encode(service.random::<9>()));
    let mac = mac(service, network, &body);
    format!("{body}.{mac}")
}

/// Checks a challenge token from a network address.
pub fn worth(service: &Service, network: &str, ticket: &str) -> Worth {
    let Some((body, given)) = ticket.rsplit_once('.') else { return Worth::Nothing };
    if service.keys.blind("ticket", given) != service.keys.blind("ticket", &mac(service, network, body)) {
        return Worth::Nothing;
    }
    let began = body.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok());
    let Some(began) = began.and_then(|seconds| seconds.checked_mul(1000)).map(Timestamp::from_millis) else {
        return Worth::Nothing;
    };
    if began + WAIT > service.now() {
        Worth::TooEarly((began + WAIT).seconds_from(service.now()))
    } else if began + LIFE > service.now() {
        Worth::Good
    } else {
        Worth::Nothing
    }
}

fn mac(service: &Service, network: &str, body: &str) -> String {
    let mac = service.keys.derive("ticket", &[network.as_bytes(), body.as_bytes()]);
    URL_SAFE_NO_PAD.encode(mac.get(..16).unwrap_or_default())
}
