//! Who tries codes that lead nowhere. In memory, an instance for itself: a miss must not cost a write, and a
//! count that a restart forgets slows guessing down just as well.
//!
//! A hit is never limited for an address that does not guess: a waiting room is one address.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::kit::Timestamp;

/// Misses of complete codes in [`WINDOW`] before an address is asked to slow down.
const MOST_MISSES: f64 = 20.0;
const WINDOW: Duration = Duration::from_mins(10);
/// What an address that guesses may still ask for in a minute, hits and misses together.
const MOST_REQUESTS: usize = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// More addresses than this are not remembered: those that were quiet longest go first.
const MOST_GUESTS: usize = 10_000;
/// What a passed challenge forgives.
const FORGIVEN: usize = 10;

#[derive(Default)]
struct Guest {
    misses: VecDeque<Timestamp>,
    requests: VecDeque<Timestamp>,
}

#[derive(Default)]
struct Known {
    guests: HashMap<String, Guest>,
    tickets: HashSet<String>,
}

/// The addresses that missed lately.
#[derive(Default)]
pub struct Guests(Mutex<Known>);

impl Guests {
    /// Notes a miss; `Some` when the address has had its share, with the moment at which it has one again.
    pub fn miss(&self, config: &Config, network: &str, now: Timestamp) -> Option<Timestamp> {
        let mut known = self.lock();
        if known.guests.len() >= MOST_GUESTS && !known.guests.contains_key(network) {
            forget_quiet(&mut known.guests, now);
        }
        let guest = known.guests.entry(network.to_owned()).or_default();
        drop_before(&mut guest.misses, now, WINDOW);
        guest.misses.push_back(now);
        let most = most_misses(config);
        let over = guest.misses.len().checked_sub(most + 1)?;
        // No more are kept than decide, so that a flood holds no memory.
        guest.misses.drain(..over);
        guest.misses.get(1).map(|at| *at + WINDOW)
    }

    /// Whether an address that guesses asks too often now, hits included.
    pub fn is_too_fast(&self, config: &Config, network: &str, now: Timestamp) -> bool {
        let mut known = self.lock();
        let Some(guest) = known.guests.get_mut(network) else { return false };
        drop_before(&mut guest.misses, now, WINDOW);
        if guest.misses.len() <= most_misses(config) {
            return false;
        }
        drop_before(&mut guest.requests, now, MINUTE);
        if guest.requests.len() >= MOST_REQUESTS {
            return true;
        }
        guest.requests.push_back(now);
        false
    }

    /// Whether an address tried a code in vain lately.
    pub fn has_missed(&self, network: &str) -> bool {
        self.lock().guests.contains_key(network)
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

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_before(times: &mut VecDeque<Timestamp>, now: Timestamp, window: Duration) {
    while times.front().is_some_and(|at| *at + window <= now) {
        times.pop_front();
    }
}

fn forget_quiet(guests: &mut HashMap<String, Guest>, now: Timestamp) {
    guests.retain(|_, guest| guest.misses.back().is_some_and(|at| *at + WINDOW > now));
    if guests.len() >= MOST_GUESTS {
        guests.clear();
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of misses")]
fn most_misses(config: &Config) -> usize {
    (MOST_MISSES * config.limits.scale) as usize
}
