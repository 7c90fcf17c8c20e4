//! Queries on `outbox`, `deliveries` and `paused_channels`.

use diesel::dsl::{case_when, count_star, exists};
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::{insert_into, update};
use serde::de::DeserializeOwned;

use super::{Channel, MOST_AMBIGUOUS, Message, Receipt, SendResult};
use crate::kit::{DeliveryId, OutboxId, Phone, Timestamp};
use crate::platform::db::schema::{deliveries, outbox, paused_channels};
use crate::platform::db::{Both, Conn, Locked, Result, SkipLocked, columns};

crate::text_enum! {
    /// State of a row.
    pub enum State {
        Queued = "queued",
        Leased = "leased",
        Sent = "sent",
        /// No longer needed, too late, or discarded by an operator.
        Dropped = "dropped",
        /// Failed for good; an operator may requeue it.
        Dead = "dead",
    }
}

/// States of a row that is still to be sent. Both are due at `next_at`: a leased row when its lease ends.
const OPEN: [State; 2] = [State::Queued, State::Leased];

/// A row of the outbox, as the worker that claimed it sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Job {
    pub id: OutboxId,
    /// Name of the topic that renders it.
    pub topic: String,
    /// Stable over attempts and unique per row.
    pub dedupe_key: String,
    /// The address, if the row holds it.
    pub recipient: Option<String>,
    /// Ids that the text is about, as JSON.
    payload: String,
    /// Number of attempts started, including this one.
    pub attempts: i32,
    /// When the message is no longer worth sending.
    pub not_after: Option<Timestamp>,
    /// Outcome label of the last failed attempt.
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub channel: Channel,
    /// Number of attempts with an unknown result.
    pub ambiguous: i32,
}

impl Job {
    /// Parses the payload; `None` if another version wrote it in a different shape.
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.payload).ok()
    }

    /// The phone number, if the row holds one.
    pub fn phone(&self) -> Option<Phone> {
        self.recipient.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
    }

    /// Whether `more` ambiguous attempts would be too many.
    pub(super) fn is_used_up_by(&self, more: i32) -> bool {
        self.ambiguous + more >= MOST_AMBIGUOUS && self.channel.is_repeated_once()
    }
}

/// One attempt to send a row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct Attempt {
    /// Id that a provider's callback names.
    pub id: DeliveryId,
    /// Outcome label; `None` while it runs, and forever if the process died during it.
    pub outcome: Option<String>,
    pub started_at: Timestamp,
    /// Provider that accepted it, or rejected it last.
    pub provider: Option<String>,
    pub receipt: Receipt,
}

/// A channel that is paused.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = paused_channels)]
pub struct Pause {
    pub channel: Channel,
    /// Outcome label that caused the pause.
    pub reason: String,
    pub paused_at: Timestamp,
    /// When the next row is tried.
    pub try_at: Timestamp,
    /// Whether only a provider's receipt resumes it.
    pub needs_receipt: bool,
}

/// Changes that settling writes to a row.
#[derive(AsChangeset)]
#[diesel(table_name = outbox)]
pub struct Settlement {
    state: State,
    next_at: Option<Timestamp>,
    last_error: Option<&'static str>,
    #[diesel(column_name = settled_at)]
    over_at: Option<Timestamp>,
    ambiguous: Option<i32>,
    attempts: Option<i32>,
}

impl Settlement {
    /// Over: sent, or no longer needed.
    pub fn done(state: State, now: Timestamp) -> Self {
        Self { over_at: Some(now), ..Self::open(state) }
    }

    /// Over: failed for good.
    pub fn dead(why: &'static str, now: Timestamp) -> Self {
        Self { last_error: Some(why), over_at: Some(now), ..Self::open(State::Dead) }
    }

    /// To be tried again at `next_at`.
    pub fn again(why: &'static str, next_at: Timestamp) -> Self {
        Self { last_error: Some(why), next_at: Some(next_at), ..Self::open(State::Queued) }
    }

    /// With this number of ambiguous attempts.
    pub fn ambiguous(self, attempts: i32) -> Self {
        Self { ambiguous: Some(attempts), ..self }
    }

    /// With this number of attempts, the current one not included.
    pub fn uncounted(self, attempts: i32) -> Self {
        Self { attempts: Some(attempts), ..self }
    }

    /// Whether no more attempts follow.
    pub fn is_over(&self) -> bool {
        self.over_at.is_some()
    }

    fn open(state: State) -> Self {
        Self { state, next_at: None, last_error: None, over_at: None, ambiguous: None, attempts: None }
    }

    /// A finished message loses its address; a dead one keeps it, so that it can be requeued.
    fn forgets_address(&self) -> bool {
        self.is_over() && self.state != State::Dead
    }
}

/// Queues a message, unless one with the same key exists.
pub(super) fn insert(conn: &mut Conn, id: &OutboxId, message: &Message, now: Timestamp) -> Result<usize> {
    let row = (
        outbox::id.eq(id),
        outbox::topic.eq(message.topic),
        outbox::dedupe_key.eq(&message.dedupe_key),
        outbox::recipient.eq(&message.recipient),
        outbox::payload.eq(message.payload.to_string()),
        outbox::state.eq(State::Queued),
        outbox::attempts.eq(0),
        outbox::next_at.eq(message.due.unwrap_or(now)),
        outbox::not_after.eq(message.not_after),
        outbox::created_at.eq(now),
        outbox::channel.eq(message.channel),
        outbox::ambiguous.eq(0),
    );
    Ok(Both(insert_into(outbox::table).values(row).on_conflict(outbox::dedupe_key).do_nothing())
        .execute(conn)?)
}

/// The oldest row of `topics` in `channel` that is due, or whose lease expired. On PostgreSQL it stays
/// locked until the transaction ends, and other workers skip it.
pub(super) fn due(
    conn: &mut Conn,
    topics: &[&str],
    channel: Channel,
    now: Timestamp,
) -> Result<Option<OutboxId>> {
    let row = outbox::table
        .filter(outbox::channel.eq(channel))
        .filter(outbox::state.eq_any(OPEN))
        .filter(outbox::next_at.le(now))
        .filter(outbox::topic.eq_any(topics))
        .order((outbox::next_at, outbox::id))
        .limit(1)
        .select(outbox::id);
    Ok(SkipLocked(row).get_result(conn).optional()?)
}

/// Whether [`due`] would find a row, without taking a lock.
pub(super) fn is_due(conn: &mut Conn, topics: &[&str], channel: Channel, now: Timestamp) -> Result<bool> {
    let row = outbox::table
        .filter(outbox::channel.eq(channel))
        .filter(outbox::state.eq_any(OPEN))
        .filter(outbox::next_at.le(now))
        .filter(outbox::topic.eq_any(topics))
        .limit(1)
        .select(outbox::id);
    Ok(row.first::<OutboxId>(conn).optional()?.is_some())
}

/// Locks a row that was never attempted; `false` if it is on its way.
pub(super) fn lock_queued(conn: &mut Conn, dedupe_key: &str) -> Result<bool> {
    let row = outbox::table
        .filter(outbox::dedupe_key.eq(dedupe_key))
        .filter(outbox::state.eq(State::Queued))
        .filter(outbox::attempts.eq(0))
        .select(outbox::id);
    Ok(Locked(row).get_result::<OutboxId>(conn).optional()?.is_some())
}

/// Leases one row, if it is still free. The condition of [`due`] is repeated here, because this is the
/// statement that acts: of two workers that saw the same row, one gets it. If an earlier lease expired, its
/// attempt was never finished and counts as ambiguous.
pub(super) fn lease(
    conn: &mut Conn,
    id: &OutboxId,
    token: &DeliveryId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Job>> {
    let free = outbox::state.eq_any(OPEN).and(outbox::next_at.le(now));
    let unfinished = case_when::<_, _, Integer>(outbox::state.eq(State::Leased), outbox::ambiguous + 1)
        .otherwise(outbox::ambiguous);
    let change = (
        outbox::state.eq(State::Leased),
        outbox::attempts.eq(outbox::attempts + 1),
        outbox::ambiguous.eq(unfinished),
        outbox::lease_token.eq(token),
        outbox::next_at.eq(until),
    );
    let row = update(outbox::table.filter(outbox::id.eq(id)).filter(free)).set(change);
    Ok(row.returning(columns::<Job>()).get_result(conn).optional()?)
}

/// Records that an attempt has started.
pub(super) fn insert_attempt(
    conn: &mut Conn,
    attempt: &DeliveryId,
    job: &Job,
    now: Timestamp,
) -> Result<usize> {
    let row = (
        deliveries::id.eq(attempt),
        deliveries::outbox_id.eq(&job.id),
        deliveries::attempt.eq(job.attempts),
        deliveries::started_at.eq(now),
    );
    Ok(insert_into(deliveries::table).values(row).execute(conn)?)
}

/// Settles a row whose lease is still `token`; returns 0 if another worker has it by now.
pub(super) fn settle(
    conn: &mut Conn,
    id: &OutboxId,
    token: &DeliveryId,
    change: &Settlement,
) -> Result<usize> {
    let row = outbox::table.filter(outbox::id.eq(id)).filter(outbox::lease_token.eq(token));
    let scrub = change.forgets_address().then(|| outbox::recipient.eq(None::<String>));
    let release = outbox::lease_token.eq(None::<String>);
    Ok(update(row).set((change, scrub, release)).execute(conn)?)
}

/// Records how an attempt ended.
pub(super) fn finish_attempt(
    conn: &mut Conn,
    id: &DeliveryId,
    result: &SendResult,
    now: Timestamp,
) -> Result<usize> {
    let provider = Some(result.provider).filter(|name| !name.is_empty());
    let change = (
        deliveries::outcome.eq(result.outcome.label()),
        deliveries::provider.eq(provider),
        deliveries::reference.eq(&result.reference),
        deliveries::finished_at.eq(now),
    );
    Ok(update(deliveries::table.find(id)).set(change).execute(conn)?)
}

/// Moves an attempt's receipt forward, never back; returns the id of the attempt's row if it moved.
pub(super) fn advance_receipt(
    conn: &mut Conn,
    delivery_id: &DeliveryId,
    receipt: Receipt,
    now: Timestamp,
) -> Result<Option<OutboxId>> {
    let row = deliveries::table.find(delivery_id).filter(deliveries::receipt.eq_any(receipt.lower()));
    let change = (deliveries::receipt.eq(receipt), deliveries::receipt_at.eq(now));
    Ok(update(row).set(change).returning(deliveries::outbox_id).get_result(conn).optional()?)
}

pub(super) fn find(conn: &mut Conn, id: &OutboxId) -> Result<Option<Job>> {
    Ok(outbox::table.find(id).select(columns::<Job>()).first(conn).optional()?)
}

/// The attempts of a row, in order.
pub(super) fn attempts(conn: &mut Conn, id: &OutboxId) -> Result<Vec<Attempt>> {
    let rows = deliveries::table.filter(deliveries::outbox_id.eq(id)).order(deliveries::id);
    Ok(rows.select(columns::<Attempt>()).load(conn)?)
}

/// Pauses a channel, or keeps it paused; a pause that needs a receipt continues to need one.
pub(super) fn pause(conn: &mut Conn, pause: &Pause) -> Result<()> {
    let change = (paused_channels::reason.eq(&pause.reason), paused_channels::try_at.eq(pause.try_at));
    let strict = pause.needs_receipt.then(|| paused_channels::needs_receipt.eq(true));
    Both(
        insert_into(paused_channels::table)
            .values(pause)
            .on_conflict(paused_channels::channel)
            .do_update()
            .set((change, strict)),
    )
    .execute(conn)?;
    Ok(())
}

pub(super) fn pauses(conn: &mut Conn) -> Result<Vec<Pause>> {
    let rows = paused_channels::table.order(paused_channels::channel);
    Ok(rows.select(columns::<Pause>()).load(conn)?)
}

/// Takes a channel's trial, if it is due. `next` is the time of the next one, and the furthest
/// that any is set.
pub(super) fn take_trial(
    conn: &mut Conn,
    channel: Channel,
    now: Timestamp,
    next: Timestamp,
) -> Result<usize> {
    let due = paused_channels::try_at.le(now).or(paused_channels::try_at.gt(next));
    let row = paused_channels::table.find(channel).filter(due);
    Ok(update(row).set(paused_channels::try_at.eq(next)).execute(conn)?)
}

/// Resumes a channel whose trial went through, unless it needs a receipt.
pub(super) fn resume_by_trial(conn: &mut Conn, channel: Channel) -> Result<usize> {
    let row = paused_channels::table.find(channel).filter(paused_channels::needs_receipt.eq(false));
    Ok(diesel::delete(row).execute(conn)?)
}

/// Resumes a channel that waited for a receipt.
pub(super) fn resume_by_receipt(conn: &mut Conn, channel: Channel) -> Result<usize> {
    let row = paused_channels::table.find(channel).filter(paused_channels::needs_receipt.eq(true));
    Ok(diesel::delete(row).execute(conn)?)
}

pub(super) fn resume(conn: &mut Conn, channel: Channel) -> Result<usize> {
    Ok(diesel::delete(paused_channels::table.find(channel)).execute(conn)?)
}

/// Number of rows per state.
pub(super) fn count_by_state(conn: &mut Conn) -> Result<Vec<(State, i64)>> {
    Ok(outbox::table.group_by(outbox::state).select((outbox::state, count_star())).load(conn)?)
}

/// The newest rows in one state.
pub(super) fn in_state(conn: &mut Conn, state: State, limit: i64) -> Result<Vec<Job>> {
    let rows = outbox::table.filter(outbox::state.eq(state)).order(outbox::id.desc()).limit(limit);
    Ok(rows.select(columns::<Job>()).load(conn)?)
}

/// Queues a dead row again.
pub(super) fn requeue(conn: &mut Conn, id: &OutboxId, now: Timestamp) -> Result<usize> {
    let row = outbox::table.filter(outbox::id.eq(id)).filter(outbox::state.eq(State::Dead));
    let change = (
        outbox::state.eq(State::Queued),
        outbox::next_at.eq(now),
        outbox::attempts.eq(0),
        outbox::ambiguous.eq(0),
        outbox::settled_at.eq(None::<Timestamp>),
    );
    Ok(update(row).set(change).execute(conn)?)
}

/// Drops a row that is not being sent, and its address.
pub(super) fn discard(conn: &mut Conn, id: &OutboxId, now: Timestamp) -> Result<Option<Job>> {
    let row = outbox::table.find(id).filter(outbox::state.eq_any([State::Queued, State::Dead]));
    let change =
        (outbox::state.eq(State::Dropped), outbox::recipient.eq(None::<String>), outbox::settled_at.eq(now));
    Ok(update(row).set(change).returning(columns::<Job>()).get_result(conn).optional()?)
}

/// Erases the addresses of dead rows that are too late to be requeued.
pub(super) fn forget_addresses(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    let rows = outbox::table
        .filter(outbox::settled_at.is_not_null())
        .filter(outbox::not_after.lt(now))
        .filter(outbox::recipient.is_not_null());
    Ok(update(rows).set(outbox::recipient.eq(None::<String>)).execute(conn)?)
}

/// Deletes rows settled before `before`, their attempts first.
pub(super) fn delete_settled(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = outbox::table.filter(outbox::settled_at.lt(before)).select(outbox::id);
    let attempts = deliveries::table.filter(deliveries::outbox_id.eq_any(old));
    diesel::delete(attempts).execute(conn)?;
    let unreferenced =
        diesel::dsl::not(exists(deliveries::table.filter(deliveries::outbox_id.eq(outbox::id))));
    let rows = outbox::table.filter(outbox::settled_at.lt(before)).filter(unreferenced);
    Ok(diesel::delete(rows).execute(conn)?)
}
