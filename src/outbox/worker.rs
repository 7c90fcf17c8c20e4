//! The worker: a thread that delivers what is due of its topics. Any number of instances may run one, and
//! each topic has a thread of its own, so that a mail server that hangs holds up no code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Carrier, Job, Outcome, Rendered, Topic};
use crate::app::App;
use crate::db;
use crate::kit::Bell;

/// Polling is the fallback, for rows of other instances and for retries.
const POLL: Duration = Duration::from_millis(500);
/// Rows claimed at once: few enough to be sent within their lease, even to a mail server that hangs.
const BATCH: i64 = 4;

/// Every topic by name.
pub type Topics = BTreeMap<&'static str, Box<dyn Topic>>;

/// Claims, sends and settles.
pub struct Worker {
    app: App,
    topics: Topics,
    carrier: Arc<dyn Carrier>,
}

/// A claimed row and what it became.
type Claimed = (Job, Rendered);

impl Worker {
    /// A worker over `app`. It claims what `topics` can render and leaves the rest to others: another instance
    /// may be newer.
    pub fn new(app: App, topics: Topics, carrier: Arc<dyn Carrier>) -> Self {
        Self { app, topics, carrier }
    }

    /// One round: everything due, up to a batch. Returns how many rows it settled.
    pub fn run_once(&self) -> db::Result<usize> {
        let claimed = self.claim()?;
        let count = claimed.len();
        for (job, rendered) in claimed {
            let outcome = self.send(&job, rendered);
            if let Err(error) = self.settle(&job, &outcome) {
                // Its lease runs out, and the row is sent again; the others of the batch need not wait for that.
                tracing::warn!(%error, outbox = job.id, "a sent row could not be settled");
            }
        }
        Ok(count)
    }

    /// Runs until the handle is stopped.
    pub fn spawn(self) -> std::io::Result<WorkerHandle> {
        let stop = Arc::new(AtomicBool::new(false));
        let wake = Arc::clone(&self.app.wake);
        let seen = Arc::clone(&stop);
        let thread = thread::Builder::new().name("outbox".into()).spawn(move || self.run(&seen))?;
        Ok(WorkerHandle { stop, wake, thread })
    }

    fn run(&self, stop: &AtomicBool) {
        let mut heard = 0;
        while !stop.load(Ordering::SeqCst) {
            match self.run_once() {
                Ok(0) => heard = self.app.wake.wait(heard, POLL),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "outbox round failed");
                    thread::sleep(POLL);
                }
            }
        }
    }

    fn claim(&self) -> db::Result<Vec<Claimed>> {
        self.app.write_blocking(|ctx, conn| {
            let mut claimed = Vec::new();
            let topics: Vec<&str> = self.topics.keys().copied().collect();
            for job in super::claim(ctx, conn, &topics, BATCH)? {
                let rendered = match self.topics.get(job.topic.as_str()) {
                    Some(topic) => topic.render(ctx, conn, &job)?,
                    None => Rendered::NotYet("unknown_topic"),
                };
                claimed.push((job, rendered));
            }
            Ok(claimed)
        })
    }

    /// `not_after` is asked here again: a batch may have waited behind a slow provider.
    fn send(&self, job: &Job, rendered: Rendered) -> Outcome {
        let outcome = match rendered {
            // Claimed and never settled, again and again: something about it kills the worker.
            _ if job.attempts > super::MOST_ATTEMPTS => Outcome::Rejected("too_many_attempts"),
            Rendered::Unwanted => Outcome::Unwanted,
            Rendered::NotYet(why) => Outcome::Retry(why),
            Rendered::Ready(_) if job.not_after.is_some_and(|at| at <= self.app.clock.now()) => {
                Outcome::Expired
            }
            Rendered::Ready(message) => self.carrier.carry(&message, &job.dedupe_key),
        };
        metrics::counter!("outbox_attempts_total", "topic" => job.topic.clone(), "outcome" => outcome.label())
            .increment(1);
        outcome
    }

    fn settle(&self, job: &Job, outcome: &Outcome) -> db::Result<()> {
        self.app.write_blocking(|ctx, conn| {
            if super::settle(ctx, conn, job, outcome)?
                && let Some(topic) = self.topics.get(job.topic.as_str())
            {
                topic.settled(ctx, conn, job, outcome)?;
            }
            Ok(())
        })
    }
}

/// A running worker.
pub struct WorkerHandle {
    stop: Arc<AtomicBool>,
    wake: Arc<Bell>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Lets the running round finish, then ends the thread.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake.ring();
        let _ = self.thread.join();
    }
}
