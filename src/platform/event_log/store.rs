//! Queries on `events`, `event_chains`, `reaction_cursors` and `parked_events`.

use std::collections::HashMap;

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::{delete, insert_into, update};

use crate::kit::{AccountId, ConversationId, EventId, PracticeId, Timestamp};
use crate::platform::db::schema::{event_chains, events, parked_events, reaction_cursors};
use crate::platform::db::{
    Both, Cell, Conn, MultiBackend, OnConflict, Result, columns, few_rows, many_insert_into, many_update,
};

/// An event, as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Event {
    /// Id of the form `evt_…`; events of the first audit log have `aud_…`.
    pub id: EventId,
    /// The number in the log, from 1; `None` until the sequencer has seen it.
    pub seq: Option<i64>,
    pub at: Timestamp,
    /// The practice whose staff may know of it.
    pub practice_id: Option<PracticeId>,
    /// The account whose event streams show it.
    pub account_id: Option<AccountId>,
    /// An id, `operator` or `system`.
    pub actor: String,
    pub kind: String,
    /// The id of the object.
    pub subject: String,
    /// Ids and enumerated values, as JSON; never a name, number, address, tag or text of a patient.
    pub detail: String,
    pub conversation_id: Option<ConversationId>,
    /// The order among the events of its conversation.
    pub place: i32,
    /// The name of the chain; `None` for an event from before the chains.
    pub chain: Option<String>,
    /// The number within the chain, from 1.
    pub chain_seq: Option<i64>,
    /// SHA-256 over the previous hash and the fields above.
    pub chain_hash: Option<String>,
}

/// The last event of a chain.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = event_chains)]
pub(super) struct Head {
    pub chain: String,
    pub seq: i64,
    pub hash: String,
}

/// An event that a reaction failed at.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = parked_events)]
pub struct Parked {
    pub reaction: String,
    pub event_id: EventId,
    pub attempts: i32,
    /// The kind of the last error.
    pub error: String,
    pub failed_at: Timestamp,
    /// When it was given up; `None` while it is tried again.
    pub parked_at: Option<Timestamp>,
}

/// A filter on a practice's events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A kind, or its prefix before the dot: `link` for `link.created` and `link.changed`.
    pub kind: Option<String>,
    pub actor: Option<String>,
    /// The earliest time, inclusive.
    pub from: Option<Timestamp>,
    /// The latest time, exclusive.
    pub to: Option<Timestamp>,
    /// Kinds that are left out.
    pub without: Vec<&'static str>,
}

const INSERTED: [&str; 11] = [
    "id",
    "at",
    "practice_id",
    "account_id",
    "actor",
    "kind",
    "subject",
    "detail",
    "conversation_id",
    "place",
    "chain",
];

/// The statement that inserts events, which have no number yet.
pub(super) fn insertion(new: &[Event]) -> impl QueryFragment<MultiBackend> + use<> {
    let text = |text: &str| Cell::Text(Some(text.to_owned()));
    let cells = |event: &Event| {
        vec![
            text(event.id.as_str()),
            Cell::Number(event.at.millis()),
            Cell::Text(event.practice_id.as_ref().map(ToString::to_string)),
            Cell::Text(event.account_id.as_ref().map(ToString::to_string)),
            text(&event.actor),
            text(&event.kind),
            text(&event.subject),
            text(&event.detail),
            Cell::Text(event.conversation_id.as_ref().map(ToString::to_string)),
            Cell::Number(event.place.into()),
            Cell::Text(event.chain.clone()),
        ]
    };
    let rows: Vec<Vec<Cell>> = new.iter().map(cells).collect();
    few_rows(events::table, &INSERTED, rows)
}

/// Up to `limit` committed events without a number, oldest first.
pub(super) fn waiting(conn: &mut Conn, limit: i64) -> Result<Vec<Event>> {
    let rows = events::table.filter(events::seq.is_null()).order(events::id).limit(limit);
    Ok(rows.select(columns::<Event>()).load(conn)?)
}

/// Whether an event waits for its number.
pub(super) fn is_any_waiting(conn: &mut Conn) -> Result<bool> {
    let row = events::table.filter(events::seq.is_null()).select(events::id);
    Ok(row.first::<EventId>(conn).optional()?.is_some())
}

/// Whether an event waits for its number, or for one of the readers of these names.
pub(super) fn is_any_unread(conn: &mut Conn, names: &[&str]) -> Result<bool> {
    // In this order: an event that has its number by now is behind a cursor that is read afterwards.
    if is_any_waiting(conn)? {
        return Ok(true);
    }
    let known = reaction_cursors::table.filter(reaction_cursors::name.eq_any(names));
    let cursors: Vec<i64> = known.select(reaction_cursors::seq).load(conn)?;
    Ok(cursors.iter().min() != cursors.iter().max())
}

/// Counts the events without a number that are older than `before`.
pub(super) fn never_numbered(conn: &mut Conn, before: Timestamp) -> Result<i64> {
    let rows = events::table.filter(events::seq.is_null()).filter(events::at.lt(before));
    Ok(rows.count().get_result(conn)?)
}

/// How many events have no number yet.
pub(super) fn unnumbered(conn: &mut Conn) -> Result<i64> {
    Ok(events::table.filter(events::seq.is_null()).count().get_result(conn)?)
}

/// The moment of the event that has waited longest for its number.
pub(super) fn oldest_unnumbered(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let rows = events::table.filter(events::seq.is_null()).order(events::id);
    Ok(rows.select(events::at).first(conn).optional()?)
}

/// The moment of the event that was numbered last.
pub(super) fn last_moment(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let rows = events::table.filter(events::seq.is_not_null()).order(events::seq.desc());
    Ok(rows.select(events::at).first(conn).optional()?)
}

/// Writes number, place in the chain and hash of events.
pub(super) fn set_numbers(conn: &mut Conn, numbered: &[Event]) -> Result<()> {
    let cells = |event: &Event| {
        vec![
            Cell::Text(Some(event.id.to_string())),
            Cell::Number(event.seq.unwrap_or_default()),
            Cell::Number(event.chain_seq.unwrap_or_default()),
            Cell::Text(event.chain_hash.clone()),
        ]
    };
    let rows: Vec<Vec<Cell>> = numbered.iter().map(cells).collect();
    many_update(events::table, conn, &["id"], &["seq", "chain_seq", "chain_hash"], &rows).map(drop)
}

/// The heads of these chains, or of all.
pub(super) fn heads(conn: &mut Conn, chains: Option<&[&str]>) -> Result<Vec<Head>> {
    let mut heads = event_chains::table.order(event_chains::chain).select(columns::<Head>()).into_boxed();
    if let Some(chains) = chains {
        heads = heads.filter(event_chains::chain.eq_any(chains.iter().map(ToString::to_string)));
    }
    Ok(heads.load(conn)?)
}

pub(super) fn set_heads<'a>(conn: &mut Conn, heads: impl IntoIterator<Item = &'a Head>) -> Result<()> {
    let cells = |head: &Head| {
        vec![
            Cell::Text(Some(head.chain.clone())),
            Cell::Number(head.seq),
            Cell::Text(Some(head.hash.clone())),
        ]
    };
    let rows: Vec<Vec<Cell>> = heads.into_iter().map(cells).collect();
    let on_conflict = OnConflict { key: &["chain"], update: &["seq", "hash"] };
    many_insert_into(event_chains::table, conn, &["chain", "seq", "hash"], &rows, on_conflict)
}

/// The names of all chains that have events.
pub(super) fn chains(conn: &mut Conn) -> Result<Vec<String>> {
    let rows = events::table.filter(events::chain.is_not_null()).filter(events::chain_seq.is_not_null());
    let chains: Vec<Option<String>> = rows.select(events::chain).distinct().load(conn)?;
    Ok(chains.into_iter().flatten().collect())
}

/// Up to `limit` events of `chain` after the place `seq` and up to `last`.
pub(super) fn links(conn: &mut Conn, chain: &str, (seq, last): (i64, i64), limit: i64) -> Result<Vec<Event>> {
    let rows = events::table
        .filter(events::chain.eq(chain))
        .filter(events::chain_seq.gt(seq))
        .filter(events::chain_seq.le(last));
    Ok(rows.order(events::chain_seq).limit(limit).select(columns::<Event>()).load(conn)?)
}

/// The last place in a chain that an event has.
pub(super) fn last_place(conn: &mut Conn, chain: &str) -> Result<i64> {
    let rows = events::table.filter(events::chain.eq(chain));
    Ok(rows.select(max(events::chain_seq)).first::<Option<i64>>(conn)?.unwrap_or_default())
}

/// Counts the events from before the chains, and returns the time of the last one.
pub(super) fn unchained(
    conn: &mut Conn,
    practice_id: Option<&PracticeId>,
) -> Result<(i64, Option<Timestamp>)> {
    let mut rows = events::table.filter(events::chain.is_null()).into_boxed();
    if let Some(practice_id) = practice_id {
        rows = rows.filter(events::practice_id.eq(practice_id.to_owned()));
    }
    let (count, last): (i64, Option<i64>) = rows.select((count_star(), max(events::at))).first(conn)?;
    Ok((count, last.map(Timestamp::from_millis)))
}

/// How many events have a number, and the highest one.
pub(super) fn numbered(conn: &mut Conn) -> Result<(i64, i64)> {
    let rows = events::table.filter(events::seq.is_not_null());
    let (count, last): (i64, Option<i64>) = rows.select((count_star(), max(events::seq))).first(conn)?;
    Ok((count, last.unwrap_or_default()))
}

/// Up to `limit` numbered events after the number `seq`, in order.
pub(super) fn after(conn: &mut Conn, seq: i64, limit: i64) -> Result<Vec<Event>> {
    let rows = events::table.filter(events::seq.gt(seq)).order(events::seq).limit(limit);
    Ok(rows.select(columns::<Event>()).load(conn)?)
}

/// The events of these ids, in order.
pub(super) fn find(conn: &mut Conn, ids: &[EventId]) -> Result<Vec<Event>> {
    let rows = events::table.filter(events::id.eq_any(ids)).order(events::seq);
    Ok(rows.select(columns::<Event>()).load(conn)?)
}

/// Up to `limit` events of a practice or an account after the number `seq`, in order: only those of `kinds`.
pub fn next_after(
    conn: &mut Conn,
    (practice_id, account_id): (Option<&PracticeId>, Option<&AccountId>),
    kinds: &[&str],
    seq: i64,
    limit: i64,
) -> Result<Vec<Event>> {
    let mut rows = events::table.filter(events::seq.gt(seq)).into_boxed();
    if let Some(practice_id) = practice_id {
        rows = rows.filter(events::practice_id.eq(practice_id));
    }
    if let Some(account_id) = account_id {
        rows = rows.filter(events::account_id.eq(account_id));
    }
    let rows = rows.filter(events::kind.eq_any(kinds.iter().map(ToString::to_string)));
    Ok(rows.order(events::seq).limit(limit).select(columns::<Event>()).load(conn)?)
}

/// The number before the first event since `moment`.
pub fn start_of(conn: &mut Conn, moment: Timestamp) -> Result<i64> {
    let older = events::table.filter(events::seq.is_not_null()).filter(events::at.lt(moment));
    let last: Option<Option<i64>> =
        older.order(events::seq.desc()).select(events::seq).first(conn).optional()?;
    Ok(last.flatten().unwrap_or_default())
}

/// When the event with a number happened.
pub fn moment_of(conn: &mut Conn, seq: i64) -> Result<Option<Timestamp>> {
    Ok(events::table.filter(events::seq.eq(seq)).select(events::at).first(conn).optional()?)
}

/// The highest number; 0 before the first.
pub fn head(conn: &mut Conn) -> Result<i64> {
    let last: Option<i64> = events::table.select(max(events::seq)).first(conn)?;
    Ok(last.unwrap_or_default())
}

/// The position where a page of a practice's events starts, newest first.
pub(super) enum Before {
    /// Chained events with a number in the chain below this one.
    Number(i64),
    /// Events from before the chains with an id below this one; all of them if it is empty.
    Id(String),
}

/// Lists up to `limit` of a practice's events, newest first.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    filter: &Filter,
    before: Before,
    limit: i64,
) -> Result<Vec<Event>> {
    let practice_id = practice_id.to_owned();
    let mut rows = events::table.into_boxed();
    rows = match before {
        Before::Number(number) => rows
            .filter(events::chain.eq(practice_id.to_string()))
            .filter(events::chain_seq.lt(number))
            .order(events::chain_seq.desc()),
        Before::Id(id) => {
            rows = rows.filter(events::practice_id.eq(practice_id));
            if !id.is_empty() {
                rows = rows.filter(events::id.lt(id));
            }
            rows.filter(events::chain.is_null()).order(events::id.desc())
        }
    };
    if !filter.without.is_empty() {
        rows = rows.filter(events::kind.ne_all(filter.without.iter().map(ToString::to_string)));
    }
    if let Some(kind) = &filter.kind {
        // From `link.` up to `link/`, the character after the dot: the same matches as `link.%`.
        let (first, behind) = (format!("{kind}."), format!("{kind}/"));
        let below = events::kind.ge(first).and(events::kind.lt(behind));
        rows = rows.filter(events::kind.eq(kind.clone()).or(below));
    }
    if let Some(actor) = &filter.actor {
        rows = rows.filter(events::actor.eq(actor.clone()));
    }
    if let Some(from) = filter.from {
        rows = rows.filter(events::at.ge(from));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(events::at.lt(to));
    }
    Ok(rows.limit(limit).select(columns::<Event>()).load(conn)?)
}

/// How far the log is numbered and each reaction has read, by name.
pub(super) fn cursors(conn: &mut Conn) -> Result<HashMap<String, i64>> {
    let rows: Vec<(String, i64)> = reaction_cursors::table.load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Moves the cursors of these names, in one statement.
pub(super) fn move_cursors(conn: &mut Conn, moved: &[(&str, i64)]) -> Result<()> {
    let cells = |(name, seq): &(&str, i64)| vec![Cell::Text(Some((*name).to_owned())), Cell::Number(*seq)];
    let rows: Vec<Vec<Cell>> = moved.iter().map(cells).collect();
    let on_conflict = OnConflict { key: &["name"], update: &["seq"] };
    many_insert_into(reaction_cursors::table, conn, &["name", "seq"], &rows, on_conflict)
}

/// Counts a failure of a reaction at an event, and returns how many there were.
pub(super) fn count_failure(
    conn: &mut Conn,
    (reaction, event_id): (&str, &EventId),
    error: &str,
    now: Timestamp,
) -> Result<i32> {
    let row = (
        parked_events::reaction.eq(reaction),
        parked_events::event_id.eq(event_id),
        parked_events::attempts.eq(1),
        parked_events::error.eq(error),
        parked_events::failed_at.eq(now),
    );
    let again = (
        parked_events::attempts.eq(parked_events::attempts + 1),
        parked_events::error.eq(error),
        parked_events::failed_at.eq(now),
    );
    let key = (parked_events::reaction, parked_events::event_id);
    let upsert = insert_into(parked_events::table).values(row).on_conflict(key).do_update().set(again);
    Ok(Both(upsert.returning(parked_events::attempts)).get_result(conn)?)
}

pub(super) fn park(conn: &mut Conn, (reaction, event_id): (&str, &EventId), now: Timestamp) -> Result<usize> {
    let row = parked_events::table.find((reaction, event_id));
    Ok(update(row).set(parked_events::parked_at.eq(now)).execute(conn)?)
}

/// Forgets that a reaction failed at an event, because it has succeeded.
pub(super) fn unpark(conn: &mut Conn, reaction: &str, event_id: &EventId) -> Result<usize> {
    Ok(delete(parked_events::table.find((reaction, event_id))).execute(conn)?)
}

/// When a reaction failed at an event the last time that was counted.
pub(super) fn failed_at(
    conn: &mut Conn,
    (reaction, event_id): (&str, &EventId),
) -> Result<Option<Timestamp>> {
    let row = parked_events::table.find((reaction, event_id)).select(parked_events::failed_at);
    Ok(row.first(conn).optional()?)
}

/// Forgets all failures that a reaction has overcome.
pub(super) fn forget_failures(conn: &mut Conn, reaction: &str) -> Result<usize> {
    let rows = parked_events::table.filter(parked_events::reaction.eq(reaction));
    Ok(delete(rows.filter(parked_events::parked_at.is_null())).execute(conn)?)
}

/// Takes an event that a reaction has given up on; 0 if it has not, or is about to try again by itself.
pub(super) fn take_parked(conn: &mut Conn, reaction: &str, event_id: &EventId) -> Result<usize> {
    let row = parked_events::table.find((reaction, event_id)).filter(parked_events::parked_at.is_not_null());
    Ok(delete(row).execute(conn)?)
}

/// The events that reactions failed at, oldest first: the given-up ones, and those that are tried again.
pub(super) fn parked(conn: &mut Conn) -> Result<Vec<Parked>> {
    let rows = parked_events::table.order((parked_events::failed_at, parked_events::event_id));
    Ok(rows.select(columns::<Parked>()).load(conn)?)
}

/// The moment of the event after the number `seq`.
pub(super) fn moment_after(conn: &mut Conn, seq: i64) -> Result<Option<Timestamp>> {
    let row = events::table.filter(events::seq.gt(seq)).order(events::seq);
    Ok(row.select(events::at).first(conn).optional()?)
}
