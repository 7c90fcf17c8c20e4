//! Page views that wait in memory.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Step;
use super::writer::Unwritten;
use crate::kit::Timestamp;

/// Every time zone's days begin on a quarter of an hour, so views can be added up within one and still be told
/// apart by day.
const QUARTER: i64 = 15 * 60 * 1000;
/// A flood of views must not eat the memory: beyond this many kinds of counts and single visits, further ones
/// are dropped and counted as such.
const MOST: usize = 100_000;

/// What a count is about: link, step, channel and the quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub link_id: String,
    pub step: Step,
    pub channel: String,
    pub quarter: i64,
}

/// Everything that waited when it was drained.
#[derive(Default)]
pub(super) struct Drained {
    /// Sums.
    pub sums: HashMap<Key, i64>,
    /// Steps that count once a visit, however often and wherever they come in.
    pub visits: HashSet<(Key, String)>,
}

/// Counts that wait in memory until they are written in a batch.
#[derive(Default)]
pub struct Tally {
    waiting: Mutex<Drained>,
    unwritten: Unwritten,
}

impl Tally {
    /// Counts one step off the request path.
    pub fn add(&self, now: Timestamp, link_id: &str, step: Step, channel: &str) {
        let key = key(now, link_id, step, channel);
        let mut waiting = self.lock();
        if waiting.sums.len() < MOST || waiting.sums.contains_key(&key) {
            *waiting.sums.entry(key).or_default() += 1;
        } else {
            metrics::counter!("funnel_dropped_total").increment(1);
        }
    }

    /// As [`Tally::add`], once a visit and step, however often it comes and on whichever instance.
    pub fn add_once(&self, now: Timestamp, link_id: &str, step: Step, channel: &str, visit: &str) {
        let key = key(now, link_id, step, channel);
        let mut waiting = self.lock();
        if waiting.visits.len() < MOST {
            waiting.visits.insert((key, visit.to_owned()));
        } else {
            metrics::counter!("funnel_dropped_total").increment(1);
        }
    }

    /// How many counts and single visits wait.
    pub fn waiting(&self) -> usize {
        let waiting = self.lock();
        waiting.sums.len() + waiting.visits.len()
    }

    /// Takes out everything that waits.
    pub(super) fn drain(&self) -> Drained {
        mem::take(&mut *self.lock())
    }

    /// A panic elsewhere leaves counts that are whole: each change is one insertion.
    fn lock(&self) -> MutexGuard<'_, Drained> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was taken out and is not known to be written.
    pub(super) fn unwritten(&self) -> &Unwritten {
        &self.unwritten
    }
}

fn key(now: Timestamp, link_id: &str, step: Step, channel: &str) -> Key {
    Key {
        link_id: link_id.to_owned(),
        step,
        channel: channel.to_owned(),
        quarter: now.millis().div_euclid(QUARTER) * QUARTER,
    }
}
