//! In-memory counters for page views that are not written yet.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::backlog::Backlog;
use super::{MOST_CHANNELS, OTHER, Step};
use crate::kit::{LinkId, Timestamp};

/// Days begin on a quarter of an hour in every time zone, so views can be summed per quarter and still be
/// assigned to the right day.
const QUARTER: i64 = 15 * 60 * 1000;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Limit on distinct counts and single visits in memory, so that a flood of views cannot exhaust it. Beyond
/// it, further ones are dropped, and the number dropped is counted.
const MOST: usize = 100_000;
/// Limit per link, so that a flood on one link leaves room for the visits of others.
const MOST_OF_LINK: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub link_id: LinkId,
    pub step: Step,
    pub channel: String,
    pub quarter: i64,
}

/// Counts that are not written yet.
#[derive(Default)]
pub(super) struct PendingCounts {
    pub sums: HashMap<Key, i64>,
    /// Steps that count once per visit, however often and on whichever instance they arrive.
    pub visits: HashSet<(Key, String)>,
    /// How many entries of `visits` belong to each link.
    of_link: HashMap<LinkId, usize>,
}

/// The channels of each link seen by this instance today (UTC). Anyone can write a new channel into a URL,
/// so only a limited number is counted separately.
#[derive(Default)]
struct Channels {
    day: i64,
    of_link: HashMap<LinkId, HashSet<String>>,
}

impl Channels {
    /// Returns the channel under which a view is counted.
    fn counted<'a>(&mut self, now: Timestamp, link_id: &LinkId, channel: &'a str) -> &'a str {
        if channel.is_empty() {
            return channel;
        }
        let day = now.millis().div_euclid(DAY);
        if self.day != day {
            *self = Self { day, of_link: HashMap::new() };
        }
        let known = match self.of_link.get_mut(link_id) {
            Some(known) => known,
            None => self.of_link.entry(link_id.to_owned()).or_default(),
        };
        if known.contains(channel) {
            channel
        } else if known.len() < MOST_CHANNELS {
            known.insert(channel.to_owned());
            channel
        } else {
            OTHER
        }
    }
}

#[derive(Default)]
struct Waiting {
    counts: PendingCounts,
    channels: Channels,
}

/// Counts that wait in memory until they are written in a batch.
#[derive(Default)]
pub struct PageViews {
    waiting: Mutex<Waiting>,
    backlog: Backlog,
}

impl PageViews {
    /// Counts one step off the request path.
    pub fn add(&self, now: Timestamp, link_id: &LinkId, step: Step, channel: &str) {
        let Waiting { counts, channels } = &mut *self.lock();
        let key = key(now, link_id, step, channels.counted(now, link_id, channel));
        if counts.sums.len() < MOST || counts.sums.contains_key(&key) {
            *counts.sums.entry(key).or_default() += 1;
        } else {
            metrics::counter!("funnel_dropped_total").increment(1);
        }
    }

    /// Like [`PageViews::add`], but once per visit and step, however often and on
    /// whichever instance it arrives.
    pub fn add_once(&self, now: Timestamp, link_id: &LinkId, step: Step, channel: &str, visit: &str) {
        let Waiting { counts, channels } = &mut *self.lock();
        let once = (key(now, link_id, step, channels.counted(now, link_id, channel)), visit.to_owned());
        if counts.visits.contains(&once) {
            return;
        }
        let of_link = counts.of_link.entry(link_id.to_owned()).or_default();
        if counts.visits.len() < MOST && *of_link < MOST_OF_LINK {
            *of_link += 1;
            counts.visits.insert(once);
        } else {
            metrics::counter!("funnel_dropped_total").increment(1);
        }
    }

    /// Number of waiting counts and single visits, including those that could not be written yet.
    pub fn waiting(&self) -> usize {
        let backlog = self.backlog.events();
        let waiting = self.lock();
        backlog + waiting.counts.sums.len() + waiting.counts.visits.len()
    }

    /// Takes out everything that is waiting.
    pub(super) fn drain(&self) -> PendingCounts {
        mem::take(&mut self.lock().counts)
    }

    /// A panic elsewhere leaves consistent counts, because each change is one insertion. A poisoned lock
    /// is safe to use.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Batches that were drained and are not known to be written.
    pub(super) fn backlog(&self) -> &Backlog {
        &self.backlog
    }
}

fn key(now: Timestamp, link_id: &LinkId, step: Step, channel: &str) -> Key {
    Key {
        link_id: link_id.to_owned(),
        step,
        channel: channel.to_owned(),
        quarter: now.millis().div_euclid(QUARTER) * QUARTER,
    }
}
