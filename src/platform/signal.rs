//! A signal between threads: producers of work notify, workers wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A signal. It counts notifications, so that each of several waiters sees every one of them.
#[derive(Debug, Default)]
pub struct Bell {
    rings: Mutex<u64>,
    bell: Condvar,
}

impl Bell {
    /// Notifies: all waiters continue at once.
    pub fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.bell.notify_all();
    }

    /// Waits at most `limit` for a notification after the `heard`-th; returns how many there were so far.
    pub fn wait(&self, heard: u64, limit: Duration) -> u64 {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rings, limit, |rings| *rings == heard);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
