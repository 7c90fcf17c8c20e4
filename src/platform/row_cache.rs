//! Rows that many requests read and few change, such as a link with its practice.
//!
//! Every commit that changes such a row notifies `signals.landing`, whose count is the generation of a cached
//! row: a row that was read before the last notification is not used. Changes by other instances and by the
//! command line notify through the event log. What a lost notification could leave behind ends after
//! `FRESH`.
//! Where a stale row must not decide, the rule reads it again with a lock.
//!
//! `moka` 0.12 evicts more cleverly; what is needed here is the generation, and a bound.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::signal::Signals;

/// How long a row is used at most.
const FRESH: Duration = Duration::from_secs(30);
/// Limit on cached rows, of a few hundred bytes each.
const MOST: usize = 20_000;

struct Row {
    value: Box<dyn Any + Send + Sync>,
    since: Instant,
    generation: u64,
}

/// Cached rows by type and key.
pub struct RowCache {
    rows: Mutex<HashMap<(TypeId, String), Row>>,
    signals: Arc<Signals>,
}

impl RowCache {
    /// A cache that every commit which changes a link or a practice invalidates.
    pub fn new(signals: Arc<Signals>) -> Self {
        Self { rows: Mutex::default(), signals }
    }

    /// The row of `key`, if it is fresh and nothing was changed since it was read.
    pub fn get<T: Clone + 'static>(&self, key: &str) -> Option<T> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let row = rows.get(&(TypeId::of::<T>(), key.to_owned()))?;
        let is_fresh = row.generation == self.signals.landing.count() && row.since.elapsed() < FRESH;
        is_fresh.then(|| row.value.downcast_ref::<T>().cloned()).flatten()
    }

    /// Caches a row that was read at `generation`.
    pub(super) fn insert<T: Clone + Send + Sync + 'static>(&self, key: &str, row: &T, generation: u64) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= MOST {
            rows.retain(|_, row| row.generation == generation && row.since.elapsed() < FRESH);
        }
        if rows.len() >= MOST {
            rows.clear();
        }
        let row = Row { value: Box::new(row.clone()), since: Instant::now(), generation };
        rows.insert((TypeId::of::<T>(), key.to_owned()), row);
    }
}
