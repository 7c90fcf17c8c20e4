//! The open streams of this instance: how many there are, and who is woken.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::{self, Receiver, Sender};

use super::Audience;
use crate::kit::Bell;

/// One person's tabs and devices; a tab that was closed is noticed at its next heartbeat.
const OF_ONE: usize = 10;
/// All of an instance's.
const OF_ALL: usize = 2_000;
/// More rounds than this behind, a stream reads on as if it was woken.
const ROUNDS: usize = 64;

/// Why no further stream opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// This person has as many as anybody may have.
    #[error("too many streams of one person")]
    OfOne,
    /// The instance has.
    #[error("too many streams")]
    OfAll,
}

/// Shared by the streams and the thread that feeds them.
pub struct Hub {
    /// Rung when this instance has committed an event.
    pub(super) bell: Bell,
    rounds: Sender<Arc<HashSet<Audience>>>,
    seats: Mutex<HashMap<String, usize>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { bell: Bell::default(), rounds: broadcast::channel(ROUNDS).0, seats: Mutex::default() }
    }
}

impl Hub {
    /// Says that an event has committed.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Wakes the streams of some audiences.
    pub(super) fn wake(&self, whom: HashSet<Audience>) {
        // Without a stream there is nobody to wake.
        let _ = self.rounds.send(Arc::new(whom));
    }

    /// Opens a stream of `holder`, who is woken with `audience`.
    pub fn join(self: &Arc<Self>, holder: &str, audience: Audience) -> Result<Seat, Full> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.values().sum::<usize>() >= OF_ALL {
            return Err(Full::OfAll);
        }
        let taken = seats.entry(holder.to_owned()).or_default();
        if *taken >= OF_ONE {
            return Err(Full::OfOne);
        }
        *taken += 1;
        let (hub, rounds) = (Arc::clone(self), self.rounds.subscribe());
        Ok(Seat { hub, holder: holder.to_owned(), audience, rounds })
    }

    /// How many streams are open.
    pub fn open(&self) -> usize {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

/// A stream's place in the hub, until it is dropped.
pub struct Seat {
    hub: Arc<Hub>,
    holder: String,
    audience: Audience,
    rounds: Receiver<Arc<HashSet<Audience>>>,
}

impl Seat {
    /// Waits until there may be something to tell.
    pub async fn woken(&mut self) {
        loop {
            match self.rounds.recv().await {
                Ok(whom) if !whom.contains(&self.audience) => {}
                _ => return,
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.hub.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.holder) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.holder);
            }
        }
    }
}
