//! The shutdown flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set when a shutdown begins: `/readyz` reports it, event streams end, and responses close their
/// connections, because the server would wait for kept-alive ones until the timeout and then cut them.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_set: AtomicBool,
    started: Notify,
}

impl Draining {
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.started.notify_waiters();
    }

    /// Waits until a shutdown begins.
    pub async fn wait(&self) {
        // Subscribes before checking the flag, so that a signal between the check and the wait is not lost.
        let notified = self.0.started.notified();
        if !self.is_set() {
            notified.await;
        }
    }
}
