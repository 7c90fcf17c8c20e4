//! Bounded TTL cache: entries expire after one second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an entry outlives a change made by another instance. A change by this instance
/// takes effect at once.
pub(super) const FRESH: Duration = Duration::from_secs(1);

struct Entry<V> {
    value: V,
    since: Instant,
    generation: u64,
}

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    tidied_at: Option<Instant>,
}

/// Cache with a bounded number of entries, each valid for one second.
pub(super) struct TtlCache<K, V> {
    state: Mutex<State<K, V>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { state: Mutex::new(State { entries: HashMap::new(), tidied_at: None }), most }
    }

    /// Returns the entry of `key` if it is fresh at `now` and of the current generation.
    pub(super) fn get(&self, key: &K, generation: u64, now: Instant) -> Option<V> {
        let state = self.lock();
        let entry = state.entries.get(key)?;
        let is_fresh = entry.generation == generation && now.duration_since(entry.since) < FRESH;
        is_fresh.then(|| entry.value.clone())
    }

    /// Stores an entry that was made at `generation`. Expired entries are removed on the way, once per
    /// second, so the cache holds what was requested in the last two.
    pub(super) fn insert(&self, key: K, value: V, generation: u64, now: Instant) {
        let mut state = self.lock();
        let is_untidy = state.tidied_at.is_none_or(|at| now.duration_since(at) >= FRESH);
        if is_untidy || state.entries.len() >= self.most {
            state.entries.retain(|_, entry| now.duration_since(entry.since) < FRESH);
            state.tidied_at = Some(now);
        }
        if state.entries.len() >= self.most {
            state.entries.clear();
        }
        state.entries.insert(key, Entry { value, since: now, generation });
    }

    /// A panic elsewhere leaves a consistent cache, because each change is one insertion. A poisoned lock
    /// is safe to use.
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_removes_expired_entries() {
        let (cache, begin) = (TtlCache::new(100), Instant::now());
        for n in 0..50 {
            cache.insert(n, n, 0, begin);
        }
        assert_eq!(cache.get(&7, 0, begin + FRESH / 2), Some(7));
        assert_eq!(cache.get(&7, 1, begin + FRESH / 2), None, "of another generation");
        assert_eq!(cache.get(&7, 0, begin + FRESH), None);
        cache.insert(50, 50, 0, begin + FRESH);
        assert_eq!(cache.lock().entries.len(), 1);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let (cache, begin) = (TtlCache::new(100), Instant::now());
        for n in 0..1_000 {
            cache.insert(n, n, 0, begin);
            assert!(cache.lock().entries.len() <= 100);
        }
    }
}
