//! Rate limits: how often something may happen in a sliding window. They are stored in the database, so
//! that they survive restarts and are shared by all instances.
//!
//! Each rate limit is one row with the times of its recent hits. It is a sliding log, not a token
//! bucket: a bucket of 4 that refills over 10 minutes lets up to 7 through in some 10 minutes, and its
//! answer to "when again?" is an estimate. The log's answer is exact. A limit of hundreds stores counts
//! per slot of time instead of single hits; a hit counts as if it came at the end of its slot, so a
//! limit is never exceeded.
//!
//! The crates for actix (`actix-extensible-rate-limit` 0.4) and for any server (`governor` 0.10) count in
//! memory or in Redis, so a restart or a second instance would forget, and a hit could not roll back with the
//! transaction that it belongs to.

mod code_guesses;
mod store;

pub use code_guesses::CodeGuessLimiter;

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::kit::{AccountId, Phone, PracticeId, Timestamp};
use crate::platform::{Tx, db};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const DAY: Duration = Duration::from_hours(24);

/// Above this many hits, a window is stored in slots.
const EXACT: u64 = 64;
/// Number of slots in the longest window of a rate limit.
const SLOTS: u64 = 512;

struct Window {
    max: u64,
    per: Duration,
}

/// One rate limit of one subject, for example of a phone number.
pub struct RateLimit {
    key: String,
    windows: Vec<Window>,
}

/// The end of each slot and the number of hits in it, oldest first.
type Hits = Vec<(i64, u64)>;

/// Keyed hash of a phone number, under which the rate limits store it.
pub fn number_key(tx: &Tx, phone: &Phone) -> String {
    tx.keys.blind("number", phone.as_e164())
}

impl RateLimit {
    /// SMS with the app's link to one number: one in ten minutes and three per day,
    /// for all callers together.
    pub fn links_to_number(tx: &Tx, number_key: &str) -> Self {
        Self::new(tx, "0-link", number_key, &[(1, TEN_MINUTES), (3, DAY)])
    }

    /// Replies to HELP from one number, to any of our senders: one in ten minutes and three per day.
    pub fn help_to_number(tx: &Tx, number_key: &str) -> Self {
        Self::new(tx, "0-help", number_key, &[(1, TEN_MINUTES), (3, DAY)])
    }

    /// Replies to STOP and START from one number: three per day.
    pub fn consent_to_number(tx: &Tx, number_key: &str) -> Self {
        Self::new(tx, "0-consent", number_key, &[(3, DAY)])
    }

    /// Invites of a practice to one number or address: one per day, however many lists name it.
    pub fn invites_to_contact(tx: &Tx, practice_id: &PracticeId, contact: &str) -> Self {
        Self::new(tx, "0-invite", &format!("{practice_id}:{contact}"), &[(1, DAY)])
    }

    /// E-mails that prove an account's address: one per minute, four in ten minutes and ten per day.
    pub fn mails_to_account(tx: &Tx, account_id: &AccountId) -> Self {
        let windows = [(1, Duration::from_mins(1)), (4, TEN_MINUTES), (10, DAY)];
        Self::new(tx, "0-email", account_id.as_str(), &windows)
    }

    /// E-mails that lift the restriction of a new device: one per minute, three in ten minutes and five per
    /// day. With five tries each, guessing has an even chance after 76 years, and the holder reads about it
    /// five times per day.
    pub fn mails_about_devices(tx: &Tx, account_id: &AccountId) -> Self {
        let windows = [(1, Duration::from_mins(1)), (3, TEN_MINUTES), (5, DAY)];
        Self::new(tx, "0-device", account_id.as_str(), &windows)
    }

    /// Messages to one phone number.
    pub fn messages_to_number(tx: &Tx, number_key: &str) -> Self {
        let limits = &tx.settings.limits;
        let windows = [(limits.number_10min, TEN_MINUTES), (limits.number_day, DAY)];
        Self::new(tx, "1-number", number_key, &windows)
    }

    /// New verifications from one IP address; `network` is the address, or the /64 of an IPv6 address.
    pub fn verifications_from_ip(tx: &Tx, network: &str) -> Self {
        Self::new(tx, "2-ip", network, &[(tx.settings.limits.ip_10min, TEN_MINUTES)])
    }

    /// Messages on behalf of one practice.
    pub fn messages_of_practice(tx: &Tx, practice_id: &PracticeId) -> Self {
        let max = tx.settings.limits.practice_10min;
        Self::new(tx, "3-practice", practice_id.as_str(), &[(max, TEN_MINUTES)])
    }

    /// Messages to one country: the brake on SMS pumping that spreads over numbers and addresses.
    pub fn messages_to_country(tx: &Tx, country: &str) -> Self {
        Self::new(tx, "4-country", country, &[(tx.settings.limits.country_10min, TEN_MINUTES)])
    }

    /// Link texts requested from one IP address. Anyone can request those, and a household or a rented
    /// server has more than one /64: an IPv6 address counts by its /56.
    pub fn links_from_ip(tx: &Tx, network: &str) -> Self {
        Self::new(tx, "5-link-ip", &site(network), &[(tx.settings.limits.ip_10min, TEN_MINUTES)])
    }

    /// Link texts on behalf of one practice: a fraction of its limit for codes, in addition to it and
    /// not out of it.
    pub fn links_of_practice(tx: &Tx, practice_id: &PracticeId) -> Self {
        let max = link_share(tx.settings.limits.practice_10min);
        Self::new(tx, "6-link-practice", practice_id.as_str(), &[(max, TEN_MINUTES)])
    }

    /// Link texts to one country, likewise.
    pub fn links_to_country(tx: &Tx, country: &str) -> Self {
        let max = link_share(tx.settings.limits.country_10min);
        Self::new(tx, "7-link-country", country, &[(max, TEN_MINUTES)])
    }

    /// Wrong check-in codes from one account.
    pub fn check_in_codes_of_account(tx: &Tx, account_id: &AccountId) -> Self {
        Self::new(tx, "8-desk", account_id.as_str(), &[(5, Duration::from_hours(1))])
    }

    /// The digit in `kind` makes [`take`] lock rows in one order everywhere: rare ones
    /// first, shared ones last.
    fn new(tx: &Tx, kind: &str, subject: &str, windows: &[(u32, Duration)]) -> Self {
        let windows = windows.iter().map(|&(max, per)| Window { max: scaled(tx, max), per });
        Self { key: format!("{kind}:{}", tx.keys.blind(kind, subject)), windows: windows.collect() }
    }

    /// Earliest time at which one more hit fits, given `hits`; not after `now` if it fits at once.
    fn next_at(&self, hits: &Hits, now: Timestamp) -> Timestamp {
        self.windows.iter().map(|window| window.next_at(hits, now)).max().unwrap_or(now)
    }

    fn longest(&self) -> Duration {
        self.windows.iter().map(|window| window.per).max().unwrap_or_default()
    }

    /// `hits` with one hit now, and without those that have left every window.
    fn with_hit(&self, mut hits: Hits, now: Timestamp) -> Hits {
        let forgotten = (now - self.longest()).millis();
        hits.retain(|&(at, _)| at > forgotten);
        let at = self.slot_end(now);
        match hits.last_mut() {
            Some((last, count)) if *last == at => *count += 1,
            _ => hits.push((at, 1)),
        }
        hits
    }

    fn slot_end(&self, now: Timestamp) -> i64 {
        let exact = self.windows.iter().all(|window| window.max <= EXACT);
        let width = if exact { 1 } else { self.longest().as_secs() * 1000 / SLOTS };
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        i64::try_from(millis.div_ceil(width) * width).unwrap_or(i64::MAX)
    }
}

impl Window {
    /// Earliest time at which so many hits have left the window that one more fits.
    fn next_at(&self, hits: &Hits, now: Timestamp) -> Timestamp {
        let leaves = |at: i64| Timestamp::from_millis(at) + self.per;
        let inside = || hits.iter().filter(|&&(at, _)| leaves(at) > now);
        let count: u64 = inside().map(|&(_, n)| n).sum();
        let mut must_leave = (count + 1).saturating_sub(self.max);
        for &(at, n) in inside() {
            if must_leave == 0 {
                break;
            }
            must_leave = must_leave.saturating_sub(n);
            if must_leave == 0 {
                return leaves(at);
            }
        }
        now
    }
}

/// Counts one hit in every rate limit, or in none: then `Err` is the time at which all of them have room.
pub fn take(tx: &mut Tx, limits: &[RateLimit]) -> db::Result<Result<(), Timestamp>> {
    let locked = lock(tx, limits)?;
    let next = locked.next_at(tx);
    if next > tx.now {
        return Ok(Err(next));
    }
    locked.take(tx)?;
    Ok(Ok(()))
}

/// Rate limits whose rows are locked: other transactions that want them wait until this one ends.
pub struct LockedLimits<'a>(Vec<(&'a RateLimit, Hits, String)>);

/// Locks `limits` without counting a hit, for a caller that has more to check first.
pub fn lock<'a>(tx: &mut Tx, limits: &'a [RateLimit]) -> db::Result<LockedLimits<'a>> {
    let mut locked = Vec::with_capacity(limits.len());
    for limit in ordered(limits) {
        let stored = store::lock(tx.conn, &limit.key)?;
        locked.push((limit, parse(&stored), stored));
    }
    Ok(LockedLimits(locked))
}

impl LockedLimits<'_> {
    /// Earliest time at which all of them have room; `tx.now` if they have it already.
    pub fn next_at(&self, tx: &Tx) -> Timestamp {
        self.0.iter().map(|(limit, hits, _)| limit.next_at(hits, tx.now)).max().unwrap_or(tx.now)
    }

    /// Counts one hit in each rate limit.
    pub fn take(self, tx: &mut Tx) -> db::Result<()> {
        for (limit, hits, stored) in self.0 {
            let text = text(&limit.with_hit(hits, tx.now));
            let expires_at = tx.now + limit.longest() * 2;
            if store::replace(tx.conn, &limit.key, &stored, &text, expires_at)? == 0 {
                return Err(db::Error::Busy);
            }
        }
        Ok(())
    }
}

/// Earliest time at which all of `limits` have room; `tx.now` if they have it already. Counts nothing.
pub fn next_at(tx: &mut Tx, limits: &[RateLimit]) -> db::Result<Timestamp> {
    let mut next = tx.now;
    for limit in limits {
        if let Some(stored) = store::find(tx.conn, &limit.key)? {
            next = next.max(limit.next_at(&parse(&stored), tx.now));
        }
    }
    Ok(next)
}

/// Deletes rate limits without hits for twice their longest window.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}

/// The /56 of an IPv6 network; an IPv4 address unchanged.
fn site(network: &str) -> String {
    let address = network.split('/').next().and_then(|address| address.parse::<Ipv6Addr>().ok());
    match address.map(|address| address.segments()) {
        Some([a, b, c, d, ..]) => format!("{}/56", Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0)),
        None => network.to_owned(),
    }
}

/// A quarter of the limit for codes, since codes are what patients wait for.
fn link_share(of_codes: u32) -> u32 {
    (of_codes / 4).max(1)
}

fn ordered(limits: &[RateLimit]) -> Vec<&RateLimit> {
    let mut all: Vec<&RateLimit> = limits.iter().collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive limit, capped by u64"
)]
fn scaled(tx: &Tx, max: u32) -> u64 {
    ((f64::from(max) * tx.settings.limits.scale) as u64).max(1)
}

/// A row that cannot be parsed counts as empty: the next hit overwrites it.
fn parse(stored: &str) -> Hits {
    serde_json::from_str(stored).unwrap_or_default()
}

fn text(hits: &Hits) -> String {
    serde_json::to_string(hits).unwrap_or_default()
}
