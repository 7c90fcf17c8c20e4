//! Who tries codes that lead nowhere: the one gate of every door that takes a link's code. In memory, an instance
//! for itself: a miss must not cost a write, and a count that a restart forgets slows guessing down just as well.
//!
//! A hit is never limited for an address that does not guess: a waiting room is one address. One that tried too
//! many codes in vain has its misses refused, and its hits told apart from them at most so often a minute. One
//! that goes on all the same finds the gate shut before anything is looked up, so that nobody reads the list of
//! all practices off the answers.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::kit::{Timestamp, Wait};

/// Misses of complete codes in [`WINDOW`] before an address is asked to slow down.
const MOST_MISSES: f64 = 20.0;
/// As many times that shut the gate.
const SHUT: usize = 5;
const WINDOW: Duration = Duration::from_mins(10);
/// What an address that guesses may still ask for in a minute, hits and misses together.
const MOST_REQUESTS: usize = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// More addresses than this are not remembered: those that were quiet longest go first.
const MOST_GUESTS: usize = 10_000;
/// What a passed challenge forgives.
const FORGIVEN: usize = 10;
/// Shorter numbers are the beginnings of codes: typed on the way to a whole one, and fetched by browsers that
/// complete addresses. They are no misses.
const SHORTEST_CODE: usize = 6;
const LONGEST_CODE: usize = 12;
/// What the pages of one address may tell of themselves in [`WINDOW`]. The counters are a practice's to read and
/// nobody's to fill.
const MOST_TOLD: u32 = 600;
/// Addresses beyond this many share one budget.
const MOST_TELLERS: usize = 50_000;

#[derive(Default)]
struct Guest {
    misses: VecDeque<Timestamp>,
    requests: VecDeque<Timestamp>,
}

impl Guest {
    fn forget_old(&mut self, now: Timestamp) {
        drop_before(&mut self.misses, now, WINDOW);
        drop_before(&mut self.requests, now, MINUTE);
    }
}

#[derive(Default)]
struct Known {
    guests: HashMap<String, Guest>,
    tickets: HashSet<String>,
    tidied: Option<Timestamp>,
}

/// What the pages of each address told of themselves since a moment.
#[derive(Default)]
struct Told {
    since: Option<Timestamp>,
    by: HashMap<String, u32>,
}

/// The addresses that missed lately.
#[derive(Default)]
pub struct Guests {
    known: Mutex<Known>,
    told: Mutex<Told>,
}

impl Guests {
    /// Asked with every code before it is looked up; `Err` says when the gate opens again.
    pub fn admit(&self, config: &Config, network: &str, now: Timestamp) -> Result<(), Wait> {
        let mut known = self.lock();
        let Some(guest) = known.guests.get_mut(network) else { return Ok(()) };
        guest.forget_old(now);
        let most = most_misses(config);
        if let Some(over) = guest.misses.len().checked_sub(most * SHUT) {
            return Err(opens(&guest.misses, over, WINDOW, now));
        }
        if guest.misses.len() <= most {
            return Ok(());
        }
        if let Some(over) = guest.requests.len().checked_sub(MOST_REQUESTS) {
            return Err(opens(&guest.requests, over, MINUTE, now));
        }
        guest.requests.push_back(now);
        Ok(())
    }

    /// Notes that `code` led nowhere; `Some` when the address has had its share of misses, with the moment at
    /// which it has one again.
    pub fn miss(&self, config: &Config, network: &str, code: &str, now: Timestamp) -> Option<Wait> {
        if !(SHORTEST_CODE..=LONGEST_CODE).contains(&code.len()) {
            return None;
        }
        let mut known = self.lock();
        known.tidy(now, network);
        let guest = known.guests.entry(network.to_owned()).or_default();
        drop_before(&mut guest.misses, now, WINDOW);
        guest.misses.push_back(now);
        let most = most_misses(config);
        // No more are kept than decide, so that a flood holds no memory.
        let needless = guest.misses.len().saturating_sub(most * SHUT);
        guest.misses.drain(..needless);
        let over = guest.misses.len().checked_sub(most + 1)?;
        Some(opens(&guest.misses, over + 1, WINDOW, now))
    }

    /// Whether an address tried a code in vain lately.
    pub fn has_missed(&self, network: &str, now: Timestamp) -> bool {
        let mut known = self.lock();
        let Some(guest) = known.guests.get_mut(network) else { return false };
        guest.forget_old(now);
        let has_missed = !guest.misses.is_empty();
        if !has_missed {
            known.guests.remove(network);
        }
        has_missed
    }

    /// Takes some misses back from an address that passed a challenge; `false` when the ticket was used before.
    pub fn forgive(&self, network: &str, ticket: &str) -> bool {
        let mut known = self.lock();
        if known.tickets.len() >= MOST_GUESTS {
            known.tickets.clear();
        }
        if !known.tickets.insert(ticket.to_owned()) {
            return false;
        }
        if let Some(guest) = known.guests.get_mut(network) {
            let kept = guest.misses.len().saturating_sub(FORGIVEN);
            guest.misses.truncate(kept);
        }
        true
    }

    /// Whether a page at this address may tell something of itself once more.
    pub fn may_tell(&self, config: &Config, network: &str, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.since.is_none_or(|since| since + WINDOW <= now) {
            *told = Told { since: Some(now), by: HashMap::new() };
        }
        let has_room = told.by.len() < MOST_TELLERS || told.by.contains_key(network);
        let count = told.by.entry(if has_room { network.to_owned() } else { String::new() }).or_default();
        *count = count.saturating_add(1);
        f64::from(*count) <= f64::from(MOST_TOLD) * config.limits.scale
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Once a minute, and when there is no room for one more, those go that were quiet.
    fn tidy(&mut self, now: Timestamp, network: &str) {
        let is_full = self.guests.len() >= MOST_GUESTS && !self.guests.contains_key(network);
        if self.tidied.is_some_and(|at| at + MINUTE > now) && !is_full {
            return;
        }
        self.tidied = Some(now);
        self.guests.retain(|_, guest| guest.misses.back().is_some_and(|at| *at + WINDOW > now));
        if is_full && self.guests.len() >= MOST_GUESTS {
            self.guests.clear();
        }
    }
}

/// When the `n`th of `times` (the first is 0) is older than `window`.
fn opens(times: &VecDeque<Timestamp>, n: usize, window: Duration, now: Timestamp) -> Wait {
    (times.get(n).copied().unwrap_or(now) + window).wait_from(now)
}

fn drop_before(times: &mut VecDeque<Timestamp>, now: Timestamp, window: Duration) {
    while times.front().is_some_and(|at| *at + window <= now) {
        times.pop_front();
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of misses")]
fn most_misses(config: &Config) -> usize {
    ((MOST_MISSES * config.limits.scale) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "198.51.100.7";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn one_mistyped_code_is_forgotten_after_ten_minutes() {
        let (guests, config) = (Guests::default(), Config::default());
        guests.miss(&config, ROOM, "900000", at(0));
        assert!(guests.has_missed(ROOM, at(599)));
        assert!(!guests.has_missed(ROOM, at(600)));
        assert!(guests.lock().guests.is_empty());
    }

    #[test]
    fn addresses_that_do_not_come_back_go_with_those_that_miss_later() {
        let (guests, config) = (Guests::default(), Config::default());
        for n in 0..50 {
            guests.miss(&config, &format!("198.51.100.{n}"), "900000", at(0));
        }
        guests.miss(&config, ROOM, "900000", at(700));
        assert_eq!(guests.lock().guests.len(), 1);
    }

    #[test]
    fn beginnings_of_codes_are_no_misses() {
        let (guests, config) = (Guests::default(), Config::default());
        for code in ["9", "90", "900", "9000", "90000", "9000000000000"] {
            assert_eq!(guests.miss(&config, ROOM, code, at(0)), None);
        }
        assert!(!guests.has_missed(ROOM, at(0)));
    }

    #[test]
    fn the_gate_says_when_it_opens() {
        let (guests, config) = (Guests::default(), Config::default());
        let misses: Vec<_> = (0..100).map(|n| guests.miss(&config, ROOM, "900000", at(n))).collect();
        assert!(misses.iter().take(20).all(Option::is_none));
        // Of the 21 of the last ten minutes, two must be gone before there is room for one.
        assert_eq!(misses[20].map(|wait| wait.seconds), Some(600 + 1 - 20));
        assert_eq!(guests.admit(&config, ROOM, at(100)).map_err(|wait| wait.seconds), Err(500));
        assert_eq!(guests.admit(&config, ROOM, at(600)), Ok(()));
    }
}
