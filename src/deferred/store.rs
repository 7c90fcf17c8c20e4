//! The rows of `pending_pairings`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into};

use crate::db::schema::pending_pairings;
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

/// One pairing that waits.
#[derive(Queryable, Selectable)]
#[diesel(table_name = pending_pairings)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The link that it came by.
    pub link_id: String,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Lets a number wait for a link, or goes on waiting anew where it does already; gives the row's id.
pub fn upsert(
    conn: &mut Conn,
    id: &str,
    phone_key: &str,
    link_id: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let row = (
        pending_pairings::id.eq(id),
        pending_pairings::phone_key.eq(phone_key),
        pending_pairings::link_id.eq(link_id),
        pending_pairings::created_at.eq(now),
        pending_pairings::expires_at.eq(expires_at),
    );
    let upsert = insert_into(pending_pairings::table)
        .values(row)
        .on_conflict((pending_pairings::phone_key, pending_pairings::link_id))
        .do_update()
        .set((
            pending_pairings::created_at.eq(excluded(pending_pairings::created_at)),
            pending_pairings::expires_at.eq(excluded(pending_pairings::expires_at)),
        ))
        .returning(pending_pairings::id);
    Ok(Both(upsert).get_result(conn)?)
}

/// What waits for a number, the newest first.
pub fn living(conn: &mut Conn, phone_key: &str, now: Timestamp, limit: i64) -> Result<Vec<Row>> {
    let rows = pending_pairings::table
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::expires_at.gt(now))
        .order((pending_pairings::created_at.desc(), pending_pairings::id.desc()))
        .limit(limit);
    Ok(rows.select(columns::<Row>()).load(conn)?)
}

/// Takes what waits for exactly this number; gives its link.
pub fn take(conn: &mut Conn, id: &str, phone_key: &str, now: Timestamp) -> Result<Option<String>> {
    let row = pending_pairings::table
        .filter(pending_pairings::id.eq(id))
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::expires_at.gt(now));
    Ok(delete(row).returning(pending_pairings::link_id).get_result(conn).optional()?)
}

/// Deletes what expired.
pub fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(pending_pairings::table.filter(pending_pairings::expires_at.le(now))).execute(conn)?)
}
