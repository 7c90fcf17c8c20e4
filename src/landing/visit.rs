//! A visit: one page on one screen. Its token comes back with what the visitor does, so that each step counts
//! once a visit, without a cookie and without a row for visitors who do nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::Ctx;
use crate::kit::Timestamp;

/// A page that stays open longer counts no more.
const LIFE: Duration = Duration::from_hours(24);
/// Ours have 16 characters.
const LONGEST_ID: usize = 32;

/// What a visit's token says.
#[derive(Debug, PartialEq, Eq)]
pub struct Visit {
    /// Told apart by this.
    pub id: String,
    /// The link that was opened.
    pub link_id: String,
    /// `?s=` on the page's address; empty without one.
    pub channel: String,
}

/// What is signed of a token: the link, the channel and the second. The id is not: whoever can open a page can
/// have as many visits as they like, so nothing is gained by making one up, and the same signature serves all
/// pages of a second.
pub fn stamp(ctx: &Ctx, code: &str, link_id: &str, channel: &str) -> String {
    let stamp = format!("{}.{link_id}.{channel}", ctx.now.seconds());
    let mac = mac(ctx, code, &stamp);
    format!("{stamp}.{mac}")
}

/// A visit's token: its stamp and its id.
pub fn token(stamp: &str, id: &str) -> String {
    format!("{stamp}.{id}")
}

/// The visit behind a token of ours for a page of `code`, where it is not too old.
pub fn read(ctx: &Ctx, code: &str, token: &str) -> Option<Visit> {
    let (stamp, id) = token.rsplit_once('.')?;
    let (body, given) = stamp.rsplit_once('.')?;
    // Compared as blinded values: what is compared byte by byte is no secret of ours.
    if ctx.keys.blind("visit", given) != ctx.keys.blind("visit", &mac(ctx, code, body)) {
        return None;
    }
    let mut parts = body.split('.');
    let began = parts.next()?.parse::<i64>().ok()?;
    let (link_id, channel) = (parts.next()?, parts.next()?);
    let began = Timestamp::from_millis(began.checked_mul(1000)?);
    let is_fresh = began <= ctx.now && began + LIFE > ctx.now && id.len() <= LONGEST_ID;
    let visit = Visit { id: id.to_owned(), link_id: link_id.to_owned(), channel: channel.to_owned() };
    is_fresh.then_some(visit)
}

/// `[a-z0-9-]{1,32}`, or nothing.
pub fn channel(query: &str) -> &str {
    let label = query.split('&').find_map(|pair| pair.strip_prefix("s=")).unwrap_or_default();
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if label.len() <= 32 && label.bytes().all(is_plain) { label } else { "" }
}

fn mac(ctx: &Ctx, code: &str, body: &str) -> String {
    let mac = ctx.keys.derive("visit", &[code.as_bytes(), body.as_bytes()]);
    URL_SAFE_NO_PAD.encode(mac.get(..16).unwrap_or_default())
}
