//! A bell between threads: those who leave work ring it, those who do the work wait for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A bell. It counts its rings, so that each of several waiters hears every one of them.
#[derive(Debug, Default)]
pub struct Bell {
    rings: Mutex<u64>,
    bell: Condvar,
}

impl Bell {
    /// Rings: whoever waits goes on at once.
    pub fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.bell.notify_all();
    }

    /// Waits for a ring after the `heard`-th, at most `limit`; returns how often it rang by then.
    pub fn wait(&self, heard: u64, limit: Duration) -> u64 {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rings, limit, |rings| *rings == heard);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
