//! A bell between threads: those who leave work ring it, the one who does the work waits for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A bell.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Bell {
    /// Rings: whoever waits goes on at once, and who comes next does not wait.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits for the bell, at most `limit`.
    pub fn wait(&self, limit: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rung, limit, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
