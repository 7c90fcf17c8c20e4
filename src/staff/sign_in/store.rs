//! The rows of `staff_challenges`, `staff_recovery_codes` and `staff_throttles`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into, update};

use crate::db::schema::{staff_challenges, staff_recovery_codes, staff_throttles};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

/// A sign-in between its two factors.
#[derive(Queryable, Selectable)]
#[diesel(table_name = staff_challenges)]
pub struct Challenge {
    /// Whose it is.
    pub staff_id: String,
    /// The second factor that is being set up, sealed.
    pub new_secret: Option<String>,
}

/// Makes a challenge.
pub fn insert_challenge(
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

/// Takes one of the `most` attempts of a challenge that is open; its row is held until the transaction ends.
pub fn take_attempt(conn: &mut Conn, hash: &str, most: i32, now: Timestamp) -> Result<Option<Challenge>> {
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

/// Uses a challenge up.
pub fn use_challenge(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<usize> {
    let row = staff_challenges::table
        .filter(staff_challenges::hash.eq(hash))
        .filter(staff_challenges::used_at.is_null());
    Ok(update(row).set(staff_challenges::used_at.eq(now)).execute(conn)?)
}

/// Uses up every challenge of a staff member.
pub fn use_challenges_of(conn: &mut Conn, staff_id: &str, now: Timestamp) -> Result<usize> {
    let rows = staff_challenges::table
        .filter(staff_challenges::staff_id.eq(staff_id))
        .filter(staff_challenges::used_at.is_null());
    Ok(update(rows).set(staff_challenges::used_at.eq(now)).execute(conn)?)
}

/// Deletes challenges that expired before `now`.
pub fn delete_challenges(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(staff_challenges::table.filter(staff_challenges::expires_at.lt(now))).execute(conn)?)
}

/// Keeps a recovery code.
pub fn insert_recovery_code(conn: &mut Conn, hash: &str, staff_id: &str, now: Timestamp) -> Result<()> {
    let row = (
        staff_recovery_codes::hash.eq(hash),
        staff_recovery_codes::staff_id.eq(staff_id),
        staff_recovery_codes::created_at.eq(now),
    );
    insert_into(staff_recovery_codes::table).values(row).execute(conn)?;
    Ok(())
}

/// Uses a recovery code, once.
pub fn use_recovery_code(conn: &mut Conn, hash: &str, staff_id: &str, now: Timestamp) -> Result<bool> {
    let row = staff_recovery_codes::table
        .filter(staff_recovery_codes::hash.eq(hash))
        .filter(staff_recovery_codes::staff_id.eq(staff_id))
        .filter(staff_recovery_codes::used_at.is_null());
    Ok(update(row).set(staff_recovery_codes::used_at.eq(now)).execute(conn)? == 1)
}

/// How many recovery codes a staff member has left.
pub fn recovery_codes_left(conn: &mut Conn, staff_id: &str) -> Result<i64> {
    let rows = staff_recovery_codes::table
        .filter(staff_recovery_codes::staff_id.eq(staff_id))
        .filter(staff_recovery_codes::used_at.is_null());
    Ok(rows.count().get_result(conn)?)
}

/// Deletes the recovery codes of a staff member.
pub fn delete_recovery_codes(conn: &mut Conn, staff_id: &str) -> Result<usize> {
    let rows = staff_recovery_codes::table.filter(staff_recovery_codes::staff_id.eq(staff_id));
    Ok(delete(rows).execute(conn)?)
}

/// Failures under one key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = staff_throttles)]
pub struct Count {
    /// How many in a row.
    pub fails: i32,
    /// When the next try is taken.
    pub next_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// The count of `key`, unlocked.
pub fn find_count(conn: &mut Conn, key: &str) -> Result<Option<Count>> {
    Ok(staff_throttles::table.find(key).select(columns::<Count>()).first(conn).optional()?)
}

/// The count of `key`, its row locked (and made, where there was none) until the transaction ends.
pub fn lock_count(conn: &mut Conn, key: &str) -> Result<Count> {
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

/// Writes the count of `key`, which is locked.
pub fn write_count(
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

/// Forgets the count of `key`.
pub fn delete_count(conn: &mut Conn, key: &str) -> Result<usize> {
    Ok(delete(staff_throttles::table.find(key)).execute(conn)?)
}

/// Deletes counts that expired before `now`.
pub fn delete_counts(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(staff_throttles::table.filter(staff_throttles::expires_at.lt(now))).execute(conn)?)
}
