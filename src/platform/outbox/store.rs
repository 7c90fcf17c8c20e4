//! Queries on `outbox`, `deliveries` and `paused_channels`.

use diesel::dsl::{case_when, count_star, exists};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{insert_into, update};

use super::queue_query::{DueRows, LeaseDue, LookAtQueue};
use super::row::{ChannelState, Claim, Finished, Job, Room, Settlement, State};
use super::{Channel, Message, Receipt};
use crate::kit::{DeliveryId, OutboxId, Timestamp};
use crate::platform::db::schema::{deliveries, outbox, paused_channels};
use crate::platform::db::{Both, Cell, Conn, Locked, Result, columns, many_insert_into, many_update};

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
        outbox::scheduled_at.eq(now),
        outbox::priority.eq(message.priority as i32),
    );
    Ok(Both(insert_into(outbox::table).values(row).on_conflict(outbox::dedupe_key).do_nothing())
        .execute(conn)?)
}

/// Looks at the rows of `topics` in each channel; see [`LookAtQueue`].
pub(super) fn look(
    conn: &mut Conn,
    channels: &[Channel],
    topics: &[&'static str],
) -> Result<(Vec<ChannelState>, Option<Timestamp>)> {
    let rows: Vec<(String, Option<Timestamp>, Option<Timestamp>)> =
        LookAtQueue { channels, topics }.load(conn)?;
    let scheduled_at = rows.iter().find(|row| row.0.is_empty()).and_then(|row| row.1);
    let state = |(name, next_at, try_at): (String, _, _)| {
        name.parse().ok().map(|channel| ChannelState { channel, next_at, try_at })
    };
    Ok((rows.into_iter().filter_map(state).collect(), scheduled_at))
}

/// Makes rows due at `now` that were scheduled after `latest`; leases of such rows end at `lease_end`.
pub(super) fn reschedule_future(
    conn: &mut Conn,
    latest: Timestamp,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<usize> {
    let rows = outbox::table.filter(outbox::settled_at.is_null()).filter(outbox::scheduled_at.gt(latest));
    let next_at = case_when::<_, _, BigInt>(outbox::state.eq(State::Leased), lease_end).otherwise(now);
    Ok(update(rows).set((outbox::next_at.eq(next_at), outbox::scheduled_at.eq(now))).execute(conn)?)
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

/// Leases due rows of `rooms`. On PostgreSQL rows that another instance is claiming are skipped.
pub(super) fn lease(
    conn: &mut Conn,
    rooms: &[Room],
    topics: &[&'static str],
    token: &DeliveryId,
    now: Timestamp,
) -> Result<Vec<Job>> {
    let due = |room: &Room| {
        let Room { channel, rows, bulk, is_trial } = *room;
        let part =
            |are_bulk, limit: u32| DueRows { channel, are_bulk, limit: limit.into(), is_trial, topics, now };
        [part(false, rows), part(true, bulk)]
    };
    Ok(LeaseDue::new(rooms.iter().map(due).collect(), token, now).load(conn)?)
}

/// Records that attempts have started.
pub(super) fn insert_attempts(conn: &mut Conn, claims: &[Claim], now: Timestamp) -> Result<()> {
    let row = |claim: &Claim| {
        let (attempt, job) = (text(claim.attempt.as_str()), &claim.job);
        let number = Cell::Number(job.attempts.into());
        vec![attempt, text(job.id.as_str()), number, Cell::Number(now.millis())]
    };
    let rows: Vec<_> = claims.iter().map(row).collect();
    let columns = &["id", "outbox_id", "attempt", "started_at"];
    many_insert_into(deliveries::table, conn, columns, &rows, None)
}

/// Settles rows whose lease is still ours, and returns their ids.
pub(super) fn settle(
    conn: &mut Conn,
    rows: &[(&Finished, Settlement)],
    now: Timestamp,
) -> Result<Vec<String>> {
    const COLUMNS: [&str; 9] = [
        "state",
        "next_at",
        "last_error",
        "settled_at",
        "ambiguous",
        "attempts",
        "recipient",
        "lease_token",
        "scheduled_at",
    ];
    let row = |(Finished { claim, .. }, change): &(&Finished, Settlement)| {
        vec![
            text(claim.job.id.as_str()),
            text(claim.lease.as_str()),
            text(change.state.as_str()),
            Cell::Number(change.next_at.millis()),
            Cell::Text(change.last_error.clone()),
            Cell::NullableNumber(change.settled_at.map(Timestamp::millis)),
            Cell::Number(change.ambiguous.into()),
            Cell::Number(change.attempts.into()),
            Cell::Text(claim.job.recipient.clone().filter(|_| change.keeps_address())),
            Cell::Text(None),
            Cell::Number(now.millis()),
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    many_update(outbox::table, conn, &["id", "lease_token"], &COLUMNS, &rows)
}

/// Records how attempts ended.
pub(super) fn finish_attempts<'a>(
    conn: &mut Conn,
    finished: impl Iterator<Item = &'a Finished>,
    now: Timestamp,
) -> Result<()> {
    let row = |Finished { claim, result }: &Finished| {
        let provider = Some(result.provider).filter(|name| !name.is_empty());
        vec![
            text(claim.attempt.as_str()),
            text(result.outcome.label()),
            Cell::Text(provider.map(str::to_owned)),
            Cell::Text(result.reference.clone()),
            Cell::Number(now.millis()),
        ]
    };
    let rows: Vec<_> = finished.map(row).collect();
    let columns = &["outcome", "provider", "reference", "finished_at"];
    many_update(deliveries::table, conn, &["id"], columns, &rows).map(drop)
}

fn text(value: &str) -> Cell {
    Cell::Text(Some(value.to_owned()))
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
        outbox::scheduled_at.eq(now),
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
