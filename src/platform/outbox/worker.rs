//! What an instance does with due rows, step by step: claim, send, settle. The dispatcher runs the steps in
//! batches and sends in parallel; [`Worker::run_once`] runs them for one row in the caller's thread.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use strum::VariantArray as _;

use super::claim;
use super::lane::Capacity;
use super::row::{Claim, Finished, Job, QueueState, Room};
use super::settle;
use super::{Channel, Envelope, Outcome, Outgoing, Rendered, SendResult, Topic, Transport};
use crate::kit::Timestamp;
use crate::platform::signal::Wake;
use crate::platform::{Service, Tx, db};

/// All topics by their name.
pub type Topics = BTreeMap<&'static str, Box<dyn Topic>>;

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

/// A claimed row and what to do with it.
pub(super) struct Parcel {
    pub claim: Claim,
    pub work: Work,
}

pub(super) enum Work {
    /// A message to be sent.
    Send(Outgoing),
    /// Nothing to send: the topic acts when the row is settled.
    Nothing,
    /// A background job. It is rendered and settled by the thread that carries it out: both may take seconds.
    Job,
    /// The result is known without an attempt.
    Over(SendResult),
}

/// What is claimed in one transaction.
#[derive(Clone, Copy, Default)]
pub(super) struct Order<'a> {
    pub rooms: &'a [Room],
    /// Whether each row is rendered in a savepoint, because without them a row that cannot be rendered has
    /// undone the claim. Savepoints are two statements a row.
    pub is_careful: bool,
    /// Whether other instances are told that there is more than this one can send.
    pub tells_others: bool,
}

/// Claims, sends and settles due rows.
#[derive(Clone)]
pub struct Worker {
    pub(super) service: Service,
    pub(super) capacities: Vec<Capacity>,
    topics: Arc<Topics>,
    transport: Arc<dyn Transport>,
    watch: Option<Arc<dyn Fn(Point) + Send + Sync>>,
}

impl Worker {
    /// A worker for all channels. It claims only what `topics` can render and leaves the rest
    /// to others: another instance may be newer.
    pub fn new(service: Service, topics: Arc<Topics>, transport: Arc<dyn Transport>) -> Self {
        let capacity = |channel: &Channel| Capacity::of(*channel, &service.settings.outbox);
        let capacities = Channel::VARIANTS.iter().map(capacity).collect();
        Self { service, capacities, topics, transport, watch: None }
    }

    /// The same worker for one channel, with so many senders and rows per second.
    #[must_use]
    pub fn of_channel(self, channel: Channel, senders: u32, per_second: u32) -> Self {
        Self { capacities: vec![Capacity { channel, senders, per_second }], ..self }
    }

    /// The same worker, calling `watch` at each [`Point`].
    #[must_use]
    pub fn watched(self, watch: Arc<dyn Fn(Point) + Send + Sync>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Claims, sends and settles one row; returns `false` if none is due.
    pub fn run_once(&self) -> db::Result<bool> {
        let (now, queue) = (self.service.now(), self.look()?);
        for state in queue.channels.iter().filter(|state| state.is_due(now)) {
            let Some(is_trial) = state.claims(now) else { continue };
            let room = Room { channel: state.channel, rows: 1, bulk: 1, is_trial };
            let Some(parcel) = self.claim_or_carefully(&[room])?.pop() else { continue };
            if let Some(finished) = self.carry_out(parcel)? {
                // If this fails, the lease expires and the row is sent again.
                self.settle(&[&finished], false)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Claims what the senders of all channels can take, sends it in the caller's thread, and settles it
    /// together, as the dispatcher does after a signal. Returns the number of rows.
    pub fn run_batch(&self) -> db::Result<usize> {
        let room = |capacity: &Capacity| {
            let Capacity { channel, senders, .. } = *capacity;
            Room { channel, rows: senders, bulk: senders, is_trial: false }
        };
        let parcels = self.claim_or_carefully(&self.capacities.iter().map(room).collect::<Vec<_>>())?;
        let rows = parcels.len();
        let mut finished = Vec::with_capacity(rows);
        for parcel in parcels {
            finished.extend(self.carry_out(parcel)?);
        }
        if !finished.is_empty() {
            self.settle(&finished.iter().collect::<Vec<_>>(), true)?;
        }
        Ok(rows)
    }

    /// Looks at the queue, in one statement without a transaction. Rows that a clock scheduled which was
    /// ahead are due after it.
    pub(super) fn look(&self) -> db::Result<QueueState> {
        let (channels, topics) = (self.channels(), self.topic_names());
        let look = || {
            let peeked = self
                .service
                .db
                .peek_blocking(|conn| claim::look(conn, self.service.now(), &channels, &topics));
            // The connection may be the one that died; a transaction begins on a live one.
            peeked.or_else(|_| {
                self.service.read_blocking(|tx| claim::look(tx.conn, tx.now, &channels, &topics))
            })
        };
        let queue = look()?;
        if !queue.has_future_rows {
            return Ok(queue);
        }
        self.service.write_blocking(claim::bring_back_future_rows)?;
        look()
    }

    fn claim_or_carefully(&self, rooms: &[Room]) -> db::Result<Vec<Parcel>> {
        let order = Order { rooms, ..Order::default() };
        match self.claim(order) {
            Err(error) if is_about_a_row(&error) => self.claim(Order { is_careful: true, ..order }),
            outcome => outcome,
        }
    }

    /// Claims and renders rows in one transaction.
    pub(super) fn claim(&self, order: Order<'_>) -> db::Result<Vec<Parcel>> {
        let topics = self.topic_names();
        self.service.write_blocking(|tx| {
            if order.tells_others {
                tx.conn.notify(Wake::Outbox)?;
            }
            let mut parcels = Vec::new();
            for claim in claim::claim(tx, order.rooms, &topics)? {
                self.reached(Point::Claimed);
                let work = self.prepare(tx, &claim.job, order.is_careful)?;
                parcels.push(Parcel { claim, work });
            }
            Ok(parcels)
        })
    }

    /// Stores results in one transaction, and not in that of the next claim: a result that is lost is a
    /// message sent twice, and rendering takes time. Returns when rows that failed are due again.
    /// `gives_way` is for the dispatcher, which must not wait for the lock of a request while codes are due.
    pub(super) fn settle(&self, finished: &[&Finished], gives_way: bool) -> db::Result<Vec<Timestamp>> {
        self.service.write_blocking(|tx| {
            if gives_way {
                tx.conn.limit_lock_waits()?;
            }
            settle::settle(tx, &self.topics, finished, || self.reached(Point::Settled))
        })
    }

    /// Renders a row in the transaction that claims it.
    fn prepare(&self, tx: &mut Tx, job: &Job, is_careful: bool) -> db::Result<Work> {
        // A process that died in the attempt leaves no outcome: such a row may be poison, or already sent.
        let most = settle::schedule(&self.topics, job).len() + 1;
        if usize::try_from(job.attempts).unwrap_or(0) > most {
            return Ok(Work::Over(Outcome::Rejected("too_many_attempts").into()));
        }
        if job.is_used_up_by(0) {
            return Ok(Work::Over(Outcome::Rejected("ambiguous").into()));
        }
        if job.channel == Channel::Task {
            return Ok(Work::Job);
        }
        if !is_careful {
            return self.render(tx, job).map(work);
        }
        Ok(tx.savepoint(|tx| self.render(tx, job))?.map_or_else(|| not_rendered(job), work))
    }

    /// A topic that panics must not end the round of all others.
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(topic) = self.topics.get(job.topic.as_str()) else {
            return Ok(Rendered::NotYet("unknown_topic"));
        };
        catch_unwind(AssertUnwindSafe(|| topic.render(tx, job))).unwrap_or_else(|_| {
            metrics::counter!("outbox_panics_total").increment(1);
            Err(db::Error::Panicked)
        })
    }

    /// Carries out a claimed row, and settles it if it is a background job: `None` then.
    pub(super) fn carry_out(&self, Parcel { claim, work }: Parcel) -> db::Result<Option<Finished>> {
        self.reached(Point::Started);
        let is_job = matches!(work, Work::Job);
        let work = if is_job { self.render_job(&claim.job) } else { work };
        let result = self.send(&claim, work);
        let labels = [("topic", claim.job.topic.clone()), ("outcome", result.outcome.label().to_owned())];
        metrics::counter!("outbox_attempts_total", &labels).increment(1);
        self.reached(Point::Sent);
        let finished = Finished { claim, result };
        if is_job {
            self.settle(&[&finished], false)?;
            return Ok(None);
        }
        Ok(Some(finished))
    }

    fn render_job(&self, job: &Job) -> Work {
        self.service.read_blocking(|tx| self.render(tx, job)).map_or_else(|_| not_rendered(job), work)
    }

    /// Checks `not_after` again, because the claim may have waited.
    fn send(&self, claim: &Claim, work: Work) -> SendResult {
        let is_late = claim.job.not_after.is_some_and(|at| at <= self.service.now());
        match work {
            Work::Over(result) => result,
            _ if is_late => Outcome::Expired.into(),
            Work::Send(message) => self.transport.deliver(&message, &envelope(claim)),
            Work::Nothing | Work::Job => Outcome::Sent.into(),
        }
    }

    fn channels(&self) -> Vec<Channel> {
        self.capacities.iter().map(|capacity| capacity.channel).collect()
    }

    fn topic_names(&self) -> Vec<&'static str> {
        self.topics.keys().copied().collect()
    }

    fn reached(&self, point: Point) {
        if let Some(watch) = &self.watch {
            watch(point);
        }
    }
}

/// Whether an error may be the fault of one row, so that the others are better off without it.
pub(super) fn is_about_a_row(error: &db::Error) -> bool {
    matches!(error, db::Error::Statement(_) | db::Error::Panicked)
}

fn work(rendered: Rendered) -> Work {
    match rendered {
        Rendered::Ready(message) => Work::Send(message),
        Rendered::Task => Work::Nothing,
        Rendered::Unwanted => Work::Over(Outcome::Unwanted.into()),
        Rendered::NotYet(why) => Work::Over(Outcome::Retry(why).into()),
    }
}

fn not_rendered(job: &Job) -> Work {
    let (outbox, topic) = (job.id.as_str(), job.topic.as_str());
    tracing::warn!(outbox, topic, "an outbox row could not be rendered");
    Work::Over(Outcome::Retry("not_rendered").into())
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
