//! A sliding window over a log of hits, and the two texts in which logs are stored.
//!
//! Small limits store single times, `1795359600000,1795359590000`, newest first: all times have 13 digits, so
//! that a statement finds the n-th latest hit by its place in the text and compares it as text. Large limits
//! store counts per slot of time as JSON; a hit counts as if it came at the end of its slot, so that a limit
//! is never exceeded.

use std::time::Duration;

use crate::kit::Timestamp;

/// Digits of a time in milliseconds, from 2001 to 2286.
pub const DIGITS: i32 = 13;
/// A time and the comma after it.
const PLACE: u64 = 14;
/// Hits further ahead than this were counted by a clock that has been put back since; they count as now.
/// It is longer than clocks of instances differ, and than a lease lasts.
const AHEAD: Duration = Duration::from_mins(1);

/// So many hits in so much time.
#[derive(Clone)]
pub(super) struct Window {
    pub max: u64,
    pub per: Duration,
}

/// The times of hits and how many came then, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits(Vec<(i64, u64)>);

impl Window {
    /// Earliest time at which so many hits have left the window that one more fits.
    pub(super) fn next_at(&self, hits: &Hits, now: Timestamp) -> Timestamp {
        let mut must_leave = (self.count(hits, now) + 1).saturating_sub(self.max);
        for (at, n) in self.inside(hits, now) {
            if must_leave == 0 {
                break;
            }
            must_leave = must_leave.saturating_sub(n);
            if must_leave == 0 {
                return Timestamp::from_millis(at) + self.per;
            }
        }
        now
    }

    /// How many more hits fit at `now`.
    pub(super) fn room(&self, hits: &Hits, now: Timestamp) -> u64 {
        self.max.saturating_sub(self.count(hits, now))
    }

    /// Which part of the window is used.
    #[expect(clippy::cast_precision_loss, reason = "a rough figure")]
    pub(super) fn pressure(&self, hits: &Hits, now: Timestamp) -> f64 {
        self.count(hits, now) as f64 / self.max as f64
    }

    fn count(&self, hits: &Hits, now: Timestamp) -> u64 {
        self.inside(hits, now).map(|(_, n)| n).sum()
    }

    fn inside<'a>(&'a self, hits: &'a Hits, now: Timestamp) -> impl Iterator<Item = (i64, u64)> + 'a {
        hits.0.iter().copied().filter(move |&(at, _)| Timestamp::from_millis(at) + self.per > now)
    }
}

/// The condition under which a window admits a hit: the hit in this place of the log, if there is one, is at
/// or before this time.
pub struct Guard {
    /// Where the time begins in the log, from 1.
    pub place: i32,
    /// The latest time that has left the window.
    pub left: String,
}

impl Guard {
    /// True of every log.
    pub(super) fn none() -> Self {
        Self { place: i32::MAX, left: String::new() }
    }

    pub(super) fn of(window: &Window, now: Timestamp) -> Self {
        Self { place: length(window.max.saturating_sub(1)).saturating_add(1), left: stamp(now - window.per) }
    }
}

/// How long a log of `count` times is, as a text.
pub(super) fn length(count: u64) -> i32 {
    i32::try_from(count.saturating_mul(PLACE)).unwrap_or(i32::MAX - 1)
}

/// A time as it is stored in a log.
pub fn stamp(at: Timestamp) -> String {
    format!("{:013}", at.millis().max(0))
}

impl Hits {
    /// Reads either text. A log that cannot be read counts as empty, and the next hit overwrites it.
    pub fn parse(stored: &str) -> Self {
        if stored.starts_with('[') {
            return Self(serde_json::from_str(stored).unwrap_or_default());
        }
        let mut hits = Self::default();
        stored.split(',').filter_map(|at| at.parse().ok()).for_each(|at| hits.add(at, 1));
        hits
    }

    /// The text of a small limit, with at most `most` hits.
    pub(super) fn to_log(&self, most: u64) -> String {
        let times = self.0.iter().rev();
        let times = times.flat_map(|&(at, n)| (0..n).map(move |_| stamp(Timestamp::from_millis(at))));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        times.take(most).collect::<Vec<_>>().join(",")
    }

    /// The text of a large limit.
    pub(super) fn to_slots(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Counts hits of a clock that was ahead as hits of now; `true` if there were any.
    /// A hit may be ahead by the `width` of its slot.
    pub(super) fn put_back(&mut self, now: Timestamp, width: Duration) -> bool {
        let latest = (now + AHEAD + width).millis();
        let early = self.0.iter().filter(|(at, _)| *at > latest).map(|(_, n)| n).sum();
        self.0.retain(|(at, _)| *at <= latest);
        self.add(now.millis(), early);
        early > 0
    }

    pub(super) fn forget_before(&mut self, at: Timestamp) {
        self.0.retain(|(hit, _)| *hit > at.millis());
    }

    pub(super) fn add(&mut self, at: i64, count: u64) {
        if count == 0 {
            return;
        }
        let index = self.0.partition_point(|(hit, _)| *hit < at);
        match self.0.get_mut(index) {
            Some((hit, n)) if *hit == at => *n += count,
            _ => self.0.insert(index, (at, count)),
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|&(at, count)| self.add(at, count));
    }

    /// Takes `count` hits of a time away; `false`, and nothing is taken, if there are fewer.
    pub(super) fn remove(&mut self, at: i64, count: u64) -> bool {
        let Some((_, n)) = self.0.iter_mut().find(|(hit, n)| *hit == at && *n >= count) else { return false };
        *n -= count;
        self.0.retain(|(_, n)| *n > 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_359_600_000;

    #[test]
    fn a_log_keeps_its_latest_hits_and_reads_both_texts() {
        let stored = format!("[[{},2],[{},1]]", NOW - 5_000, NOW);
        let hits = Hits::parse(&stored);
        let log = format!("{NOW},{},{}", NOW - 5_000, NOW - 5_000);
        assert_eq!((hits.to_log(4), hits.to_slots()), (log.clone(), stored));
        assert_eq!(hits.to_log(1), NOW.to_string());
        let mut again = Hits::default();
        Hits::parse(&log).0.iter().for_each(|&(at, n)| again.add(at, n));
        assert_eq!(again, hits);
    }

    #[test]
    fn a_hit_of_a_clock_that_was_ahead_counts_as_now() {
        let now = Timestamp::from_millis(NOW);
        let mut hits = Hits(vec![(NOW - 1, 1), (NOW + 10_000, 1), (NOW + 7_200_000, 3)]);
        assert!(hits.put_back(now, Duration::ZERO));
        assert_eq!(hits.0, [(NOW - 1, 1), (NOW, 3), (NOW + 10_000, 1)]);
        assert!(!hits.put_back(now, Duration::ZERO));
        let window = Window { max: 5, per: Duration::from_mins(10) };
        assert_eq!(window.next_at(&hits, now).millis(), NOW - 1 + 600_000);
    }
}
