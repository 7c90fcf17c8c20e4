//! The worker: threads that deliver what is due. Any number of instances may run them, and each channel has
//! threads of its own, so that a mail server that hangs holds up no code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::pace::Pace;
use super::{Carrier, Channel, Envelope, Handed, Job, Outcome, Rendered, Topic, Wanted};
use crate::app::App;
use crate::db;
use crate::kit::Bell;

/// Polling is the fallback, for rows of other instances and for retries.
const POLL: Duration = Duration::from_millis(500);
/// Rows claimed at once: few enough to be sent within their lease, even to a mail server that hangs.
const BATCH: usize = 4;

/// Every topic by name.
pub type Topics = BTreeMap<&'static str, Box<dyn Topic>>;

/// Where a round stands; a test of crashes dies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A row is leased, and the claim is not committed.
    Claimed,
    /// The attempt is committed, and nobody was asked.
    Started,
    /// The carrier answered, and nothing of it is written.
    Carried,
    /// The answer is written, and not committed.
    Settled,
}

/// Claims, sends and settles.
#[derive(Clone)]
pub struct Worker {
    app: App,
    topics: Arc<Topics>,
    carrier: Arc<dyn Carrier>,
    channels: Vec<Channel>,
    pace: Option<Arc<Pace>>,
    watch: Option<Arc<dyn Fn(Point) + Send + Sync>>,
}

impl Worker {
    /// A worker over `app`, for all channels. It claims what `topics` can render and leaves the rest to
    /// others: another instance may be newer.
    pub fn new(app: App, topics: Topics, carrier: Arc<dyn Carrier>) -> Self {
        let channels = Channel::ALL.to_vec();
        Self { app, topics: Arc::new(topics), carrier, channels, pace: None, watch: None }
    }

    /// The same for one channel, at most so many rows a second.
    #[must_use]
    pub fn of_channel(&self, channel: Channel, a_second: u32) -> Self {
        Self { channels: vec![channel], pace: Some(Arc::new(Pace::new(a_second))), ..self.clone() }
    }

    /// The same, telling `watch` where it stands.
    #[must_use]
    pub fn watched(self, watch: Arc<dyn Fn(Point) + Send + Sync>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// One round: what is due, up to a batch. Returns how many rows it settled.
    pub fn run_once(&self) -> db::Result<usize> {
        let jobs = self.claim()?;
        let count = jobs.len();
        for job in jobs {
            self.reached(Point::Started);
            let handed = self.send(&job);
            self.reached(Point::Carried);
            if let Err(error) = self.settle(&job, &handed) {
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

    fn claim(&self) -> db::Result<Vec<Job>> {
        let limit = match &self.pace {
            Some(pace) => pace.take(self.batch(), self.app.clock.now()),
            None => self.batch(),
        };
        let topics: Vec<&str> = self.topics.keys().copied().collect();
        let wanted = Wanted { topics: &topics, channels: &self.channels, limit };
        let claimed = match limit {
            0 => Ok(Vec::new()),
            _ => self.app.write_blocking(|ctx, conn| {
                let jobs = super::claim(ctx, conn, &wanted)?;
                for _ in &jobs {
                    self.reached(Point::Claimed);
                }
                Ok(jobs)
            }),
        };
        if let Some(pace) = &self.pace {
            pace.give_back(limit - claimed.as_ref().map_or(0, Vec::len));
        }
        claimed
    }

    /// Codes are waited for: the second of a batch must not stand behind a provider that is slow with the first.
    fn batch(&self) -> usize {
        if self.channels.iter().all(|channel| channel.is_repeated_once()) { 1 } else { BATCH }
    }

    /// `not_after` is asked here again: a batch may have waited behind a slow provider.
    fn send(&self, job: &Job) -> Handed {
        let expired = job.not_after.is_some_and(|at| at <= self.app.clock.now());
        // A process that died in the attempt leaves no answer: such a row may be poison, or sent already.
        let is_spent = usize::try_from(job.attempts).unwrap_or(0) > self.schedule(job).len() + 1;
        let handed = match self.render(job) {
            _ if is_spent => Outcome::Rejected("too_many_attempts").into(),
            _ if job.is_used_up_by(0) => Outcome::Rejected("ambiguous").into(),
            Ok(Rendered::Unwanted) => Outcome::Unwanted.into(),
            Err(why) | Ok(Rendered::NotYet(why)) => Outcome::Retry(why).into(),
            Ok(Rendered::Ready(_)) if expired => Outcome::Expired.into(),
            Ok(Rendered::Ready(message)) => self.carrier.carry(&message, &envelope(job)),
        };
        let labels = [("topic", job.topic.clone()), ("outcome", handed.outcome.label().to_owned())];
        metrics::counter!("outbox_attempts_total", &labels).increment(1);
        handed
    }

    /// In a transaction of its own: a row that cannot be rendered holds up no other.
    fn render(&self, job: &Job) -> Result<Rendered, &'static str> {
        let Some(topic) = self.topics.get(job.topic.as_str()) else {
            return Ok(Rendered::NotYet("unknown_topic"));
        };
        self.app.read_blocking(|ctx, conn| topic.render(ctx, conn, job)).map_err(|error| {
            tracing::warn!(%error, outbox = job.id, topic = job.topic, "a row could not be rendered");
            "not_rendered"
        })
    }

    fn schedule(&self, job: &Job) -> &'static [u64] {
        self.topics.get(job.topic.as_str()).map_or(&super::BACK_OFF_SECONDS, |topic| topic.schedule())
    }

    fn settle(&self, job: &Job, handed: &Handed) -> db::Result<()> {
        self.app.write_blocking(|ctx, conn| {
            let settled = super::settle(ctx, conn, job, handed, self.schedule(job))?;
            if let (Some(is_over), Some(topic)) = (settled, self.topics.get(job.topic.as_str())) {
                topic.settled(ctx, conn, job, &handed.outcome, is_over)?;
            }
            self.reached(Point::Settled);
            Ok(())
        })
    }

    fn reached(&self, point: Point) {
        if let Some(watch) = &self.watch {
            watch(point);
        }
    }
}

fn envelope(job: &Job) -> Envelope<'_> {
    Envelope {
        key: &job.dedupe_key,
        row_id: &job.id,
        delivery_id: job.delivery_id(),
        ambiguous: job.ambiguous,
        not_after: job.not_after,
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
