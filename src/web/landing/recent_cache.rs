//! Cache with a bounded number of entries, of which the least recently used one makes way.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Values that a key determines for ever, so that an entry never expires. Finding the oldest one reads all
/// entries: fine for what is expensive to make, and for some thousands of them.
pub(super) struct RecentCache<K, V> {
    entries: Mutex<HashMap<K, (V, Instant)>>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> RecentCache<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: Mutex::default(), most }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.lock();
        let (value, used_at) = entries.get_mut(key)?;
        *used_at = Instant::now();
        Some(value.clone())
    }

    pub(super) fn insert(&self, key: K, value: V) {
        let mut entries = self.lock();
        if entries.len() >= self.most {
            let oldest = entries.iter().min_by_key(|(_, (_, used_at))| *used_at);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| entries.remove(&key));
        }
        entries.insert(key, (value, Instant::now()));
    }

    /// A panic elsewhere leaves a consistent cache, because each change is one insertion.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, (V, Instant)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_entry_makes_way() {
        let cache = RecentCache::new(2);
        cache.insert(1, "one");
        cache.insert(2, "two");
        assert_eq!(cache.get(&1), Some("one"));
        cache.insert(3, "three");
        assert_eq!((cache.get(&1), cache.get(&2), cache.get(&3)), (Some("one"), None, Some("three")));
    }
}
