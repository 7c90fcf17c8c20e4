//! Send rate of a channel: rows per second per instance, because providers answer bursts with 429.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kit::Timestamp;

/// Token bucket that holds the tokens of one second.
pub(super) struct SendRate {
    per_second: u32,
    state: Mutex<Option<(f64, Timestamp)>>,
}

impl SendRate {
    /// Allows `per_second` rows per second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, state: Mutex::new(None) }
    }

    /// Whether a row may be sent now.
    pub(super) fn has_room(&self, now: Timestamp) -> bool {
        self.tokens(now) >= 1.0
    }

    /// Takes one token for a row.
    pub(super) fn take(&self, now: Timestamp) {
        let tokens = self.tokens(now);
        *self.state() = Some((tokens - 1.0, now));
    }

    fn tokens(&self, now: Timestamp) -> f64 {
        let full = f64::from(self.per_second);
        match *self.state() {
            Some((tokens, at)) => (tokens + full * seconds(at, now)).min(full),
            None => full,
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<(f64, Timestamp)>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let millis = u64::try_from(to.millis() - from.millis()).unwrap_or(0);
    Duration::from_millis(millis).as_secs_f64()
}
