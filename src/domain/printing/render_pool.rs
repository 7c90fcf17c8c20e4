//! The render pool: draws pictures outside the threads that answer requests, without
//! holding a database connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Error;

/// One picture at a time: the other processors stay free for everything else, and a request that waits for
/// a picture that is being drawn finds it in the cache afterwards.
const PLACES: usize = 1;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The render pool of one instance.
pub struct RenderPool(Arc<Semaphore>);

impl Default for RenderPool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl RenderPool {
    /// Runs `draw` when its turn comes.
    pub async fn draw<T, F>(&self, draw: F) -> Result<T, Error>
    where
        F: FnOnce() -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(place)) = turn else { return Err(Error::Busy) };
        run(place, draw).await.unwrap_or(Err(Error::Picture))
    }

    /// Runs `work` if its turn is now; `None` if the pool is busy, for work that has a cheaper alternative.
    pub async fn run_now<T, F>(&self, work: F) -> Option<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let place = Arc::clone(&self.0).try_acquire_owned().ok()?;
        run(place, work).await
    }
}

/// Runs `work` on a thread of its own; `None` if it panicked.
#[expect(clippy::disallowed_methods, reason = "the only hop for blocking work that is not a transaction")]
async fn run<T, F>(place: OwnedSemaphorePermit, work: F) -> Option<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let run = tokio::task::spawn_blocking(move || {
        // The permit is held for as long as the work takes, not for as long as the request waits for it.
        let _place = place;
        work()
    });
    run.await.ok()
}
