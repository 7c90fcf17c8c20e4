//! The places of a pool: how many closures may use a connection at once, and what becomes of the place of one
//! that waits for an answer which will not come.
//!
//! libpq waits without a limit. TCP ends the wait if the server or the way to it is gone (`pool`), but not if
//! something on the way keeps the connection open and loses what is sent on it. The server ends every
//! statement after nine seconds, so an answer that is later than that is lost: its place is given to others
//! then, and the thread that waits is left to wait. Connections of the same age are not used again, since
//! what lost one has often lost them all. On SQLite nothing of this happens: there is no network, and no
//! limit on a statement.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One second more than the server's `statement_timeout`.
const LOST: Duration = Duration::from_secs(10);
/// A statement that takes this long while the service is to end is not waited for.
const SLOW: Duration = Duration::from_secs(2);
/// How many times the width the pool may grow by places that were given up.
pub(super) const GENERATIONS: u32 = 4;

pub(super) struct Places {
    free: Arc<Semaphore>,
    width: u32,
    gives_up: bool,
    epoch: Instant,
    /// Connections that were opened before this moment are not used again.
    distrusted: AtomicU64,
    pulses: Mutex<Vec<Weak<Pulse>>>,
}

impl Places {
    pub(super) fn new(width: u32, gives_up: bool) -> Self {
        let free = Arc::new(Semaphore::new(width as usize));
        let (distrusted, pulses) = (AtomicU64::new(0), Mutex::default());
        Self { free, width, gives_up, epoch: Instant::now(), distrusted, pulses }
    }

    /// Waits for a place. `None` once the places are closed, which they never are.
    pub(super) async fn take(&self) -> Place {
        Place(Arc::clone(&self.free).acquire_owned().await.ok())
    }

    /// Waits until all places are free.
    pub(super) async fn drain(&self) {
        let _all = self.free.acquire_many(self.width).await;
    }

    /// A new connection, which reports its statements to the pulse.
    pub(super) fn register(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            epoch: self.epoch,
            opened: millis(self.epoch.elapsed()),
            started: AtomicU64::new(IDLE),
            texts: AtomicU64::new(0),
        });
        let mut pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|pulse| pulse.strong_count() > 0);
        pulses.push(Arc::downgrade(&pulse));
        pulse
    }

    /// Whether a connection of this age may be used.
    pub(super) fn trusts(&self, pulse: &Pulse) -> bool {
        pulse.opened >= self.distrusted.load(Ordering::Relaxed)
    }

    /// Gives the places of lost connections to others. Returns how many there were.
    pub(super) fn give_up_lost(&self) -> usize {
        if !self.gives_up {
            return 0;
        }
        let pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        let pulses: Vec<_> = pulses.iter().filter_map(Weak::upgrade).collect();
        let lost = pulses.iter().filter(|pulse| pulse.is_lost()).count();
        let room = (self.width * (GENERATIONS - 1)) as usize;
        let late = pulses.iter().filter(|pulse| pulse.give_up()).take(room.saturating_sub(lost)).count();
        if late > 0 {
            tracing::error!(connections = late, "the database does not answer: connections given up");
            self.distrusted.store(millis(self.epoch.elapsed()), Ordering::Relaxed);
            self.free.add_permits(late);
        }
        late
    }

    /// Whether a statement has been running for so long that a shutdown does not wait for it.
    pub(super) fn is_slow(&self) -> bool {
        let pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.iter().filter_map(Weak::upgrade).any(|pulse| {
            let started = pulse.started.load(Ordering::SeqCst);
            started == GIVEN_UP || pulse.has_waited(started, SLOW)
        })
    }
}

/// The right to use one connection.
pub(super) struct Place(Option<OwnedSemaphorePermit>);

impl Place {
    /// Ends the use of a connection. The place of a lost one was given to another long ago.
    pub(super) fn leave(&mut self, pulse: &Pulse) {
        pulse.stop();
        if let Some(permit) = self.0.take_if(|_| pulse.is_lost()) {
            permit.forget();
        }
    }
}

/// No statement runs.
const IDLE: u64 = 0;
/// The place was given up; stays so.
const GIVEN_UP: u64 = u64::MAX;

/// Since when a connection waits for an answer.
#[derive(Debug)]
pub(super) struct Pulse {
    epoch: Instant,
    opened: u64,
    /// [`IDLE`], [`GIVEN_UP`], or the milliseconds since the epoch, plus one. One value, so that a statement
    /// that ends at the moment of giving up is either lost or not.
    started: AtomicU64,
    texts: AtomicU64,
}

impl Pulse {
    /// How many statements the connection keeps prepared.
    pub(super) fn texts(&self) -> u64 {
        self.texts.load(Ordering::Relaxed)
    }

    pub(super) fn count_text(&self) {
        self.texts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn start(&self) {
        self.set(millis(self.epoch.elapsed()) + 1);
    }

    pub(super) fn stop(&self) {
        self.set(IDLE);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.started.load(Ordering::SeqCst) == GIVEN_UP
    }

    fn set(&self, value: u64) {
        let unless_lost = |old| (old != GIVEN_UP).then_some(value);
        let _ = self.started.fetch_update(Ordering::SeqCst, Ordering::SeqCst, unless_lost);
    }

    fn give_up(&self) -> bool {
        let started = self.started.load(Ordering::SeqCst);
        self.has_waited(started, LOST)
            && self.started.compare_exchange(started, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn has_waited(&self, started: u64, long: Duration) -> bool {
        started != IDLE
            && started != GIVEN_UP
            && millis(self.epoch.elapsed()) + 1 >= started.saturating_add(millis(long))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
