//! Leases: units of large rate limits that this instance has taken out of the database and hands out from
//! memory, so that the requests of a whole practice or country do not wait for one row.
//!
//! A lease is a hit of so many units at the moment at which it ends. Whoever settles it replaces that hit by
//! the units that were spent, each at its own time, and the rest is free again; what a crash leaves unsettled
//! counts as spent. A limit is therefore never exceeded, whatever happens to an instance.
//!
//! A unit of work that fails gives its units back: [`Spending`] does it when it is dropped. If the outcome
//! of a commit is unknown, they count as spent.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::window::Hits;
use crate::kit::Timestamp;
use crate::platform::{Tx, db};

/// How long a lease lasts.
pub(super) const LASTS: Duration = Duration::from_secs(10);
/// A lease takes this part of what is left, and at least one unit: near the end an instance asks the database
/// for every unit, and none is left unused in the memory of another one.
const SHARE: u64 = 16;

/// Units of one rate limit that are this instance's to spend.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    ends_at: i64,
    units: u64,
    /// When units were spent, and how many.
    spent: Hits,
    left: u64,
}

impl Lease {
    pub(super) fn size(room: u64) -> u64 {
        (room / SHARE).max(1)
    }

    /// A lease of which one unit is spent at once.
    pub(super) fn begin(ends_at: i64, units: u64, slot: i64) -> Self {
        let mut lease = Self { ends_at, units, spent: Hits::default(), left: units };
        lease.spend(slot);
        lease
    }

    /// A lease that ends later than any we take precedes a clock that was put back, and is over.
    fn is_over(&self, now: Timestamp) -> bool {
        let ends_at = Timestamp::from_millis(self.ends_at);
        ends_at <= now || ends_at > now + LASTS * 2
    }

    fn spend(&mut self, slot: i64) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.spent.add(slot, 1);
        true
    }

    fn give_back(&mut self, slot: i64) -> bool {
        let is_ours = self.spent.remove(slot, 1);
        self.left += u64::from(is_ours);
        is_ours
    }
}

/// What is to be settled in the row of a rate limit.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsettled {
    leases: Vec<Lease>,
    /// Units that were given back after their lease was settled, by the time at which they were spent.
    returned: Vec<i64>,
}

impl Unsettled {
    pub(super) fn is_nothing(&self) -> bool {
        self.leases.is_empty() && self.returned.is_empty()
    }

    /// The log as it will be when this is settled. A lease that is not in it was forgotten with its window,
    /// or moved with a clock: then what it took counts as spent.
    pub(super) fn settle(&self, hits: &mut Hits) {
        for lease in &self.leases {
            if hits.remove(lease.ends_at, lease.units) {
                hits.add_all(&lease.spent);
            }
        }
        for slot in &self.returned {
            hits.remove(*slot, 1);
        }
    }

    fn merge(&mut self, other: Self) {
        self.leases.extend(other.leases);
        self.returned.extend(other.returned);
    }
}

#[derive(Default)]
struct Held {
    unsettled: Unsettled,
    /// How long the log of this limit goes back.
    longest: Duration,
}

#[derive(Default)]
struct State {
    held: HashMap<String, Held>,
    /// Rows with hits of a clock that was ahead, by key, to be mended.
    ahead: HashMap<String, Mend>,
}

/// Rewrites a row with hits of a clock that was ahead.
pub(super) type Mend = Box<dyn FnOnce(&mut Tx<'_>) -> db::Result<()> + Send>;

/// The leases of this instance.
#[derive(Default)]
pub struct Leases(Mutex<State>);

impl Leases {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, key: &str, slot: i64, now: Timestamp) -> bool {
        let mut state = self.lock();
        let Some(held) = state.held.get_mut(key) else { return false };
        held.unsettled.leases.iter_mut().any(|lease| !lease.is_over(now) && lease.spend(slot))
    }

    pub(super) fn has_unit(&self, key: &str, now: Timestamp) -> bool {
        let state = self.lock();
        let leases = state.held.get(key).map(|held| held.unsettled.leases.as_slice()).unwrap_or_default();
        leases.iter().any(|lease| !lease.is_over(now) && lease.left > 0)
    }

    /// A unit that was not used after all. Its lease may be settled meanwhile, or in another unit of work.
    fn give_back(&self, key: &str, longest: Duration, slot: i64) {
        let mut state = self.lock();
        let held = state.held.entry(key.to_owned()).or_default();
        held.longest = held.longest.max(longest);
        if !held.unsettled.leases.iter_mut().any(|lease| lease.give_back(slot)) {
            held.unsettled.returned.push(slot);
        }
    }

    fn unsettled(&self, key: &str) -> Unsettled {
        self.lock().held.get(key).map(|held| held.unsettled.clone()).unwrap_or_default()
    }

    /// Takes out what can be settled: leases that are spent or over, and returned units; everything `at_end`.
    fn take_out(&self, key: &str, now: Timestamp, at_end: bool) -> Unsettled {
        let mut state = self.lock();
        let Some(held) = state.held.get_mut(key) else { return Unsettled::default() };
        let is_done = |lease: &mut Lease| at_end || lease.left == 0 || lease.is_over(now);
        let leases = held.unsettled.leases.extract_if(.., is_done).collect();
        Unsettled { leases, returned: mem::take(&mut held.unsettled.returned) }
    }

    fn put(&self, key: &str, longest: Duration, unsettled: Unsettled) {
        let mut state = self.lock();
        let held = state.held.entry(key.to_owned()).or_default();
        held.longest = held.longest.max(longest);
        held.unsettled.merge(unsettled);
    }

    /// Keys of which something is over, with how long their logs go back; all keys `at_end`. Forgets those
    /// of which nothing is held.
    pub(super) fn due(&self, now: Timestamp, at_end: bool) -> Vec<(String, Duration)> {
        let mut state = self.lock();
        state.held.retain(|_, held| !held.unsettled.is_nothing());
        let is_due = |held: &Held| {
            let Unsettled { leases, returned } = &held.unsettled;
            at_end || !returned.is_empty() || leases.iter().any(|lease| lease.is_over(now))
        };
        let due = state.held.iter().filter(|(_, held)| is_due(held));
        due.map(|(key, held)| (key.clone(), held.longest)).collect()
    }

    fn take_ahead(&self) -> Vec<Mend> {
        mem::take(&mut self.lock().ahead).into_values().collect()
    }

    pub(crate) fn has_ahead(&self) -> bool {
        !self.lock().ahead.is_empty()
    }
}

/// A unit spent by a unit of work.
struct Unit {
    key: String,
    longest: Duration,
    slot: i64,
    /// From which lease of the same unit of work; `None` is one in memory.
    lease: Option<usize>,
}

/// A lease that was ended or begun in a unit of work, to be so with its commit.
struct Renewal {
    key: String,
    longest: Duration,
    old: Unsettled,
    new: Unsettled,
}

/// What a unit of work has spent and leased.
pub struct Spending {
    leases: Arc<Leases>,
    units: Vec<Unit>,
    renewals: Vec<Renewal>,
    refunds: Vec<Unit>,
}

/// A point to return to.
#[derive(Clone, Copy)]
pub struct Mark(usize, usize, usize);

impl Spending {
    pub fn new(leases: &Arc<Leases>) -> Self {
        let leases = Arc::clone(leases);
        Self { leases, units: Vec::new(), renewals: Vec::new(), refunds: Vec::new() }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.units.len(), self.renewals.len(), self.refunds.len())
    }

    /// Gives back what was spent since `mark`, and undoes the leases of that time with their statements.
    pub fn undo_to(&mut self, mark: Mark) {
        self.give_back_to(mark.0);
        for renewal in self.renewals.split_off(mark.1) {
            self.leases.put(&renewal.key, renewal.longest, renewal.old);
        }
        self.refunds.truncate(mark.2);
    }

    fn give_back_to(&mut self, count: usize) {
        for unit in self.units.split_off(count.min(self.units.len())) {
            self.give_back_unit(&unit);
        }
    }

    fn give_back_unit(&mut self, unit: &Unit) {
        let renewal = unit.lease.and_then(|index| self.renewals.get_mut(index));
        match renewal {
            Some(renewal) => drop(renewal.new.leases.iter_mut().any(|lease| lease.give_back(unit.slot))),
            None => self.leases.give_back(&unit.key, unit.longest, unit.slot),
        }
    }

    /// Spends a unit from memory, if there is one.
    pub(super) fn spend(&mut self, key: &str, longest: Duration, slot: i64, now: Timestamp) -> bool {
        let mut leases = self.renewals.iter_mut().enumerate().filter(|(_, renewal)| renewal.key == key);
        let own = leases.find_map(|(index, renewal)| {
            let is_spent = renewal.new.leases.iter_mut().any(|lease| lease.spend(slot));
            is_spent.then_some(index)
        });
        if own.is_none() && !self.leases.spend(key, slot, now) {
            return false;
        }
        self.units.push(Unit { key: key.to_owned(), longest, slot, lease: own });
        true
    }

    pub(super) fn has_unit(&self, key: &str, now: Timestamp) -> bool {
        let mut own = self.renewals.iter().filter(|renewal| renewal.key == key);
        own.any(|renewal| renewal.new.leases.iter().any(|lease| lease.left > 0))
            || self.leases.has_unit(key, now)
    }

    /// What is held of `key` and not settled in its row, as this unit of work sees it.
    pub(super) fn unsettled(&self, key: &str) -> Unsettled {
        let mut unsettled = self.leases.unsettled(key);
        let own = self.renewals.iter().filter(|renewal| renewal.key == key);
        own.for_each(|renewal| unsettled.merge(renewal.new.clone()));
        unsettled
    }

    /// Has a row mended in a transaction of its own, after this unit of work: a refusal is not committed.
    pub fn note_ahead(&self, key: &str, mend: impl FnOnce(&mut Tx<'_>) -> db::Result<()> + Send + 'static) {
        let mend: Mend = Box::new(mend);
        self.leases.lock().ahead.entry(key.to_owned()).or_insert(mend);
    }

    pub(super) fn take_ahead(&self) -> Vec<Mend> {
        self.leases.take_ahead()
    }

    /// Gives back the latest unit that this unit of work spent of `key`.
    pub(super) fn give_back(&mut self, key: &str) {
        if let Some(index) = self.units.iter().rposition(|unit| unit.key == key) {
            let unit = self.units.remove(index);
            self.give_back_unit(&unit);
        }
    }

    /// Gives back, with the commit, a unit that an earlier unit of work spent.
    pub(super) fn refund(&mut self, key: &str, longest: Duration, slot: i64) {
        self.refunds.push(Unit { key: key.to_owned(), longest, slot, lease: None });
    }

    /// What this unit of work is to settle in the row of `key`. It is back in memory if the unit fails.
    pub(super) fn take_out(
        &mut self,
        key: &str,
        longest: Duration,
        now: Timestamp,
        at_end: bool,
    ) -> Unsettled {
        let old = self.leases.take_out(key, now, at_end);
        let new = Unsettled::default();
        self.renewals.push(Renewal { key: key.to_owned(), longest, old: old.clone(), new });
        old
    }

    /// Puts back what [`Spending::take_out`] took out last: nothing was settled.
    pub(super) fn put_back(&mut self) {
        if let Some(renewal) = self.renewals.pop() {
            self.leases.put(&renewal.key, renewal.longest, renewal.old);
        }
    }

    /// Begins a lease in place of what was taken out last, with its first unit spent.
    pub(super) fn begin(&mut self, lease: Lease, slot: i64) {
        let Some((index, renewal)) = self.renewals.iter_mut().enumerate().next_back() else { return };
        renewal.new.leases.push(lease);
        let (key, longest) = (renewal.key.clone(), renewal.longest);
        self.units.push(Unit { key, longest, slot, lease: Some(index) });
    }

    /// What was done here is done, before the commit: from now on its outcome may be unknown, and then
    /// everything counts as spent.
    pub fn finish(mut self) -> Done {
        self.units.clear();
        Done {
            leases: Arc::clone(&self.leases),
            renewals: mem::take(&mut self.renewals),
            refunds: mem::take(&mut self.refunds),
        }
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        self.undo_to(Mark(0, 0, 0));
    }
}

/// What a unit of work leaves for the moment after its commit.
pub struct Done {
    leases: Arc<Leases>,
    renewals: Vec<Renewal>,
    refunds: Vec<Unit>,
}

impl Done {
    /// The leases are ours now, and returned units are free.
    pub fn committed(self) {
        for renewal in self.renewals {
            self.leases.put(&renewal.key, renewal.longest, renewal.new);
        }
        for unit in self.refunds {
            self.leases.give_back(&unit.key, unit.longest, unit.slot);
        }
    }
}
