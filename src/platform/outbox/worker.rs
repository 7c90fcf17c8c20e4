//! The worker: threads that deliver due messages. Any number of instances may run them, and each channel
//! has threads of its own, so that a mail server that hangs does not delay verification codes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use strum::VariantArray as _;

use super::send_rate::SendRate;
use super::{Channel, Claim, ClaimFilter, Envelope, Job, Outcome, Rendered, SendResult, Topic, Transport};
use crate::platform::signal::Signals;
use crate::platform::{Service, db, settings};

/// Polling is the fallback, for rows of other instances and for retries.
const POLL: Duration = Duration::from_millis(500);

/// All topics by their name.
pub type Topics = BTreeMap<&'static str, Box<dyn Topic>>;

/// The threads of a channel, and its send rate in rows per second.
pub fn capacity(settings: &settings::Outbox, channel: Channel) -> (u32, u32) {
    match channel {
        Channel::Sms => (settings.sms_threads, settings.sms_per_second),
        Channel::Voice => (settings.voice_threads, settings.voice_per_second),
        Channel::Email => (settings.email_threads, settings.email_per_second),
        Channel::Webhook => (settings.webhook_threads, settings.webhook_per_second),
        // Background jobs call no outside service that could be overloaded.
        Channel::Task => (settings.task_threads, u32::MAX),
    }
}

/// How far a round has come; crash tests stop it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A row is leased, but the claim is not committed.
    Claimed,
    /// The attempt is committed, but no transport was called.
    Started,
    /// The transport answered, but the result is not stored.
    Sent,
    /// The result is written, but not committed.
    Settled,
}

/// Claims, sends and settles due rows.
#[derive(Clone)]
pub struct Worker {
    service: Service,
    topics: Arc<Topics>,
    transport: Arc<dyn Transport>,
    channels: Vec<Channel>,
    rate: Option<Arc<SendRate>>,
    watch: Option<Arc<dyn Fn(Point) + Send + Sync>>,
}

impl Worker {
    /// A worker for all channels. It claims only what `topics` can render and leaves the rest
    /// to others: another instance may be newer.
    pub fn new(service: Service, topics: Arc<Topics>, transport: Arc<dyn Transport>) -> Self {
        let channels = Channel::VARIANTS.to_vec();
        Self { service, topics, transport, channels, rate: None, watch: None }
    }

    /// The same worker for one channel, with at most `per_second` rows per second.
    #[must_use]
    pub fn of_channel(&self, channel: Channel, per_second: u32) -> Self {
        Self { channels: vec![channel], rate: Some(Arc::new(SendRate::new(per_second))), ..self.clone() }
    }

    /// The same worker, calling `watch` at each [`Point`].
    #[must_use]
    pub fn watched(self, watch: Arc<dyn Fn(Point) + Send + Sync>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Claims, sends and settles one row; returns `false` if none is due.
    pub fn run_once(&self) -> db::Result<bool> {
        let Some(claim) = self.claim()? else { return Ok(false) };
        self.reached(Point::Started);
        let result = self.send(&claim);
        self.reached(Point::Sent);
        // If this fails, the lease expires and the row is sent again.
        self.settle(&claim, &result)?;
        Ok(true)
    }

    /// Runs until the handle is stopped.
    pub fn spawn(self) -> std::io::Result<WorkerHandle> {
        let stop = Arc::new(AtomicBool::new(false));
        let signals = Arc::clone(&self.service.signals);
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("outbox".into()).spawn(move || self.run(&stopped))?;
        Ok(WorkerHandle { stop, signals, thread })
    }

    fn run(&self, stop: &AtomicBool) {
        let mut seen = 0;
        while !stop.load(Ordering::SeqCst) {
            // A row that makes its worker panic must not end the channel: its lease
            // expires, its attempts count.
            match catch_unwind(AssertUnwindSafe(|| self.run_once())) {
                Ok(Ok(false)) => seen = self.service.signals.outbox.wait(seen, POLL),
                Ok(Ok(true)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "outbox round failed");
                    thread::sleep(POLL);
                }
                Err(_) => {
                    tracing::error!("an outbox round panicked");
                    metrics::counter!("outbox_panics_total").increment(1);
                    thread::sleep(POLL);
                }
            }
        }
    }

    /// Looks first: a read does not occupy the database writer, and most find nothing.
    fn claim(&self) -> db::Result<Option<Claim>> {
        let topics: Vec<&str> = self.topics.keys().copied().collect();
        let filter = ClaimFilter { topics: &topics, channels: &self.channels };
        let now = self.service.clock.now();
        if self.rate.as_ref().is_some_and(|rate| !rate.has_room(now))
            || !self.service.read_blocking(|tx| super::is_any_due(tx, filter))?
        {
            return Ok(None);
        }
        let claim = self.service.write_blocking(|tx| {
            let claim = super::claim(tx, filter)?;
            if claim.is_some() {
                self.reached(Point::Claimed);
            }
            Ok::<_, db::Error>(claim)
        })?;
        if let (Some(rate), Some(_)) = (&self.rate, &claim) {
            rate.take(now);
        }
        Ok(claim)
    }

    /// Checks `not_after` again, because the claim may have waited.
    fn send(&self, claim: &Claim) -> SendResult {
        let job = &claim.job;
        let expired = job.not_after.is_some_and(|at| at <= self.service.clock.now());
        // A process that died in the attempt leaves no outcome: such a row may be poison, or already sent.
        let is_spent = usize::try_from(job.attempts).unwrap_or(0) > self.schedule(job).len() + 1;
        let result = match self.render(job) {
            _ if is_spent => Outcome::Rejected("too_many_attempts").into(),
            _ if job.is_used_up_by(0) => Outcome::Rejected("ambiguous").into(),
            Ok(Rendered::Unwanted) => Outcome::Unwanted.into(),
            Err(why) | Ok(Rendered::NotYet(why)) => Outcome::Retry(why).into(),
            Ok(Rendered::Ready(_) | Rendered::Task) if expired => Outcome::Expired.into(),
            Ok(Rendered::Task) => Outcome::Sent.into(),
            Ok(Rendered::Ready(message)) => self.transport.deliver(&message, &envelope(claim)),
        };
        let labels = [("topic", job.topic.clone()), ("outcome", result.outcome.label().to_owned())];
        metrics::counter!("outbox_attempts_total", &labels).increment(1);
        result
    }

    /// Runs in a transaction of its own, so that a row that cannot be rendered holds up no other.
    fn render(&self, job: &Job) -> Result<Rendered, &'static str> {
        let Some(topic) = self.topics.get(job.topic.as_str()) else {
            return Ok(Rendered::NotYet("unknown_topic"));
        };
        self.service.read_blocking(|tx| topic.render(tx, job)).map_err(|error| {
            let (outbox, topic) = (job.id.as_str(), job.topic.as_str());
            tracing::warn!(%error, outbox, topic, "an outbox row could not be rendered");
            "not_rendered"
        })
    }

    fn schedule(&self, job: &Job) -> &'static [u64] {
        self.topics.get(job.topic.as_str()).map_or(&super::BACK_OFF_SECONDS, |topic| topic.schedule())
    }

    fn settle(&self, claim: &Claim, result: &SendResult) -> db::Result<()> {
        let job = &claim.job;
        self.service.write_blocking(|tx| {
            let settled = super::settle(tx, claim, result, self.schedule(job))?;
            if let (Some(is_over), Some(topic)) = (settled, self.topics.get(job.topic.as_str())) {
                topic.settled(tx, job, &result.outcome, is_over)?;
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

fn envelope(claim: &Claim) -> Envelope<'_> {
    let job = &claim.job;
    Envelope {
        key: &job.dedupe_key,
        row_id: &job.id,
        delivery_id: &claim.attempt,
        ambiguous: job.ambiguous,
        not_after: job.not_after,
    }
}

/// Handle of a running worker thread.
pub struct WorkerHandle {
    stop: Arc<AtomicBool>,
    signals: Arc<Signals>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Tells the thread to end after its current row. Does not wait, so that others can be told as well.
    pub fn request_stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.signals.outbox.notify();
    }

    /// Tells the thread to end, and hands it over to be joined.
    pub fn into_thread(self) -> JoinHandle<()> {
        self.request_stop();
        self.thread
    }
}
