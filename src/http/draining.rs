//! Whether a shutdown has begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set when a shutdown begins: `/readyz` says so, and answers close their connections, because a connection
/// that is kept alive would keep the server waiting until its patience ends, and then be cut. Streams end.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_set: AtomicBool,
    begun: Notify,
}

impl Draining {
    /// Whether a shutdown has begun.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Begins the shutdown.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.begun.notify_waiters();
    }

    /// Waits until a shutdown begins.
    pub async fn begun(&self) {
        // It hears what is told from here on, so that nothing falls between the look and the wait.
        let told = self.0.begun.notified();
        if !self.is_set() {
            told.await;
        }
    }
}
