//! The threads that send. One is started when a row is handed over and all others are busy, and ends when it
//! had nothing to do for a while: few are needed most of the time, and each costs memory. There is a thread
//! for every row that a channel's capacity lets through, so a mail server that hangs does not delay codes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::row::Finished;
use super::worker::{Parcel, Worker};
use super::{Channel, Outcome};
use crate::platform::signal::Signals;

/// How long a thread waits for its next row.
const IDLE: Duration = Duration::from_secs(10);

/// What the senders report to the dispatcher.
pub(super) struct Report {
    /// The channel that has a free sender again.
    pub channel: Channel,
    /// Whether it sent bulk.
    pub is_bulk: bool,
    /// What has to be settled; `None` if the row is settled, or lost to a panic and left to its lease.
    pub finished: Option<Finished>,
}

/// The reports that the dispatcher has not read yet.
pub(super) struct Inbox {
    signals: Arc<Signals>,
    reports: Mutex<Vec<Report>>,
}

impl Inbox {
    pub(super) fn new(signals: Arc<Signals>) -> Self {
        Self { signals, reports: Mutex::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reports().is_empty()
    }

    pub(super) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.reports())
    }

    pub(super) fn put(&self, report: Report) {
        self.reports().push(report);
        self.signals.outbox.nudge();
    }

    fn reports(&self) -> MutexGuard<'_, Vec<Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads. They end when this is dropped and their rows are sent.
pub(super) struct Senders(Arc<Shared>);

struct Shared {
    worker: Worker,
    inbox: Arc<Inbox>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    parcels: VecDeque<Parcel>,
    /// Threads that wait for a parcel.
    idle: usize,
    is_closed: bool,
}

impl Senders {
    pub(super) fn new(worker: Worker, inbox: Arc<Inbox>) -> Self {
        Self(Arc::new(Shared { worker, inbox, queue: Mutex::default(), changed: Condvar::new() }))
    }

    /// Has a thread of its own carry out `parcel`, at once.
    pub(super) fn hand_over(&self, parcel: Parcel) {
        let mut queue = self.0.queue();
        queue.parcels.push_back(parcel);
        if queue.idle >= queue.parcels.len() {
            self.0.changed.notify_one();
            return;
        }
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new().name("outbox-sender".into()).spawn(move || shared.run());
        let Err(error) = started else { return };
        if let Some(parcel) = queue.parcels.pop_back() {
            drop(queue);
            tracing::error!(%error, "no thread for a sender");
            let (channel, is_bulk) = (parcel.claim.job.channel, parcel.claim.job.is_bulk());
            let finished = Some(Finished { claim: parcel.claim, result: Outcome::Retry("no_thread").into() });
            self.0.inbox.put(Report { channel, is_bulk, finished });
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(parcel) = self.next() {
            let (channel, is_bulk) = (parcel.claim.job.channel, parcel.claim.job.is_bulk());
            let finished = match catch_unwind(AssertUnwindSafe(|| self.worker.carry_out(parcel))) {
                Ok(Ok(finished)) => finished,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a background job failed");
                    None
                }
                // A row that makes its sender panic must not end the channel: its lease expires, its
                // attempts count.
                Err(_) => {
                    tracing::error!("an outbox sender panicked");
                    metrics::counter!("outbox_panics_total").increment(1);
                    None
                }
            };
            self.inbox.put(Report { channel, is_bulk, finished });
        }
    }

    fn next(&self) -> Option<Parcel> {
        let mut queue = self.queue();
        loop {
            if let Some(parcel) = queue.parcels.pop_front() {
                return Some(parcel);
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            let (woken, waited) =
                self.changed.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.idle -= 1;
            if waited.timed_out() && queue.parcels.is_empty() {
                return None;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
