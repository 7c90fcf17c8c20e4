//! A signal between threads: threads that leave work notify, threads that do the work wait.
//!
//! The threads that work on their own (outbox, event stream, retention, visitor counts) wait for a signal or
//! for a channel to close. The crates for background tasks belong to an asynchronous runtime, and these
//! threads block on the database.

use std::sync::atomic::AtomicBool;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts its notifications, so that each of several waiting threads sees every one of them.
#[derive(Debug, Default)]
pub struct Signal {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// Wakes every waiting thread.
    pub fn notify(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// How many notifications there were.
    pub fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there were more than `seen` notifications, at most `limit`; returns how many there were.
    pub fn wait(&self, seen: u64, limit: Duration) -> u64 {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(count, limit, |count| *count == seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes the waiting threads without a notification: something else that they look at has changed.
    pub fn nudge(&self) {
        let _count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        self.changed.notify_all();
    }

    /// [`Signal::wait`] that ends as well when `or` says so, which is asked again at each nudge.
    pub fn wait_or(&self, seen: u64, limit: Duration, or: impl Fn() -> bool) -> u64 {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(count, limit, |count| *count == seen && !or());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

crate::text_enum! {
    /// What instances tell each other; see [`Listening`](super::db::Listening).
    pub enum Wake {
        /// There is a message to send.
        Outbox = "outbox",
        /// Events were numbered, and can be delivered.
        Events = "events",
        /// Something that landing pages show has changed.
        Landing = "landing",
    }
}

/// What a commit tells the rest of the process.
#[derive(Debug, Default)]
pub struct Signals {
    /// The outbox has a message to send.
    pub outbox: Signal,
    /// An event was committed that somebody waits for, or another instance numbered events.
    pub event_log: Signal,
    /// Whether this instance committed such an event since the event log was last read.
    pub has_new_events: AtomicBool,
    /// Something that landing pages show has changed.
    pub landing: Signal,
}

impl Signals {
    /// The signal that a word of another instance sets off.
    pub fn of(&self, wake: Wake) -> &Signal {
        match wake {
            Wake::Outbox => &self.outbox,
            Wake::Events => &self.event_log,
            Wake::Landing => &self.landing,
        }
    }
}
