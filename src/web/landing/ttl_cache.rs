//! Bounded TTL cache: entries expire after one second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an entry outlives a change made by another instance. A change by this instance
/// takes effect at once.
pub const FRESH: Duration = Duration::from_secs(1);

struct Kept<V> {
    value: V,
    since: Instant,
    generation: u64,
}

struct Things<K, V> {
    kept: HashMap<K, Kept<V>>,
    tidied: Option<Instant>,
}

/// Cache with a bounded number of entries, each valid for one second.
pub struct Shelf<K, V> {
    things: Mutex<Things<K, V>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    pub fn new(most: usize) -> Self {
        Self { things: Mutex::new(Things { kept: HashMap::new(), tidied: None }), most }
    }

    /// Returns the entry of `key` if it is fresh at `now` and of the current generation.
    pub fn find(&self, key: &K, generation: u64, now: Instant) -> Option<V> {
        let things = self.lock();
        let kept = things.kept.get(key)?;
        let is_fresh = kept.generation == generation && now.duration_since(kept.since) < FRESH;
        is_fresh.then(|| kept.value.clone())
    }

    /// Stores an entry that was made at `generation`. Expired entries are removed on the way, once per
    /// second, so the cache holds what was requested in the last two.
    pub fn keep(&self, key: K, value: V, generation: u64, now: Instant) {
        let mut things = self.lock();
        let is_untidy = things.tidied.is_none_or(|at| now.duration_since(at) >= FRESH);
        if is_untidy || things.kept.len() >= self.most {
            things.kept.retain(|_, kept| now.duration_since(kept.since) < FRESH);
            things.tidied = Some(now);
        }
        if things.kept.len() >= self.most {
            things.kept.clear();
        }
        things.kept.insert(key, Kept { value, since: now, generation });
    }

    /// A panic elsewhere leaves a consistent cache, because each change is one insertion. A poisoned lock
    /// is safe to use.
    fn lock(&self) -> MutexGuard<'_, Things<K, V>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stale_goes_when_something_new_comes() {
        let (shelf, begin) = (Shelf::new(100), Instant::now());
        for n in 0..50 {
            shelf.keep(n, n, 0, begin);
        }
        assert_eq!(shelf.find(&7, 0, begin + FRESH / 2), Some(7));
        assert_eq!(shelf.find(&7, 1, begin + FRESH / 2), None, "of another generation");
        assert_eq!(shelf.find(&7, 0, begin + FRESH), None);
        shelf.keep(50, 50, 0, begin + FRESH);
        assert_eq!(shelf.lock().kept.len(), 1);
    }

    #[test]
    fn a_shelf_never_holds_more_than_it_has_room_for() {
        let (shelf, begin) = (Shelf::new(100), Instant::now());
        for n in 0..1_000 {
            shelf.keep(n, n, 0, begin);
            assert!(shelf.lock().kept.len() <= 100);
        }
    }
}
