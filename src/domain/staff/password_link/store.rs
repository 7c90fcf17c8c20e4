//! Queries on `staff_letters`.

use diesel::prelude::*;
use diesel::{delete, insert_into, update};

use super::Purpose;
use crate::kit::{StaffId, Timestamp};
use crate::platform::db::schema::staff_letters;
use crate::platform::db::{Conn, Result};

pub(super) fn insert(
    conn: &mut Conn,
    hash: &str,
    staff_id: &StaffId,
    purpose: Purpose,
    now: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let row = (
        staff_letters::hash.eq(hash),
        staff_letters::staff_id.eq(staff_id),
        staff_letters::purpose.eq(purpose),
        staff_letters::created_at.eq(now),
        staff_letters::expires_at.eq(ends),
    );
    insert_into(staff_letters::table).values(row).execute(conn)?;
    Ok(())
}

/// Returns the staff member of a link that is unused and not expired.
pub(super) fn find_live(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<StaffId>> {
    let row = staff_letters::table
        .find(hash)
        .filter(staff_letters::used_at.is_null())
        .filter(staff_letters::expires_at.gt(now));
    Ok(row.select(staff_letters::staff_id).first(conn).optional()?)
}

/// Uses a link, once; returns its staff member and purpose.
pub(super) fn take(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<(StaffId, Purpose)>> {
    let row = staff_letters::table
        .filter(staff_letters::hash.eq(hash))
        .filter(staff_letters::used_at.is_null())
        .filter(staff_letters::expires_at.gt(now));
    let update = update(row)
        .set(staff_letters::used_at.eq(now))
        .returning((staff_letters::staff_id, staff_letters::purpose));
    Ok(update.get_result(conn).optional()?)
}

/// Returns whether a staff member has an unused link created after `since`.
pub(super) fn has_since(conn: &mut Conn, staff_id: &StaffId, since: Timestamp) -> Result<bool> {
    let rows = staff_letters::table
        .filter(staff_letters::staff_id.eq(staff_id))
        .filter(staff_letters::used_at.is_null())
        .filter(staff_letters::created_at.gt(since));
    Ok(rows.count().get_result::<i64>(conn)? > 0)
}

/// Invalidates every unused link of a staff member.
pub(super) fn use_all(conn: &mut Conn, staff_id: &StaffId, now: Timestamp) -> Result<usize> {
    let rows = staff_letters::table
        .filter(staff_letters::staff_id.eq(staff_id))
        .filter(staff_letters::used_at.is_null());
    Ok(update(rows).set(staff_letters::used_at.eq(now)).execute(conn)?)
}

pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(staff_letters::table.filter(staff_letters::expires_at.lt(now))).execute(conn)?)
}
