//! Code-guess limiter: the one check of every handler that takes a link's code. It is in memory, per
//! instance: a miss must not cost a database write, and a count that a restart forgets slows guessing
//! down just as well.
//!
//! Hits are never limited for an IP address that does not guess: a waiting room shares one address. After
//! too many misses, an address has its further misses refused, and can distinguish hits from misses only a
//! limited number of times per minute. If it continues, it is blocked before anything is looked up, so that
//! the list of all practices cannot be read off the responses.
//!
//! `governor` 0.10 decides before the call, by one rule for all calls. Here what counts is the result of the
//! lookup, and an address is treated by its earlier misses.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kit::{Timestamp, Wait};
use crate::platform::settings::Settings;

/// Misses of complete codes within [`WINDOW`] before an address is asked to slow down.
const MOST_MISSES: f64 = 20.0;
/// An address is blocked after this many times [`MOST_MISSES`].
const BLOCK_FACTOR: usize = 5;
const WINDOW: Duration = Duration::from_mins(10);
/// Requests per minute of an address that guesses, hits and misses together.
const MOST_REQUESTS: usize = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// At most this many addresses are remembered: those without a recent miss are dropped first.
const MOST_ADDRESSES: usize = 10_000;
/// Number of misses that a passed challenge takes back.
const FORGIVEN: usize = 10;
/// Shorter numbers are prefixes of codes: typed on the way to a whole one, and fetched by browsers that
/// complete addresses. They do not count as misses.
const SHORTEST_CODE: usize = 6;
const LONGEST_CODE: usize = 12;
/// Reports that the pages at one IP address may send in [`WINDOW`]. The funnel counters are for the
/// practice to read, and not for strangers to fill.
const MOST_REPORTS: u32 = 600;
/// Addresses beyond this many share one rate limit.
const MOST_REPORTERS: usize = 50_000;

#[derive(Default)]
struct Address {
    misses: VecDeque<Timestamp>,
    requests: VecDeque<Timestamp>,
}

impl Address {
    fn forget_old(&mut self, now: Timestamp) {
        drop_before(&mut self.misses, now, WINDOW);
        drop_before(&mut self.requests, now, MINUTE);
    }
}

#[derive(Default)]
struct Addresses {
    by_network: HashMap<String, Address>,
    used_challenges: HashSet<String>,
    tidied_at: Option<Timestamp>,
}

/// Number of reports from each IP address since a time.
#[derive(Default)]
struct Reports {
    since: Option<Timestamp>,
    by_network: HashMap<String, u32>,
}

/// The limiter's state: addresses with recent misses.
#[derive(Default)]
pub struct CodeGuessLimiter {
    addresses: Mutex<Addresses>,
    reports: Mutex<Reports>,
}

impl CodeGuessLimiter {
    /// Called with every code before it is looked up; `Err` says when the address is let in again.
    pub fn admit(&self, settings: &Settings, network: &str, now: Timestamp) -> Result<(), Wait> {
        let mut addresses = self.lock();
        let Some(address) = addresses.by_network.get_mut(network) else { return Ok(()) };
        address.forget_old(now);
        let most = most_misses(settings);
        if let Some(over) = address.misses.len().checked_sub(most * BLOCK_FACTOR) {
            return Err(until_free(&address.misses, over, WINDOW, now));
        }
        if address.misses.len() <= most {
            return Ok(());
        }
        if let Some(over) = address.requests.len().checked_sub(MOST_REQUESTS) {
            return Err(until_free(&address.requests, over, MINUTE, now));
        }
        address.requests.push_back(now);
        Ok(())
    }

    /// Counts a miss of `code`; `Some` if the address has used up its misses, with the wait until
    /// it has one again.
    pub fn miss(&self, settings: &Settings, network: &str, code: &str, now: Timestamp) -> Option<Wait> {
        if !(SHORTEST_CODE..=LONGEST_CODE).contains(&code.len()) {
            return None;
        }
        let mut addresses = self.lock();
        addresses.tidy(now, network);
        let address = addresses.by_network.entry(network.to_owned()).or_default();
        drop_before(&mut address.misses, now, WINDOW);
        address.misses.push_back(now);
        let most = most_misses(settings);
        // No more are stored than decide the outcome, so that a flood uses no memory.
        let needless = address.misses.len().saturating_sub(most * BLOCK_FACTOR);
        address.misses.drain(..needless);
        let over = address.misses.len().checked_sub(most + 1)?;
        Some(until_free(&address.misses, over + 1, WINDOW, now))
    }

    /// Checks for a recent miss of an address.
    pub fn has_missed(&self, network: &str, now: Timestamp) -> bool {
        let mut addresses = self.lock();
        let Some(address) = addresses.by_network.get_mut(network) else { return false };
        address.forget_old(now);
        let has_missed = !address.misses.is_empty();
        if !has_missed {
            addresses.by_network.remove(network);
        }
        has_missed
    }

    /// Takes back some misses of an address that passed a challenge; `false` if the challenge
    /// token was used before.
    pub fn forgive(&self, network: &str, challenge: &str) -> bool {
        let mut addresses = self.lock();
        if addresses.used_challenges.len() >= MOST_ADDRESSES {
            addresses.used_challenges.clear();
        }
        if !addresses.used_challenges.insert(challenge.to_owned()) {
            return false;
        }
        if let Some(address) = addresses.by_network.get_mut(network) {
            let kept = address.misses.len().saturating_sub(FORGIVEN);
            address.misses.truncate(kept);
        }
        true
    }

    /// Counts a report of a page at this address; `false` if it is one too many.
    pub fn may_report(&self, settings: &Settings, network: &str, now: Timestamp) -> bool {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.since.is_none_or(|since| since + WINDOW <= now) {
            *reports = Reports { since: Some(now), by_network: HashMap::new() };
        }
        let has_room = reports.by_network.len() < MOST_REPORTERS || reports.by_network.contains_key(network);
        let reporter = if has_room { network.to_owned() } else { String::new() };
        let count = reports.by_network.entry(reporter).or_default();
        *count = count.saturating_add(1);
        f64::from(*count) <= f64::from(MOST_REPORTS) * settings.limits.scale
    }

    fn lock(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addresses {
    /// Drops addresses without a recent miss, once a minute and if there is no room for one more.
    fn tidy(&mut self, now: Timestamp, network: &str) {
        let is_full = self.by_network.len() >= MOST_ADDRESSES && !self.by_network.contains_key(network);
        if self.tidied_at.is_some_and(|at| at + MINUTE > now) && !is_full {
            return;
        }
        self.tidied_at = Some(now);
        self.by_network.retain(|_, address| address.misses.back().is_some_and(|at| *at + WINDOW > now));
        if is_full && self.by_network.len() >= MOST_ADDRESSES {
            self.by_network.clear();
        }
    }
}

/// The wait until the `n`th of `times` (the first is 0) is older than `window`.
fn until_free(times: &VecDeque<Timestamp>, n: usize, window: Duration, now: Timestamp) -> Wait {
    (times.get(n).copied().unwrap_or(now) + window).wait_from(now)
}

fn drop_before(times: &mut VecDeque<Timestamp>, now: Timestamp, window: Duration) {
    while times.front().is_some_and(|at| *at + window <= now) {
        times.pop_front();
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of misses")]
fn most_misses(settings: &Settings) -> usize {
    ((MOST_MISSES * settings.limits.scale) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::settings::Source;

    const ROOM: &str = "198.51.100.7";

    fn defaults() -> Settings {
        Source::default().settings().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn single_miss_expires_after_ten_minutes() {
        let (limiter, settings) = (CodeGuessLimiter::default(), defaults());
        limiter.miss(&settings, ROOM, "900000", at(0));
        assert!(limiter.has_missed(ROOM, at(599)));
        assert!(!limiter.has_missed(ROOM, at(600)));
        assert!(limiter.lock().by_network.is_empty());
    }

    #[test]
    fn later_miss_removes_old_addresses() {
        let (limiter, settings) = (CodeGuessLimiter::default(), defaults());
        for n in 0..50 {
            limiter.miss(&settings, &format!("198.51.100.{n}"), "900000", at(0));
        }
        limiter.miss(&settings, ROOM, "900000", at(700));
        assert_eq!(limiter.lock().by_network.len(), 1);
    }

    #[test]
    fn prefix_of_a_code_is_not_a_miss() {
        let (limiter, settings) = (CodeGuessLimiter::default(), defaults());
        for code in ["9", "90", "900", "9000", "90000", "9000000000000"] {
            assert_eq!(limiter.miss(&settings, ROOM, code, at(0)), None);
        }
        assert!(!limiter.has_missed(ROOM, at(0)));
    }

    #[test]
    fn blocked_address_learns_when_it_may_retry() {
        let (limiter, settings) = (CodeGuessLimiter::default(), defaults());
        let misses: Vec<_> = (0..100).map(|n| limiter.miss(&settings, ROOM, "900000", at(n))).collect();
        assert!(misses.iter().take(20).all(Option::is_none));
        // Of the 21 misses in the last ten minutes, two must expire before there is room for one.
        assert_eq!(misses[20].map(|wait| wait.seconds), Some(600 + 1 - 20));
        assert_eq!(limiter.admit(&settings, ROOM, at(100)).map_err(|wait| wait.seconds), Err(500));
        assert_eq!(limiter.admit(&settings, ROOM, at(600)), Ok(()));
    }
}
