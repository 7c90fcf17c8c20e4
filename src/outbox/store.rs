//! The rows of `outbox` and `deliveries`.

use diesel::dsl::{count_star, exists};
use diesel::prelude::*;
use diesel::{insert_into, update};

use super::Message;
use crate::db::schema::{deliveries, outbox};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

/// One row of the outbox, as its claimant sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Job {
    /// The row's id.
    pub id: String,
    /// Which topic renders it.
    pub topic: String,
    /// Stable over attempts and unique over rows.
    pub dedupe_key: String,
    /// The address, where the row holds it.
    pub recipient: Option<String>,
    /// The ids that the text is about, as JSON.
    pub payload: String,
    /// Attempts begun, this one included.
    pub attempts: i32,
    /// When the message is no longer worth sending.
    pub not_after: Option<Timestamp>,
    /// The claimant's fence.
    pub lease_token: Option<String>,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// What settling writes.
#[derive(AsChangeset)]
#[diesel(table_name = outbox)]
pub struct Settled {
    state: &'static str,
    next_at: Option<Timestamp>,
    last_error: Option<&'static str>,
    #[diesel(column_name = settled_at)]
    over_at: Option<Timestamp>,
}

impl Settled {
    /// Over, well or not needed.
    pub fn done(state: &'static str, now: Timestamp) -> Self {
        Self { over_at: Some(now), ..Self::open(state) }
    }

    /// Over, badly.
    pub fn dead(why: &'static str, now: Timestamp) -> Self {
        Self { last_error: Some(why), over_at: Some(now), ..Self::open("dead") }
    }

    /// To be tried again.
    pub fn again(why: &'static str, next_at: Timestamp) -> Self {
        Self { last_error: Some(why), next_at: Some(next_at), ..Self::open("queued") }
    }

    fn open(state: &'static str) -> Self {
        Self { state, next_at: None, last_error: None, over_at: None }
    }

    /// A message that is through forgets its address; a dead one keeps it, so that it can be requeued.
    fn forgets_address(&self) -> bool {
        self.over_at.is_some() && self.state != "dead"
    }
}

/// Queues a message, unless one with its key is there.
pub fn insert(conn: &mut Conn, id: &str, message: &Message, now: Timestamp) -> Result<usize> {
    let row = (
        outbox::id.eq(id),
        outbox::topic.eq(message.topic),
        outbox::dedupe_key.eq(&message.dedupe_key),
        outbox::recipient.eq(&message.recipient),
        outbox::payload.eq(message.payload.to_string()),
        outbox::state.eq("queued"),
        outbox::attempts.eq(0),
        outbox::next_at.eq(now),
        outbox::not_after.eq(message.not_after),
        outbox::created_at.eq(now),
    );
    Ok(Both(insert_into(outbox::table).values(row).on_conflict(outbox::dedupe_key).do_nothing())
        .execute(conn)?)
}

/// Ids of rows of `topics` that are due or whose lease ran out, oldest first.
pub fn due(conn: &mut Conn, topics: &[&str], now: Timestamp, limit: i64) -> Result<Vec<String>> {
    let rows = outbox::table
        .filter(outbox::state.eq("queued").and(outbox::next_at.le(now)))
        .or_filter(outbox::state.eq("leased").and(outbox::leased_until.le(now)))
        .filter(outbox::topic.eq_any(topics))
        .order((outbox::next_at, outbox::id))
        .limit(limit)
        .select(outbox::id);
    Ok(rows.load(conn)?)
}

/// Leases one row, if it is still to be had. The condition of [`due`] stands here again, because this is the
/// statement that acts: of two workers that saw the same row one gets it.
pub fn lease(
    conn: &mut Conn,
    id: &str,
    token: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Job>> {
    let free = outbox::state
        .eq("queued")
        .and(outbox::next_at.le(now))
        .or(outbox::state.eq("leased").and(outbox::leased_until.le(now)));
    let change = (
        outbox::state.eq("leased"),
        outbox::attempts.eq(outbox::attempts + 1),
        outbox::lease_token.eq(token),
        outbox::leased_until.eq(until),
    );
    let row = update(outbox::table.filter(outbox::id.eq(id)).filter(free)).set(change);
    Ok(row.returning(columns::<Job>()).get_result(conn).optional()?)
}

/// Notes that an attempt has begun.
pub fn insert_attempt(conn: &mut Conn, id: &str, job: &Job, now: Timestamp) -> Result<usize> {
    let row = (
        deliveries::id.eq(id),
        deliveries::outbox_id.eq(&job.id),
        deliveries::attempt.eq(job.attempts),
        deliveries::started_at.eq(now),
    );
    Ok(insert_into(deliveries::table).values(row).execute(conn)?)
}

/// Settles a row whose lease is still the job's; 0 when somebody else has it by now.
pub fn settle(conn: &mut Conn, job: &Job, change: &Settled) -> Result<usize> {
    let row = outbox::table.filter(outbox::id.eq(&job.id)).filter(outbox::lease_token.eq(&job.lease_token));
    let scrub = change.forgets_address().then(|| outbox::recipient.eq(None::<String>));
    let release = (outbox::lease_token.eq(None::<String>), outbox::leased_until.eq(None::<Timestamp>));
    Ok(update(row).set((change, scrub, release)).execute(conn)?)
}

/// Notes how an attempt ended.
pub fn finish_attempt(conn: &mut Conn, job: &Job, outcome: &str, now: Timestamp) -> Result<usize> {
    let row = deliveries::table
        .filter(deliveries::outbox_id.eq(&job.id))
        .filter(deliveries::attempt.eq(job.attempts));
    let row = row.filter(deliveries::finished_at.is_null());
    Ok(update(row).set((deliveries::outcome.eq(outcome), deliveries::finished_at.eq(now))).execute(conn)?)
}

/// Rows by state.
pub fn count_by_state(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    Ok(outbox::table.group_by(outbox::state).select((outbox::state, count_star())).load(conn)?)
}

/// The newest rows in one state.
pub fn in_state(conn: &mut Conn, state: &str, limit: i64) -> Result<Vec<Job>> {
    let rows = outbox::table.filter(outbox::state.eq(state)).order(outbox::id.desc()).limit(limit);
    Ok(rows.select(columns::<Job>()).load(conn)?)
}

/// Queues a dead row again.
pub fn requeue(conn: &mut Conn, id: &str, now: Timestamp) -> Result<usize> {
    let row = outbox::table.filter(outbox::id.eq(id)).filter(outbox::state.eq("dead"));
    let change = (
        outbox::state.eq("queued"),
        outbox::next_at.eq(now),
        outbox::attempts.eq(0),
        outbox::settled_at.eq(None::<Timestamp>),
    );
    Ok(update(row).set(change).execute(conn)?)
}

/// Deletes rows settled before `before`, attempts first.
pub fn delete_settled(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = outbox::table.filter(outbox::settled_at.lt(before)).select(outbox::id);
    let attempts = deliveries::table.filter(deliveries::outbox_id.eq_any(old));
    diesel::delete(attempts).execute(conn)?;
    let unreferenced =
        diesel::dsl::not(exists(deliveries::table.filter(deliveries::outbox_id.eq(outbox::id))));
    let rows = outbox::table.filter(outbox::settled_at.lt(before)).filter(unreferenced);
    Ok(diesel::delete(rows).execute(conn)?)
}
