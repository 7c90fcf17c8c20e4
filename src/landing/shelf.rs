//! What was made a moment ago, by what it was made for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thing outlives a change that another instance made. One of this instance's own is seen at once.
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

/// A shelf for a bounded number of things, each for one second.
pub struct Shelf<K, V> {
    things: Mutex<Things<K, V>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    /// An empty one for up to `most` things.
    pub fn new(most: usize) -> Self {
        Self { things: Mutex::new(Things { kept: HashMap::new(), tidied: None }), most }
    }

    /// What was made for `key` and is fresh `now`, of the current generation.
    pub fn find(&self, key: &K, generation: u64, now: Instant) -> Option<V> {
        let things = self.lock();
        let kept = things.kept.get(key)?;
        let is_fresh = kept.generation == generation && now.duration_since(kept.since) < FRESH;
        is_fresh.then(|| kept.value.clone())
    }

    /// Keeps a thing that was made at `generation`. What is stale goes meanwhile, once a second, so that a shelf
    /// holds what was asked for in the last two.
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

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().kept.clear();
    }

    /// A panic elsewhere leaves a shelf that is whole: each change is one insertion.
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
