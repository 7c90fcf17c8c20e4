//! The outbox: messages and background jobs are written in the transaction of the fact that causes them, and
//! delivered or run later. A background job is a row whose topic does the work itself, in [`Channel::Task`].
//!
//! A row names a topic and ids, never a code or a patient's details: the text is rendered when the row is
//! due. One thread per instance, the `dispatcher`, claims rows in batches (short transaction: leases, attempt
//! rows, rendering), `senders` send each (no transaction, no connection), and the dispatcher settles together
//! what they have finished (short transaction, fenced by the leases). Delivery is at least once, with
//! deduplication: a row's `dedupe_key` is unique here, and its id is the receiver's `Message-ID` or event id.
//!
//! `fang` 0.11 is the nearest crate, but its diesel queue knows only PostgreSQL. It has no lease, so the task
//! of a killed worker stays in progress, and no row per attempt: nothing says that a message may have left.

mod button_mail;
mod claim;
mod dispatcher;
mod lane;
mod message;
mod pause;
mod queue_query;
mod row;
mod senders;
mod settle;
mod store;
mod worker;

use std::time::Duration;

pub use button_mail::ButtonMail;
pub use dispatcher::WorkerHandle;
pub use message::{
    Channel, Envelope, Mail, Outcome, Outgoing, Receipt, Rendered, Report, SendResult, Sender, TextMessage,
    Transport, VoiceCall, WebhookCall,
};
pub use pause::{pause_by_report, pauses, resume};
pub use row::{Job, State};
pub use store::{Attempt, Pause};
pub use worker::{Point, Topics, Worker};

use self::settle::BACK_OFF_SECONDS;
use crate::kit::{DeliveryId, OutboxId, Timestamp};
use crate::platform::{Tx, db};

/// Settled rows are kept for 30 days, to answer an operator's questions.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// A text or call that may have arrived is sent once more, not twice.
const MOST_AMBIGUOUS: i32 = 2;

/// A message to be queued.
pub struct Message {
    /// Name of the topic that renders it.
    pub topic: &'static str,
    pub channel: Channel,
    pub priority: Priority,
    /// Unique per fact and recipient; a second message with the same key is not queued.
    pub dedupe_key: String,
    /// The address, if the row itself must hold it; erased after delivery.
    pub recipient: Option<String>,
    /// Ids that the text is about, as JSON.
    pub payload: serde_json::Value,
    /// Not sent before this moment; `None` means now.
    pub due: Option<Timestamp>,
    /// After this moment the message is dropped instead of sent late.
    pub not_after: Option<Timestamp>,
}

/// What is sent first in a channel. Within one priority the row that is due first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody looks at the screen and waits: codes, and what answers a patient.
    Code = 0,
    /// Somebody waits, but not with a code that expires: password letters.
    Letter = 1,
    /// What a practice is told of: notices, webhooks.
    Notice = 2,
    /// What nobody waits for, and what can be thousands: invites and imports. They get half of a channel at
    /// most, so that a list does not fill all senders when a code comes.
    Bulk = 3,
}

/// A row that was settled just now.
pub struct Settled<'a> {
    pub job: &'a Job,
    pub outcome: &'a Outcome,
    /// Whether no more attempts follow.
    pub is_over: bool,
}

/// A kind of message: how a row is rendered, and what its result means for the fact behind it.
pub trait Topic: Send + Sync {
    /// Renders the message of `job`.
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered>;

    /// Seconds to wait after the n-th failed attempt; after the attempt that follows the last wait,
    /// the row is dead.
    fn schedule(&self) -> &'static [u64] {
        &BACK_OFF_SECONDS
    }

    /// Called in the settling transaction, so that the fact and the row agree: a task does its work here,
    /// once for each row that is settled as sent. `is_over` means that no more attempts follow.
    fn settled(&self, _tx: &mut Tx, _job: &Job, _outcome: &Outcome, _is_over: bool) -> db::Result<()> {
        Ok(())
    }

    /// [`Topic::settled`] for rows that are settled together: for a topic that can store the facts of many
    /// rows in one statement.
    fn settled_together(&self, tx: &mut Tx, rows: &[Settled<'_>]) -> db::Result<()> {
        rows.iter().try_for_each(|row| self.settled(tx, row.job, row.outcome, row.is_over))
    }

    /// Called in the transaction of a provider's callback, once for each step forward.
    fn reported(&self, _tx: &mut Tx, _job: &Job, _report: &Report) -> db::Result<()> {
        Ok(())
    }
}

/// Queues `message` in the caller's transaction; returns `false` if one with the same key exists.
pub fn enqueue(tx: &mut Tx, message: &Message) -> db::Result<bool> {
    let id = tx.id::<OutboxId>();
    let is_new = store::insert(tx.conn, &id, message, tx.now)? == 1;
    // The dispatcher finds what is due later by itself.
    if is_new && message.due.is_none_or(|due| due <= tx.now) {
        tx.wake_outbox();
    }
    Ok(is_new)
}

/// Keeps a message that was never attempted from being claimed until this transaction ends, so that more
/// can be added to its subject; returns `false` if it is on its way or gone.
pub fn lock_queued(tx: &mut Tx, dedupe_key: &str) -> db::Result<bool> {
    store::lock_queued(tx.conn, dedupe_key)
}

/// Processes a provider's report on the attempt `delivery_id`. Returns `false` if it brings nothing new: an
/// unknown attempt, a repeated report, or one that arrives after a later one.
pub fn report(tx: &mut Tx, topics: &Topics, delivery_id: &DeliveryId, report: &Report) -> db::Result<bool> {
    let Some(row_id) = store::advance_receipt(tx.conn, delivery_id, report.receipt(), tx.now)? else {
        return Ok(false);
    };
    let Some(job) = store::find(tx.conn, &row_id)? else { return Ok(false) };
    if matches!(report, Report::Sent | Report::Delivered) {
        pause::resume_by_receipt(tx, job.channel)?;
    }
    if let Some(topic) = topics.get(job.topic.as_str()) {
        topic.reported(tx, &job, report)?;
    }
    Ok(true)
}

/// The row with this id, for a report that names the message instead of the attempt.
pub fn find(tx: &mut Tx, id: &OutboxId) -> db::Result<Option<Job>> {
    store::find(tx.conn, id)
}

/// Number of rows per state, for `/metrics` and the tests.
pub fn depth(tx: &mut Tx) -> db::Result<Vec<(State, i64)>> {
    store::count_by_state(tx.conn)
}

/// Rows in `state`, newest first, for the operator.
pub fn list(tx: &mut Tx, state: State) -> db::Result<Vec<Job>> {
    store::in_state(tx.conn, state, 200)
}

/// Attempts of a row, in order, for the operator.
pub fn attempts(tx: &mut Tx, id: &OutboxId) -> db::Result<Vec<Attempt>> {
    store::attempts(tx.conn, id)
}

/// Gives a dead row another round of attempts; returns `false` if no dead row has that id.
pub fn requeue(tx: &mut Tx, id: &OutboxId) -> db::Result<bool> {
    let requeued = store::requeue(tx.conn, id, tx.now)? == 1;
    if requeued {
        tx.wake_outbox();
    }
    Ok(requeued)
}

/// Drops a dead or queued row, and its address; returns `false` if no such row exists.
pub fn discard(tx: &mut Tx, topics: &Topics, id: &OutboxId) -> db::Result<bool> {
    let Some(job) = store::discard(tx.conn, id, tx.now)? else { return Ok(false) };
    if let Some(topic) = topics.get(job.topic.as_str()) {
        let settled = Settled { job: &job, outcome: &Outcome::Rejected("discarded"), is_over: true };
        topic.settled_together(tx, &[settled])?;
    }
    Ok(true)
}

/// Deletes rows that were settled long ago, and the addresses of dead rows that are too late to be sent.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::forget_addresses(tx.conn, tx.now)?;
    store::delete_settled(tx.conn, tx.now - KEPT)
}
