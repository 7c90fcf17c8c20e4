//! Whether a shutdown has begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when a shutdown begins: `/readyz` says so, and answers close their connections, because a connection
/// that is kept alive would keep the server waiting until its patience ends, and then be cut.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Whether a shutdown has begun.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Begins the shutdown.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
