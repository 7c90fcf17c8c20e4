//! The render pool: draws pictures outside the threads that answer requests, without
//! holding a database connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
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
    #[expect(clippy::disallowed_methods, reason = "the only hop for blocking work that is not a transaction")]
    pub async fn draw<T, F>(&self, draw: F) -> Result<T, Error>
    where
        F: FnOnce() -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(place)) = turn else { return Err(Error::Busy) };
        let run = tokio::task::spawn_blocking(move || {
            // The permit is held for as long as drawing takes, not for as long as the request waits for it.
            let _place = place;
            draw()
        });
        run.await.unwrap_or(Err(Error::Picture))
    }
}
