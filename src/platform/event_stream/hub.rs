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
const OF_ONE: usize = 10;
/// Maximum streams per instance.
const OF_ALL: usize = 2_000;
/// A stream that lags more rounds than this reads on as if it was woken.
const ROUNDS: usize = 64;

/// The instance has reached its limit of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many streams")]
pub struct Full;

/// Shared by the streams and the thread that feeds them.
pub struct EventHub {
    rounds: Sender<Arc<HashSet<Audience>>>,
    seats: Mutex<HashMap<String, VecDeque<Arc<Notify>>>>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { rounds: broadcast::channel(ROUNDS).0, seats: Mutex::default() }
    }
}

impl EventHub {
    /// Wakes the streams of some audiences.
    pub(super) fn wake(&self, whom: HashSet<Audience>) {
        // Sending fails only if there is no stream to wake.
        let _ = self.rounds.send(Arc::new(whom));
    }

    /// Opens a stream of `holder`, which is woken with `audience`.
    pub fn join(self: &Arc<Self>, holder: &str, audience: Audience) -> Result<Seat, Full> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.values().map(VecDeque::len).sum::<usize>() >= OF_ALL {
            return Err(Full);
        }
        let own = seats.entry(holder.to_owned()).or_default();
        if own.len() >= OF_ONE
            && let Some(oldest) = own.pop_front()
        {
            oldest.notify_one();
        }
        let lost = Arc::new(Notify::new());
        own.push_back(Arc::clone(&lost));
        let (hub, rounds) = (Arc::clone(self), self.rounds.subscribe());
        Ok(Seat { hub, holder: holder.to_owned(), audience, rounds, lost })
    }

    pub fn open(&self) -> usize {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.values().map(VecDeque::len).sum()
    }
}

/// Registration of a stream in the hub, until it is dropped.
pub struct Seat {
    hub: Arc<EventHub>,
    holder: String,
    audience: Audience,
    rounds: Receiver<Arc<HashSet<Audience>>>,
    /// Notified when a newer stream takes the place.
    lost: Arc<Notify>,
}

impl Seat {
    /// Waits until there may be an event to send; `false` if a newer stream took the place.
    pub async fn woken(&mut self) -> bool {
        let (rounds, audience) = (&mut self.rounds, &self.audience);
        let round = async {
            while let Ok(whom) = rounds.recv().await {
                if whom.contains(audience) {
                    return;
                }
            }
        };
        matches!(select(pin!(self.lost.notified()), pin!(round)).await, Either::Right(_))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.hub.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = seats.get_mut(&self.holder) {
            own.retain(|seat| !Arc::ptr_eq(seat, &self.lost));
            if own.is_empty() {
                seats.remove(&self.holder);
            }
        }
    }
}
