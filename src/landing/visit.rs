//! A visit: one page on one screen. Its token comes back with what the visitor does, so that each step counts
//! once a visit, without a cookie and without a row for visitors who do nothing.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::Ctx;
use crate::kit::Timestamp;

/// A page that stays open longer counts no more.
const LIFE: Duration = Duration::from_hours(24);

/// What a visit's token says.
#[derive(Debug, PartialEq, Eq)]
pub struct Visit<'a> {
    /// Told apart by this.
    pub id: &'a str,
    /// The link that was opened.
    pub link_id: &'a str,
    /// `?s=` on the page's address; empty without one.
    pub channel: &'a str,
}

/// A token for one page: the second, the link, the channel, what tells this visit apart, and a signature over all
/// of it. One page is one visit: nobody makes a second of it.
pub fn sign(ctx: &Ctx, code: &str, visit: &Visit<'_>) -> String {
    let mut token = String::with_capacity(160);
    let _ = write!(token, "{}.{}.{}.{}", ctx.now.seconds(), visit.link_id, visit.channel, visit.id);
    let mac = mac(ctx, code, &token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(mac, &mut token);
    token
}

/// The visit behind a token of ours for a page of `code`, where it is not too old.
pub fn read<'a>(ctx: &Ctx, code: &str, token: &'a str) -> Option<Visit<'a>> {
    let (body, given) = token.rsplit_once('.')?;
    // Compared as blinded values: what is compared byte by byte is no secret of ours.
    let ours = URL_SAFE_NO_PAD.encode(mac(ctx, code, body));
    if ctx.keys.blind("visit", given) != ctx.keys.blind("visit", &ours) {
        return None;
    }
    let mut parts = body.split('.');
    let began = parts.next()?.parse::<i64>().ok()?;
    let (link_id, channel, id) = (parts.next()?, parts.next()?, parts.next()?);
    let began = Timestamp::from_millis(began.checked_mul(1000)?);
    let is_fresh = began <= ctx.now && began + LIFE > ctx.now;
    is_fresh.then_some(Visit { id, link_id, channel })
}

/// `[a-z0-9-]{1,32}`, or nothing.
pub fn channel(query: &str) -> &str {
    let label = query.split('&').find_map(|pair| pair.strip_prefix("s=")).unwrap_or_default();
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if label.len() <= 32 && label.bytes().all(is_plain) { label } else { "" }
}

fn mac(ctx: &Ctx, code: &str, body: &str) -> [u8; 16] {
    let mac = ctx.keys.derive("visit", &[code.as_bytes(), body.as_bytes()]);
    mac.first_chunk().copied().unwrap_or_default()
}
