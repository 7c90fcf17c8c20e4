//! Queries on `audit_events` and `audit_heads`.

use diesel::prelude::*;
use diesel::{insert_into, update};

use crate::kit::{AuditEventId, PracticeId, Timestamp};
use crate::platform::db::schema::{audit_events, audit_heads};
use crate::platform::db::{Both, Conn, Result, columns};

#[derive(Debug, Clone, Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Row {
    /// Prefixed `aud_`, followed by a UUID.
    pub id: AuditEventId,
    pub practice_id: Option<PracticeId>,
    pub actor: String,
    pub action: String,
    /// The id of the object.
    pub subject: String,
    /// Further facts, as JSON.
    pub detail: String,
    pub created_at: Timestamp,
    /// The name of the chain; `None` for a row from before the chains.
    pub chain: Option<String>,
    /// The number within the chain, from 1.
    pub seq: Option<i64>,
    /// SHA-256 over the previous hash and all fields above.
    pub hash: Option<String>,
}

/// The last row of a chain.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_heads)]
pub(super) struct Head {
    pub chain: String,
    pub seq: i64,
    pub hash: String,
}

/// A filter on a practice's events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// An action, or its prefix before the dot: `link` for `link.created` and `link.changed`.
    pub action: Option<String>,
    pub actor: Option<String>,
    /// The earliest time, inclusive.
    pub from: Option<Timestamp>,
    /// The latest time, exclusive.
    pub to: Option<Timestamp>,
}

pub(super) fn insert(conn: &mut Conn, row: &Row) -> Result<()> {
    insert_into(audit_events::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Locks the head of `chain` until the commit and reserves `count` numbers; returns the previous hash.
pub(super) fn take_head(conn: &mut Conn, chain: &str, count: i64) -> Result<Head> {
    let row = (audit_heads::chain.eq(chain), audit_heads::seq.eq(count), audit_heads::hash.eq(""));
    let taken = insert_into(audit_heads::table)
        .values(row)
        .on_conflict(audit_heads::chain)
        .do_update()
        .set(audit_heads::seq.eq(audit_heads::seq + count))
        .returning(columns::<Head>());
    Ok(Both(taken).get_result(conn)?)
}

/// Stores the hash of the last row.
pub(super) fn set_head(conn: &mut Conn, chain: &str, hash: &str) -> Result<()> {
    update(audit_heads::table.find(chain)).set(audit_heads::hash.eq(hash)).execute(conn)?;
    Ok(())
}

/// Returns the heads of all chains, or of one.
pub(super) fn heads(conn: &mut Conn, chain: Option<&str>) -> Result<Vec<Head>> {
    let mut heads = audit_heads::table.order(audit_heads::chain).select(columns::<Head>()).into_boxed();
    if let Some(chain) = chain {
        heads = heads.filter(audit_heads::chain.eq(chain.to_owned()));
    }
    Ok(heads.load(conn)?)
}

/// Returns the names of all chains that have rows.
pub(super) fn chains(conn: &mut Conn) -> Result<Vec<String>> {
    let rows = audit_events::table.filter(audit_events::chain.is_not_null());
    let chains: Vec<Option<String>> = rows.select(audit_events::chain).distinct().load(conn)?;
    Ok(chains.into_iter().flatten().collect())
}

/// Returns up to `limit` rows of `chain` after number `seq` and up to `last`.
pub(super) fn links(conn: &mut Conn, chain: &str, (seq, last): (i64, i64), limit: i64) -> Result<Vec<Row>> {
    let rows = audit_events::table
        .filter(audit_events::chain.eq(chain))
        .filter(audit_events::seq.gt(seq))
        .filter(audit_events::seq.le(last));
    Ok(rows.order(audit_events::seq).limit(limit).select(columns::<Row>()).load(conn)?)
}

/// Counts the rows without a chain, and returns the time of the last one.
pub(super) fn unchained(
    conn: &mut Conn,
    practice_id: Option<&PracticeId>,
) -> Result<(i64, Option<Timestamp>)> {
    let mut rows = audit_events::table.filter(audit_events::chain.is_null()).into_boxed();
    if let Some(practice_id) = practice_id {
        rows = rows.filter(audit_events::practice_id.eq(practice_id.to_owned()));
    }
    let seen = (diesel::dsl::count_star(), diesel::dsl::max(audit_events::created_at));
    let (count, last): (i64, Option<i64>) = rows.select(seen).first(conn)?;
    Ok((count, last.map(Timestamp::from_millis)))
}

/// The position where a page of a practice's events starts, newest first.
pub(super) enum Before {
    /// Chained rows with a number below this one.
    Number(i64),
    /// Rows from before the chains with an id below this one; all of them if it is empty.
    Id(String),
}

/// Lists up to `limit` of a practice's events, newest first.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    filter: &Filter,
    before: Before,
    limit: i64,
) -> Result<Vec<Row>> {
    let practice_id = practice_id.to_owned();
    let mut rows = audit_events::table.into_boxed();
    rows = match before {
        Before::Number(number) => rows
            .filter(audit_events::chain.eq(practice_id))
            .filter(audit_events::seq.lt(number))
            .order(audit_events::seq.desc()),
        Before::Id(id) => {
            rows = rows.filter(audit_events::practice_id.eq(practice_id));
            if !id.is_empty() {
                rows = rows.filter(audit_events::id.lt(id));
            }
            rows.filter(audit_events::chain.is_null()).order(audit_events::id.desc())
        }
    };
    if let Some(action) = &filter.action {
        // From `link.` up to `link/`, the character after the dot: the same matches as `link.%`, but an
        // index can serve it.
        let (first, behind) = (format!("{action}."), format!("{action}/"));
        let below = audit_events::action.ge(first).and(audit_events::action.lt(behind));
        rows = rows.filter(audit_events::action.eq(action.clone()).or(below));
    }
    if let Some(actor) = &filter.actor {
        rows = rows.filter(audit_events::actor.eq(actor.clone()));
    }
    if let Some(from) = filter.from {
        rows = rows.filter(audit_events::created_at.ge(from));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(audit_events::created_at.lt(to));
    }
    Ok(rows.limit(limit).select(columns::<Row>()).load(conn)?)
}
