//! Queries on `budgets`, the table of rate limits.

use diesel::insert_into;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::{Integer, Text};
use diesel::upsert::excluded;

use super::window::{DIGITS, Guard};
use crate::kit::Timestamp;
use crate::platform::db::schema::budgets;
use crate::platform::db::{Both, Conn, Result};

#[diesel::declare_sql_function]
extern "SQL" {
    fn substr(text: Text, start: Integer, length: Integer) -> Text;
}

/// A hit to count in one log, if its windows have room.
pub(super) struct Hit<'a> {
    pub key: &'a str,
    pub at: &'a str,
    /// How much of the log is kept.
    pub length: i32,
    pub guards: &'a [Guard; 3],
    pub expires_at: Timestamp,
}

/// Counts a hit where every window has room, in one statement: the row is locked from then on. `None` if one
/// has not, or if the log is a text that only [`swap`] replaces.
pub(super) fn count(conn: &mut Conn, hit: &Hit<'_>) -> Result<Option<String>> {
    let [a, b, c] = hit.guards;
    let is_left = |guard: &Guard| substr(budgets::hits, guard.place, DIGITS).le(guard.left.clone());
    let row = (budgets::key.eq(hit.key), budgets::hits.eq(hit.at), budgets::expires_at.eq(hit.expires_at));
    let log = excluded(budgets::hits).concat(",").concat(budgets::hits);
    let upsert = insert_into(budgets::table).values(row).on_conflict(budgets::key).do_update().set((
        budgets::hits.eq(substr(log, 1, hit.length)),
        budgets::expires_at.eq(excluded(budgets::expires_at)),
    ));
    let is_log = budgets::hits.not_like("[%");
    let upsert = FilterDsl::filter(upsert, is_left(a).and(is_left(b)).and(is_left(c)).and(is_log));
    Ok(Both(upsert.returning(budgets::hits)).get_result(conn).optional()?)
}

/// Takes the latest hit of a log away again.
pub(super) fn take_back(conn: &mut Conn, key: &str) -> Result<usize> {
    let rest = substr(budgets::hits, DIGITS + 2, i32::MAX);
    Ok(diesel::update(budgets::table.find(key)).set(budgets::hits.eq(rest)).execute(conn)?)
}

/// Replaces the hits of `key` by `new` if they are still `old`, where `None` is a row that does not exist;
/// otherwise 0, and the row is locked.
pub(super) fn swap(
    conn: &mut Conn,
    key: &str,
    old: Option<&str>,
    new: &str,
    expires_at: Timestamp,
) -> Result<usize> {
    let row = (budgets::key.eq(key), budgets::hits.eq(new), budgets::expires_at.eq(expires_at));
    let upsert = insert_into(budgets::table).values(row).on_conflict(budgets::key).do_update().set((
        budgets::hits.eq(excluded(budgets::hits)),
        budgets::expires_at.eq(excluded(budgets::expires_at)),
    ));
    // No log is empty, so an empty text is equal to none.
    let upsert = FilterDsl::filter(upsert, budgets::hits.eq(old.unwrap_or_default()));
    Ok(Both(upsert).execute(conn)?)
}

/// The hits of `key`, without a lock.
pub(super) fn find(conn: &mut Conn, key: &str) -> Result<Option<String>> {
    Ok(QueryDsl::select(budgets::table.find(key), budgets::hits).first(conn).optional()?)
}

pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(FilterDsl::filter(budgets::table, budgets::expires_at.lt(now))).execute(conn)?)
}
