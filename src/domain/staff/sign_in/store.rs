//! Queries on `staff_challenges`, `staff_recovery_codes` and `staff_throttles`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into, update};

use crate::kit::{StaffId, Timestamp};
use crate::platform::db::schema::{staff_challenges, staff_recovery_codes, staff_throttles};
use crate::platform::db::{Both, Conn, Result, columns};

/// A sign-in that still needs its second factor.
#[derive(Queryable, Selectable)]
#[diesel(table_name = staff_challenges)]
pub(super) struct Challenge {
    pub staff_id: StaffId,
    /// The second factor that is being set up, sealed.
    pub new_secret: Option<String>,
}

pub(super) fn insert_challenge(
    conn: &mut Conn,
    hash: &str,
    challenge: &Challenge,
    now: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let row = (
        staff_challenges::hash.eq(hash),
        staff_challenges::staff_id.eq(&challenge.staff_id),
        staff_challenges::new_secret.eq(&challenge.new_secret),
        staff_challenges::attempts.eq(0),
        staff_challenges::created_at.eq(now),
        staff_challenges::expires_at.eq(ends),
    );
    insert_into(staff_challenges::table).values(row).execute(conn)?;
    Ok(())
}

/// Uses one of the `most` attempts of an open challenge; its row stays locked until the transaction ends.
pub(super) fn take_attempt(
    conn: &mut Conn,
    hash: &str,
    most: i32,
    now: Timestamp,
) -> Result<Option<Challenge>> {
    let row = staff_challenges::table
        .filter(staff_challenges::hash.eq(hash))
        .filter(staff_challenges::used_at.is_null())
        .filter(staff_challenges::expires_at.gt(now))
        .filter(staff_challenges::attempts.lt(most));
    let update = update(row)
        .set(staff_challenges::attempts.eq(staff_challenges::attempts + 1))
        .returning(columns::<Challenge>());
    Ok(update.get_result(conn).optional()?)
}

pub(super) fn use_challenge(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<usize> {
    let row = staff_challenges::table
        .filter(staff_challenges::hash.eq(hash))
        .filter(staff_challenges::used_at.is_null());
    Ok(update(row).set(staff_challenges::used_at.eq(now)).execute(conn)?)
}

/// Invalidates every open challenge of a staff member.
pub(super) fn use_challenges_of(conn: &mut Conn, staff_id: &StaffId, now: Timestamp) -> Result<usize> {
    let rows = staff_challenges::table
        .filter(staff_challenges::staff_id.eq(staff_id))
        .filter(staff_challenges::used_at.is_null());
    Ok(update(rows).set(staff_challenges::used_at.eq(now)).execute(conn)?)
}

pub(super) fn delete_challenges(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(staff_challenges::table.filter(staff_challenges::expires_at.lt(now))).execute(conn)?)
}

pub(super) fn insert_recovery_code(
    conn: &mut Conn,
    hash: &str,
    staff_id: &StaffId,
    now: Timestamp,
) -> Result<()> {
    let row = (
        staff_recovery_codes::hash.eq(hash),
        staff_recovery_codes::staff_id.eq(staff_id),
        staff_recovery_codes::created_at.eq(now),
    );
    insert_into(staff_recovery_codes::table).values(row).execute(conn)?;
    Ok(())
}

/// Uses a recovery code, once.
pub(super) fn use_recovery_code(
    conn: &mut Conn,
    hash: &str,
    staff_id: &StaffId,
    now: Timestamp,
) -> Result<bool> {
    let row = staff_recovery_codes::table
        .filter(staff_recovery_codes::hash.eq(hash))
        .filter(staff_recovery_codes::staff_id.eq(staff_id))
        .filter(staff_recovery_codes::used_at.is_null());
    Ok(update(row).set(staff_recovery_codes::used_at.eq(now)).execute(conn)? == 1)
}

/// Returns the number of unused recovery codes of a staff member.
pub(super) fn recovery_codes_left(conn: &mut Conn, staff_id: &StaffId) -> Result<i64> {
    let rows = staff_recovery_codes::table
        .filter(staff_recovery_codes::staff_id.eq(staff_id))
        .filter(staff_recovery_codes::used_at.is_null());
    Ok(rows.count().get_result(conn)?)
}

pub(super) fn delete_recovery_codes(conn: &mut Conn, staff_id: &StaffId) -> Result<usize> {
    let rows = staff_recovery_codes::table.filter(staff_recovery_codes::staff_id.eq(staff_id));
    Ok(delete(rows).execute(conn)?)
}

/// A rate-limit count: the failures under one key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = staff_throttles)]
pub(super) struct Count {
    /// Number of consecutive failures.
    pub fails: i32,
    /// The earliest time of the next attempt.
    pub next_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Reads the count of `key` without locking it.
pub(super) fn find_count(conn: &mut Conn, key: &str) -> Result<Option<Count>> {
    Ok(staff_throttles::table.find(key).select(columns::<Count>()).first(conn).optional()?)
}

/// Locks the row of `key` until the transaction ends, and creates it if missing.
pub(super) fn lock_count(conn: &mut Conn, key: &str) -> Result<Count> {
    let row = (
        staff_throttles::key.eq(key),
        staff_throttles::fails.eq(0),
        staff_throttles::next_at.eq(0),
        staff_throttles::expires_at.eq(0),
    );
    let upsert = insert_into(staff_throttles::table)
        .values(row)
        .on_conflict(staff_throttles::key)
        .do_update()
        .set(staff_throttles::key.eq(excluded(staff_throttles::key)))
        .returning(columns::<Count>());
    Ok(Both(upsert).get_result(conn)?)
}

/// Writes the count of `key`, whose row must be locked.
pub(super) fn write_count(
    conn: &mut Conn,
    key: &str,
    fails: i32,
    next_at: Timestamp,
    expires_at: Timestamp,
) -> Result<usize> {
    let change = (
        staff_throttles::fails.eq(fails),
        staff_throttles::next_at.eq(next_at),
        staff_throttles::expires_at.eq(expires_at),
    );
    Ok(update(staff_throttles::table.find(key)).set(change).execute(conn)?)
}

pub(super) fn delete_count(conn: &mut Conn, key: &str) -> Result<usize> {
    Ok(delete(staff_throttles::table.find(key)).execute(conn)?)
}

pub(super) fn delete_counts(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(staff_throttles::table.filter(staff_throttles::expires_at.lt(now))).execute(conn)?)
}
