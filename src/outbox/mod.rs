//! What goes out: rows written in the transaction of the fact that causes them, delivered afterwards.
//!
//! A row names a topic and the ids that it is about, never a code or a patient's detail: the text is rendered
//! when the row is due. The worker claims a row (short transaction, a lease and an attempt row), sends it (no
//! transaction, no connection), and settles it (short transaction, fenced by the lease). At least once, and
//! deduplicated: a row's `dedupe_key` is unique here and is the idempotency key or `Message-ID` there.

mod message;
mod store;
mod worker;

use std::time::Duration;

pub use message::{Carrier, Mail, Outcome, Outgoing, Rendered};
pub use store::Job;
pub use worker::{Topics, Worker, WorkerHandle};

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::Timestamp;

/// How long a claimed row is its claimant's own.
const LEASE: Duration = Duration::from_mins(1);
/// Delivered rows are kept this long, for the operator's questions.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// The wait after the n-th failed attempt; after the last one the row is dead. Jitter of up to a quarter is
/// added, so that a mail server that comes back is not met by everybody at once.
const BACK_OFF_SECONDS: [u64; 10] = [2, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400];

/// The first attempt, and one after each wait.
const MOST_ATTEMPTS: i32 = 11;

/// A message to be queued.
pub struct Message {
    /// Which topic renders it.
    pub topic: &'static str,
    /// Unique for the fact and the recipient; a second message under the same key is not queued.
    pub dedupe_key: String,
    /// The address, where the row itself must hold it; scrubbed when delivered.
    pub recipient: Option<String>,
    /// The ids that the text is about, as JSON.
    pub payload: serde_json::Value,
    /// After this moment the message is dropped instead of sent late.
    pub not_after: Option<Timestamp>,
}

/// A kind of message: how a row becomes a text, and what its fate means for the fact behind it.
pub trait Topic: Send + Sync {
    /// The message of `job`.
    fn render(&self, ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<Rendered>;

    /// Told in the settling transaction, so that the fact and the row agree.
    fn settled(&self, _ctx: &Ctx, _conn: &mut Conn, _job: &Job, _outcome: &Outcome) -> db::Result<()> {
        Ok(())
    }
}

/// Queues `message` in the caller's transaction.
pub fn enqueue(ctx: &Ctx, conn: &mut Conn, message: &Message) -> db::Result<()> {
    store::insert(conn, &ctx.id("out"), message, ctx.now)?;
    ctx.queued.set(true);
    Ok(())
}

/// Claims up to `limit` due rows of `topics`; each gets an attempt row, so that a crash during the send stays visible.
fn claim(ctx: &Ctx, conn: &mut Conn, topics: &[&str], limit: i64) -> db::Result<Vec<Job>> {
    let due = store::due(conn, topics, ctx.now, limit)?;
    let mut jobs = Vec::with_capacity(due.len());
    for id in due {
        let lease = ctx.id("lease");
        if let Some(job) = store::lease(conn, &id, &lease, ctx.now, ctx.now + LEASE)? {
            store::insert_attempt(conn, &ctx.id("dlv"), &job, ctx.now)?;
            jobs.push(job);
        }
    }
    Ok(jobs)
}

/// Writes down what became of `job`; `false` when its lease is no longer ours, and then nothing is written.
fn settle(ctx: &Ctx, conn: &mut Conn, job: &Job, outcome: &Outcome) -> db::Result<bool> {
    let change = match outcome {
        Outcome::Sent => store::Settled::done("sent", ctx.now),
        Outcome::Expired | Outcome::Unwanted => store::Settled::done("dropped", ctx.now),
        Outcome::Rejected(_) => store::Settled::dead(outcome.label(), ctx.now),
        Outcome::Retry(_) => match back_off(ctx, job.attempts) {
            Some(next_at) => store::Settled::again(outcome.label(), next_at),
            None => store::Settled::dead(outcome.label(), ctx.now),
        },
    };
    let fenced = store::settle(conn, job, &change)? == 1;
    if fenced {
        store::finish_attempt(conn, job, outcome.label(), ctx.now)?;
    }
    Ok(fenced)
}

fn back_off(ctx: &Ctx, attempts: i32) -> Option<Timestamp> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let wait = Duration::from_secs(*BACK_OFF_SECONDS.get(index)?);
    let [dice] = ctx.random::<1>();
    Some(ctx.now + wait + wait.mul_f64(f64::from(dice) / 1024.0))
}

/// How many rows stand in each state: for `/metrics` and the tests.
pub fn depth(conn: &mut Conn) -> db::Result<Vec<(String, i64)>> {
    store::count_by_state(conn)
}

/// The rows in `state`, newest first: for the operator.
pub fn list(conn: &mut Conn, state: &str) -> db::Result<Vec<Job>> {
    store::in_state(conn, state, 200)
}

/// Gives a dead row another round of attempts; `false` when there is no dead row of that id.
pub fn requeue(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    let requeued = store::requeue(conn, id, ctx.now)? == 1;
    ctx.queued.set(requeued);
    Ok(requeued)
}

/// Deletes rows that were settled long ago.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_settled(conn, ctx.now - KEPT)
}
