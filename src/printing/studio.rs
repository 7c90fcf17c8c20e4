//! Where pictures are drawn: away from the threads that answer requests, and holding nothing of the database.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Unprintable;

/// One picture at a time: the other processors stay free for everything else, and whoever waits for a picture
/// that is being drawn finds it made.
const PLACES: usize = 1;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// An instance's studio.
pub struct Studio(Arc<Semaphore>);

impl Default for Studio {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Studio {
    /// Runs `draw` when its turn comes.
    #[expect(clippy::disallowed_methods, reason = "the one hop of what blocks and is no transaction")]
    pub async fn draw<T, F>(&self, draw: F) -> Result<T, Unprintable>
    where
        F: FnOnce() -> Result<T, Unprintable> + Send + 'static,
        T: Send + 'static,
    {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(place)) = turn else { return Err(Unprintable::Busy) };
        let run = tokio::task::spawn_blocking(move || {
            // The place is taken for as long as the drawing lasts, not for as long as somebody waits for it.
            let _place = place;
            draw()
        });
        run.await.unwrap_or(Err(Unprintable::Picture))
    }
}
