//! Challenge for a network address that tried many wrong codes: no puzzle, no third party, nothing that a
//! screen reader cannot do. It costs time: a challenge token is valid from ten seconds after it was
//! issued, and only once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::kit::{Timestamp, signed_token};
use crate::platform::Service;

/// A person who reads the page needs longer; a program that guesses is slowed down to six per minute.
const WAIT: Duration = Duration::from_secs(10);
const LIFE: Duration = Duration::from_mins(10);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    /// Valid after this many seconds.
    TooEarly(u64),
    /// Invalid signature, issued to another address, or expired.
    Invalid,
}

/// Issues a challenge token for a network address.
pub(super) fn sign(service: &Service, network: &str) -> String {
    let body = format!("{}.{}", service.now().seconds(), URL_SAFE_NO_PAD.encode(service.random::<9>()));
    let mac = mac(service, network, &body);
    signed_token::sign(body, &mac)
}

/// Checks a challenge token from a network address.
pub(super) fn check(service: &Service, network: &str, token: &str) -> Validity {
    let body = signed_token::verify(token, |body| Some(mac(service, network, body)));
    let began = body.and_then(|body| body.split('.').next()).and_then(Timestamp::parse_seconds);
    let Some(began) = began else { return Validity::Invalid };
    if began + WAIT > service.now() {
        Validity::TooEarly((began + WAIT).seconds_from(service.now()))
    } else if began + LIFE > service.now() {
        Validity::Valid
    } else {
        Validity::Invalid
    }
}

fn mac(service: &Service, network: &str, body: &str) -> [u8; 16] {
    let mac = service.keys.derive("ticket", &[network.as_bytes(), body.as_bytes()]);
    mac.first_chunk().copied().unwrap_or_default()
}
