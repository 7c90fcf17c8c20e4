//! The open event streams of this instance: how many there are, and which are woken.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::Audience;

/// Maximum streams per person, for their tabs and devices. A closed tab is noticed only when the server
/// writes to it, so fast page changes leave some behind: another stream ends the oldest, and none is refused.
const MAX_PER_HOLDER: usize = 10;
/// Maximum streams per instance.
const MAX_STREAMS: usize = 2_000;
/// A stream that lags more rounds than this reads on as if it was woken.
const ROUNDS: usize = 64;

/// The instance has reached its limit of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many streams")]
pub struct TooManyStreams;

/// Shared by the streams and the thread that feeds them.
pub struct EventHub {
    /// Audiences whose streams are woken; `None` wakes all.
    rounds: Sender<Option<Arc<HashSet<Audience>>>>,
    subscriptions: Mutex<HashMap<String, VecDeque<Arc<Notify>>>>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { rounds: broadcast::channel(ROUNDS).0, subscriptions: Mutex::default() }
    }
}

impl EventHub {
    /// Wakes the streams of some audiences.
    pub(super) fn wake(&self, audiences: HashSet<Audience>) {
        // Sending fails only if there is no stream to wake.
        let _ = self.rounds.send(Some(Arc::new(audiences)));
    }

    /// Wakes every stream: what it may have missed is unknown.
    pub(super) fn wake_all(&self) {
        let _ = self.rounds.send(None);
    }

    /// Opens a stream of `holder`, which is woken with `audience`.
    pub fn subscribe(
        self: &Arc<Self>,
        holder: &str,
        audience: Audience,
    ) -> Result<Subscription, TooManyStreams> {
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if subscriptions.values().map(VecDeque::len).sum::<usize>() >= MAX_STREAMS {
            return Err(TooManyStreams);
        }
        let own = subscriptions.entry(holder.to_owned()).or_default();
        if own.len() >= MAX_PER_HOLDER
            && let Some(oldest) = own.pop_front()
        {
            oldest.notify_one();
        }
        let replaced = Arc::new(Notify::new());
        own.push_back(Arc::clone(&replaced));
        let (hub, rounds) = (Arc::clone(self), self.rounds.subscribe());
        Ok(Subscription { hub, holder: holder.to_owned(), audience, rounds, replaced })
    }

    pub fn open(&self) -> usize {
        let subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        subscriptions.values().map(VecDeque::len).sum()
    }
}

/// Registration of a stream in the hub, until it is dropped.
pub struct Subscription {
    hub: Arc<EventHub>,
    holder: String,
    audience: Audience,
    rounds: Receiver<Option<Arc<HashSet<Audience>>>>,
    /// Notified when a newer stream takes the place.
    replaced: Arc<Notify>,
}

impl Subscription {
    /// Waits until there may be an event to send; `false` if a newer stream took the place.
    pub async fn wait(&mut self) -> bool {
        let (rounds, audience) = (&mut self.rounds, &self.audience);
        let round = async {
            while let Ok(audiences) = rounds.recv().await {
                if audiences.is_none_or(|audiences| audiences.contains(audience)) {
                    return;
                }
            }
        };
        matches!(select(pin!(self.replaced.notified()), pin!(round)).await, Either::Right(_))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut subscriptions = self.hub.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = subscriptions.get_mut(&self.holder) {
            own.retain(|other| !Arc::ptr_eq(other, &self.replaced));
            if own.is_empty() {
                subscriptions.remove(&self.holder);
            }
        }
    }
}
