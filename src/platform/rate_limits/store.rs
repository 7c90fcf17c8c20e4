//! Queries on `budgets`, the table of rate limits.

use diesel::insert_into;
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::kit::Timestamp;
use crate::platform::db::schema::budgets;
use crate::platform::db::{Both, Conn, Result};

/// The hits of `key`. Its row is inserted if it does not exist, and locked until the transaction ends.
pub(super) fn lock(conn: &mut Conn, key: &str) -> Result<String> {
    let row = (budgets::key.eq(key), budgets::hits.eq("[]"), budgets::expires_at.eq(0));
    let upsert = insert_into(budgets::table)
        .values(row)
        .on_conflict(budgets::key)
        .do_update()
        .set(budgets::key.eq(excluded(budgets::key)))
        .returning(budgets::hits);
    Ok(Both(upsert).get_result(conn)?)
}

/// Replaces the hits by `new` if they are still `old`; otherwise 0.
pub(super) fn replace(
    conn: &mut Conn,
    key: &str,
    old: &str,
    new: &str,
    expires_at: Timestamp,
) -> Result<usize> {
    let row = budgets::table.find(key).filter(budgets::hits.eq(old));
    let change = (budgets::hits.eq(new), budgets::expires_at.eq(expires_at));
    Ok(diesel::update(row).set(change).execute(conn)?)
}

/// The hits of `key`, without a lock.
pub(super) fn find(conn: &mut Conn, key: &str) -> Result<Option<String>> {
    Ok(budgets::table.find(key).select(budgets::hits).first(conn).optional()?)
}

pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(budgets::table.filter(budgets::expires_at.lt(now))).execute(conn)?)
}
