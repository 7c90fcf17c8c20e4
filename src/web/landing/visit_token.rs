//! Visit tokens: one visit is one page on one screen. The token comes back with what the visitor does, so
//! that each step counts once per visit, without a cookie and without a row for visitors who do nothing.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::kit::{LinkId, Timestamp, signed_token};
use crate::platform::Service;
use crate::web::http::query::parameter;

/// A page that stays open longer is no longer counted.
const LIFE: Duration = Duration::from_hours(24);

/// What a visit token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VisitToken<'a> {
    /// Unique id of the visit.
    pub visit: &'a str,
    pub link_id: Cow<'a, LinkId>,
    /// Value of `?s=` in the page's URL; empty without one.
    pub channel: &'a str,
}

/// Issues the token of a new visit to the page of `code`.
pub(super) fn issue(service: &Service, code: &str, link_id: &LinkId, channel: &str) -> String {
    let id = URL_SAFE_NO_PAD.encode(service.random::<12>());
    sign(service, code, &VisitToken { visit: &id, link_id: Cow::Borrowed(link_id), channel })
}

/// Signs a visit token: the time in seconds, the link, the channel, the visit id, and a signature
/// over all of it. A page cannot be turned into a second visit.
fn sign(service: &Service, code: &str, visit: &VisitToken<'_>) -> String {
    let mut body = String::with_capacity(160);
    let _ = write!(body, "{}.{}.{}.{}", service.now().seconds(), visit.link_id, visit.channel, visit.visit);
    let mac = mac(service, code, &body);
    signed_token::sign(body, &mac)
}

/// Returns the visit if the token is valid for the page of `code` and has not expired.
pub(super) fn verify<'a>(service: &Service, code: &str, token: &'a str) -> Option<VisitToken<'a>> {
    let mut parts = signed_token::verify(token, |body| Some(mac(service, code, body)))?.split('.');
    let began = Timestamp::parse_seconds(parts.next()?)?;
    let (link_id, channel, id) = (parts.next()?, parts.next()?, parts.next()?);
    let is_fresh = began <= service.now() && began + LIFE > service.now();
    is_fresh.then(|| VisitToken { visit: id, link_id: Cow::Owned(LinkId::from(link_id)), channel })
}

/// Returns the channel if it matches `[a-z0-9-]{1,32}`, and an empty string otherwise.
pub(super) fn channel(query: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = parameter(query, "s").filter(|label| label.len() <= 32 && label.bytes().all(is_plain));
    label.unwrap_or_default()
}

fn mac(service: &Service, code: &str, body: &str) -> [u8; 16] {
    let mac = service.keys.derive("visit", &[code.as_bytes(), body.as_bytes()]);
    mac.first_chunk().copied().unwrap_or_default()
}
