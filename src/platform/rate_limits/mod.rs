//! Rate limits: how often something may happen in a sliding window. They are stored in the database, so
//! that they survive restarts and are shared by all instances.
//!
//! Each rate limit is one row with the times of its recent hits. It is a sliding log, not a token
//! bucket: a bucket of 4 that refills over 10 minutes lets up to 7 through in some 10 minutes, and its
//! answer to "when again?" is an estimate. The log's answer is exact.
//!
//! A small limit (of a number, an address, an account) counts a hit in one statement, which locks its row
//! until the transaction ends. A limit of hundreds (of a practice, a country) is shared by many requests,
//! which would wait for one row: each instance leases units of it and hands them out from memory
//! (`leases.rs`).
//!
//! The crates for actix (`actix-extensible-rate-limit` 0.4) and for any server (`governor` 0.10) count in
//! memory or in Redis, so a restart or a second instance would forget, and a hit could not roll back with the
//! transaction that it belongs to.

mod code_guesses;
mod keeper;
mod leases;
mod store;
mod window;

pub use code_guesses::CodeGuessLimiter;
pub use keeper::{Keeper, settle, spawn};
pub use leases::{Done, Leases, Mark, Spending};
pub use window::{DIGITS, Guard, Hits, stamp};

use std::net::Ipv6Addr;
use std::time::Duration;

use self::leases::Lease;
use self::window::Window;
use crate::kit::{AccountId, Phone, PracticeId, Timestamp};
use crate::platform::{Tx, db};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const DAY: Duration = Duration::from_hours(24);

/// Above this many hits, a limit is leased and its log is stored in slots.
const EXACT: u64 = 64;
/// Number of slots in the longest window of a rate limit.
const SLOTS: u64 = 512;
/// How often a row is read and replaced before the caller is told to come again. The second time it is
/// locked, so that only a row that is deleted in between needs a third.
const TRIES: usize = 4;

/// One rate limit of one subject, for example of a phone number.
#[derive(Clone)]
pub struct RateLimit {
    key: String,
    windows: Vec<Window>,
}

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

    /// The key of its row.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Earliest time at which one more hit fits, given `hits`; not after `now` if it fits at once.
    pub fn next_at(&self, hits: &Hits, now: Timestamp) -> Timestamp {
        self.windows.iter().map(|window| window.next_at(hits, now)).max().unwrap_or(now)
    }

    /// The conditions of its windows, for the statement that counts a hit in a log.
    pub fn guards(&self, now: Timestamp) -> [Guard; 3] {
        let mut guards = self.windows.iter().map(|window| Guard::of(window, now));
        std::array::from_fn(|_| guards.next().unwrap_or_else(Guard::none))
    }

    /// How much of a log its windows need.
    pub fn length(&self) -> i32 {
        window::length(self.most())
    }

    /// A log of `hits` as a text.
    pub fn log(&self, hits: &Hits) -> String {
        hits.to_log(self.most())
    }

    fn most(&self) -> u64 {
        self.windows.iter().map(|window| window.max).max().unwrap_or_default()
    }

    fn room(&self, hits: &Hits, now: Timestamp) -> u64 {
        self.windows.iter().map(|window| window.room(hits, now)).min().unwrap_or_default()
    }

    fn longest(&self) -> Duration {
        self.windows.iter().map(|window| window.per).max().unwrap_or_default()
    }

    fn is_leased(&self) -> bool {
        self.most() > EXACT
    }

    /// Counts hits of a clock that was ahead as hits of now; `true` if there were any.
    pub fn put_back(&self, hits: &mut Hits, now: Timestamp) -> bool {
        hits.put_back(now, Duration::from_millis(self.slot_width()))
    }

    fn slot_width(&self) -> u64 {
        if self.is_leased() { self.longest().as_secs() * 1000 / SLOTS } else { 1 }
    }

    fn slot_end(&self, at: Timestamp) -> i64 {
        let (width, millis) = (self.slot_width(), u64::try_from(at.millis()).unwrap_or(0));
        i64::try_from(millis.div_ceil(width) * width).unwrap_or(i64::MAX)
    }

    /// The text in which its row stores `hits`.
    fn text(&self, hits: &Hits) -> String {
        if self.is_leased() { hits.to_slots() } else { self.log(hits) }
    }
}

/// Counts one hit in every rate limit, or in none: then `Err` is the time at which all of them have room.
pub fn take(tx: &mut Tx, limits: &[RateLimit]) -> db::Result<Result<(), Timestamp>> {
    let mut limits: Vec<&RateLimit> = limits.iter().collect();
    limits.sort_by(|a, b| a.key.cmp(&b.key));
    for (index, limit) in limits.iter().enumerate() {
        if let Err(at) = take_one(tx, limit)? {
            for taken in limits.iter().take(index) {
                give_back(tx, taken)?;
            }
            let others = limits.iter().filter(|other| other.key != limit.key);
            return others
                .map(|other| room_at(tx, other))
                .try_fold(at, |at, next| Ok(at.max(next?)))
                .map(Err);
        }
    }
    Ok(Ok(()))
}

fn take_one(tx: &mut Tx, limit: &RateLimit) -> db::Result<Result<(), Timestamp>> {
    if limit.is_leased() { lease(tx, limit) } else { count(tx, limit) }
}

/// Counts one hit in the log of a small limit.
fn count(tx: &mut Tx, limit: &RateLimit) -> db::Result<Result<(), Timestamp>> {
    let expires_at = tx.now + limit.longest() * 2;
    let (at, guards) = (stamp(tx.now), limit.guards(tx.now));
    let hit = store::Hit { key: &limit.key, at: &at, length: limit.length(), guards: &guards, expires_at };
    if store::count(tx.conn, &hit)?.is_some() {
        return Ok(Ok(()));
    }
    for _ in 0..TRIES {
        let (stored, mut hits) = read(tx, limit)?;
        let next = limit.next_at(&hits, tx.now);
        if next > tx.now {
            return Ok(Err(next));
        }
        // The text is one of a larger limit, or another transaction gave a hit back meanwhile.
        hits.add(tx.now.millis(), 1);
        if store::swap(tx.conn, &limit.key, stored.as_deref(), &limit.log(&hits), expires_at)? == 1 {
            return Ok(Ok(()));
        }
    }
    Err(db::Error::Busy)
}

/// Spends a leased unit, or one of a new lease, of which the row is locked until the transaction ends. A
/// transaction of its own could not begin in this one: on SQLite it would wait for itself.
fn lease(tx: &mut Tx, limit: &RateLimit) -> db::Result<Result<(), Timestamp>> {
    let (key, longest, slot) = (&limit.key, limit.longest(), limit.slot_end(tx.now));
    if tx.spending.spend(key, longest, slot, tx.now) {
        return Ok(Ok(()));
    }
    let old = tx.spending.take_out(key, longest, tx.now, false);
    for _ in 0..TRIES {
        let (stored, mut hits) = read(tx, limit)?;
        old.settle(&mut hits);
        hits.forget_before(tx.now - longest);
        let room = limit.room(&hits, tx.now);
        if room == 0 {
            tx.spending.put_back();
            return Ok(Err(limit.next_at(&hits, tx.now)));
        }
        let (ends_at, units) = ((tx.now + leases::LASTS).millis(), Lease::size(room));
        hits.add(ends_at, units);
        let expires_at = tx.now + longest * 2;
        if store::swap(tx.conn, key, stored.as_deref(), &hits.to_slots(), expires_at)? == 1 {
            tx.spending.begin(Lease::begin(ends_at, units, slot), slot);
            return Ok(Ok(()));
        }
    }
    tx.spending.put_back();
    Err(db::Error::Busy)
}

/// The log of a limit as it is stored, and as it counts. Hits of a clock that was ahead count as now, and
/// are stored so: otherwise they would count as the now of every caller.
fn read(tx: &mut Tx, limit: &RateLimit) -> db::Result<(Option<String>, Hits)> {
    let stored = store::find(tx.conn, &limit.key)?;
    let mut hits = Hits::parse(stored.as_deref().unwrap_or_default());
    if limit.put_back(&mut hits, tx.now) {
        let (limit, key) = (limit.clone(), &limit.key);
        tx.spending.note_ahead(key, move |tx| {
            let Some(stored) = store::find(tx.conn, &limit.key)? else { return Ok(()) };
            let mut hits = Hits::parse(&stored);
            limit.put_back(&mut hits, tx.now);
            let expires_at = tx.now + limit.longest() * 2;
            store::swap(tx.conn, &limit.key, Some(&stored), &limit.text(&hits), expires_at).map(drop)
        });
    }
    Ok((stored, hits))
}

/// Takes back the hits that [`take`] counted in this transaction.
pub fn give_back_all(tx: &mut Tx, limits: &[RateLimit]) -> db::Result<()> {
    limits.iter().try_for_each(|limit| give_back(tx, limit))
}

fn give_back(tx: &mut Tx, limit: &RateLimit) -> db::Result<()> {
    if limit.is_leased() {
        tx.spending.give_back(&limit.key);
        return Ok(());
    }
    store::take_back(tx.conn, &limit.key).map(drop)
}

/// Gives a hit back that an earlier transaction counted at `at`, when this one commits: for what turned out
/// to cost nothing, or to be what the limit is not against. A hit that has left the window is gone anyway.
pub fn refund(tx: &mut Tx, limit: &RateLimit, at: Timestamp) -> db::Result<()> {
    if limit.is_leased() {
        tx.spending.refund(&limit.key, limit.longest(), limit.slot_end(at));
        return Ok(());
    }
    for _ in 0..TRIES {
        let (Some(stored), mut hits) = read(tx, limit)? else { return Ok(()) };
        let expires_at = tx.now + limit.longest() * 2;
        if !hits.remove(at.millis(), 1)
            || store::swap(tx.conn, &limit.key, Some(&stored), &limit.log(&hits), expires_at)? == 1
        {
            return Ok(());
        }
    }
    Err(db::Error::Busy)
}

/// Which part of a limit is used, from 0 to 1, in its fullest window.
pub fn pressure(tx: &mut Tx, limit: &RateLimit) -> db::Result<f64> {
    let (_, mut hits) = read(tx, limit)?;
    tx.spending.unsettled(&limit.key).settle(&mut hits);
    let used = limit.windows.iter().map(|window| window.pressure(&hits, tx.now));
    Ok(used.fold(0.0, f64::max))
}

/// Earliest time at which all of `limits` have room; `tx.now` if they have it already. Counts nothing.
pub fn next_at(tx: &mut Tx, limits: &[RateLimit]) -> db::Result<Timestamp> {
    let mut next = tx.now;
    for limit in limits {
        next = next.max(room_at(tx, limit)?);
    }
    Ok(next)
}

fn room_at(tx: &mut Tx, limit: &RateLimit) -> db::Result<Timestamp> {
    if limit.is_leased() && tx.spending.has_unit(&limit.key, tx.now) {
        return Ok(tx.now);
    }
    let (_, mut hits) = read(tx, limit)?;
    tx.spending.unsettled(&limit.key).settle(&mut hits);
    Ok(limit.next_at(&hits, tx.now))
}

/// Rewrites the rows in which hits of a clock that was ahead were found.
pub fn mend(tx: &mut Tx) -> db::Result<()> {
    for mend in tx.spending.take_ahead() {
        mend(tx)?;
    }
    Ok(())
}

/// Stores the units that leases spent, and returns the others.
fn settle_row(tx: &mut Tx, key: &str, longest: Duration, at_end: bool) -> db::Result<()> {
    let old = tx.spending.take_out(key, longest, tx.now, at_end);
    for _ in 0..TRIES {
        let Some(stored) = store::find(tx.conn, key)? else { return Ok(()) };
        let mut hits = Hits::parse(&stored);
        old.settle(&mut hits);
        hits.forget_before(tx.now - longest);
        let expires_at = tx.now + longest * 2;
        if store::swap(tx.conn, key, Some(&stored), &hits.to_slots(), expires_at)? == 1 {
            return Ok(());
        }
    }
    Err(db::Error::Busy)
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive limit, capped by u64"
)]
fn scaled(tx: &Tx, max: u32) -> u64 {
    ((f64::from(max) * tx.settings.limits.scale) as u64).max(1)
}
