//! Queries on `staff_sessions` and `staff_tokens`.

use diesel::prelude::*;
use diesel::{delete, insert_into, update};

use super::Kind;
use crate::kit::{StaffId, StaffSessionId, Timestamp};
use crate::platform::db::schema::{staff_sessions, staff_tokens};
use crate::platform::db::{Conn, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = staff_sessions)]
pub struct Session {
    /// Prefixed `sts_`, followed by a UUID.
    pub id: StaffSessionId,
    pub staff_id: StaffId,
    pub kind: Kind,
    /// Browser and operating system, from the `User-Agent`.
    pub label: String,
    pub created_at: Timestamp,
    /// Accurate to a few minutes.
    pub last_seen_at: Timestamp,
    /// The maximum lifetime; an idle browser session ends earlier.
    pub expires_at: Timestamp,
}

impl Session {
    pub fn new(
        id: StaffSessionId,
        staff_id: &StaffId,
        kind: Kind,
        label: String,
        now: Timestamp,
        ends: Timestamp,
    ) -> Self {
        let staff_id = staff_id.to_owned();
        Self { id, staff_id, kind, label, created_at: now, last_seen_at: now, expires_at: ends }
    }
}

pub(super) fn insert(conn: &mut Conn, new: &Session) -> Result<()> {
    let row = (
        staff_sessions::id.eq(&new.id),
        staff_sessions::staff_id.eq(&new.staff_id),
        staff_sessions::kind.eq(new.kind),
        staff_sessions::label.eq(&new.label),
        staff_sessions::created_at.eq(new.created_at),
        staff_sessions::last_seen_at.eq(new.last_seen_at),
        staff_sessions::expires_at.eq(new.expires_at),
    );
    insert_into(staff_sessions::table).values(row).execute(conn)?;
    Ok(())
}

/// Finds the session `id` unless it is revoked or expired.
pub(super) fn find_live(conn: &mut Conn, id: &StaffSessionId, now: Timestamp) -> Result<Option<Session>> {
    let row = staff_sessions::table
        .find(id)
        .filter(staff_sessions::revoked_at.is_null())
        .filter(staff_sessions::expires_at.gt(now));
    Ok(row.select(columns::<Session>()).first(conn).optional()?)
}

/// Lists the active sessions of a staff member, most recently used first.
pub(super) fn live_of(conn: &mut Conn, staff_id: &StaffId, now: Timestamp) -> Result<Vec<Session>> {
    let rows = staff_sessions::table
        .filter(staff_sessions::staff_id.eq(staff_id))
        .filter(staff_sessions::revoked_at.is_null())
        .filter(staff_sessions::expires_at.gt(now));
    let rows = rows.order((staff_sessions::last_seen_at.desc(), staff_sessions::id.desc()));
    Ok(rows.select(columns::<Session>()).load(conn)?)
}

/// Records the use of a session, unless a use after `since` is already recorded.
pub(super) fn record_use(
    conn: &mut Conn,
    id: &StaffSessionId,
    since: Timestamp,
    now: Timestamp,
) -> Result<usize> {
    let row = staff_sessions::table
        .filter(staff_sessions::id.eq(id))
        .filter(staff_sessions::last_seen_at.le(since));
    Ok(update(row).set(staff_sessions::last_seen_at.eq(now)).execute(conn)?)
}

/// Ends a session, regardless of its owner.
pub(super) fn revoke(conn: &mut Conn, id: &StaffSessionId, now: Timestamp) -> Result<usize> {
    let row =
        staff_sessions::table.filter(staff_sessions::id.eq(id)).filter(staff_sessions::revoked_at.is_null());
    Ok(update(row).set(staff_sessions::revoked_at.eq(now)).execute(conn)?)
}

/// Ends a session if it belongs to the staff member.
pub(super) fn revoke_own(
    conn: &mut Conn,
    id: &StaffSessionId,
    staff_id: &StaffId,
    now: Timestamp,
) -> Result<usize> {
    let row = staff_sessions::table
        .filter(staff_sessions::id.eq(id))
        .filter(staff_sessions::staff_id.eq(staff_id))
        .filter(staff_sessions::revoked_at.is_null());
    Ok(update(row).set(staff_sessions::revoked_at.eq(now)).execute(conn)?)
}

/// Returns whether a session, active or ended, belongs to the staff member.
pub(super) fn is_own(conn: &mut Conn, id: &StaffSessionId, staff_id: &StaffId) -> Result<bool> {
    let row = staff_sessions::table.find(id).filter(staff_sessions::staff_id.eq(staff_id));
    Ok(row.count().get_result::<i64>(conn)? == 1)
}

/// Ends every session of a staff member except `kept`.
pub(super) fn revoke_others(
    conn: &mut Conn,
    staff_id: &StaffId,
    kept: &StaffSessionId,
    now: Timestamp,
) -> Result<usize> {
    let rows = staff_sessions::table
        .filter(staff_sessions::staff_id.eq(staff_id))
        .filter(staff_sessions::id.ne(kept))
        .filter(staff_sessions::revoked_at.is_null());
    Ok(update(rows).set(staff_sessions::revoked_at.eq(now)).execute(conn)?)
}

/// Ends every session of a staff member.
pub(super) fn revoke_all(conn: &mut Conn, staff_id: &StaffId, now: Timestamp) -> Result<usize> {
    let rows = staff_sessions::table
        .filter(staff_sessions::staff_id.eq(staff_id))
        .filter(staff_sessions::revoked_at.is_null());
    Ok(update(rows).set(staff_sessions::revoked_at.eq(now)).execute(conn)?)
}

/// Stores the hash of a refresh token or cookie.
pub(super) fn insert_token(
    conn: &mut Conn,
    hash: &str,
    session_id: &StaffSessionId,
    now: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let row = (
        staff_tokens::hash.eq(hash),
        staff_tokens::session_id.eq(session_id),
        staff_tokens::created_at.eq(now),
        staff_tokens::expires_at.eq(ends),
    );
    insert_into(staff_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// Returns the session id of a cookie's secret.
pub(super) fn session_of(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<StaffSessionId>> {
    let row = staff_tokens::table
        .find(hash)
        .filter(staff_tokens::used_at.is_null())
        .filter(staff_tokens::expires_at.gt(now));
    Ok(row.select(staff_tokens::session_id).first(conn).optional()?)
}

/// Uses a valid refresh token, once; returns its session id. A cookie's secret is not accepted: it belongs
/// to a session of another kind.
pub(super) fn use_token(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<StaffSessionId>> {
    let api = staff_sessions::table.filter(staff_sessions::kind.eq(Kind::Api)).select(staff_sessions::id);
    let row = staff_tokens::table
        .filter(staff_tokens::hash.eq(hash))
        .filter(staff_tokens::used_at.is_null())
        .filter(staff_tokens::expires_at.gt(now))
        .filter(staff_tokens::session_id.eq_any(api));
    let update = update(row).set(staff_tokens::used_at.eq(now)).returning(staff_tokens::session_id);
    Ok(update.get_result(conn).optional()?)
}

/// Returns the session id of a refresh token that was used before.
pub(super) fn used_token(conn: &mut Conn, hash: &str) -> Result<Option<StaffSessionId>> {
    let row = staff_tokens::table.find(hash).filter(staff_tokens::used_at.is_not_null());
    Ok(row.select(staff_tokens::session_id).first(conn).optional()?)
}

/// Deletes tokens that expired before `before`, and those of sessions that ended before it.
pub(super) fn delete_tokens(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let over = staff_sessions::table
        .filter(staff_sessions::expires_at.lt(before).or(staff_sessions::revoked_at.lt(before)))
        .select(staff_sessions::id);
    let rows = staff_tokens::table
        .filter(staff_tokens::expires_at.lt(before).or(staff_tokens::session_id.eq_any(over)));
    Ok(delete(rows).execute(conn)?)
}

/// Deletes sessions that ended before `before`; delete their tokens first.
pub(super) fn delete_over(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let rows = staff_sessions::table
        .filter(staff_sessions::expires_at.lt(before).or(staff_sessions::revoked_at.lt(before)));
    Ok(delete(rows).execute(conn)?)
}
