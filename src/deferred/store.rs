//! The rows of `pending_pairings`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into, update};

use crate::db::schema::{pending_pairings, practice_links};
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
        pending_pairings::taken_by.eq(None::<String>),
        pending_pairings::proven_at.eq(None::<Timestamp>),
    );
    let upsert = insert_into(pending_pairings::table)
        .values(row)
        .on_conflict((pending_pairings::phone_key, pending_pairings::link_id))
        .do_update()
        .set((
            pending_pairings::created_at.eq(excluded(pending_pairings::created_at)),
            pending_pairings::expires_at.eq(excluded(pending_pairings::expires_at)),
            pending_pairings::taken_by.eq(excluded(pending_pairings::taken_by)),
            pending_pairings::proven_at.eq(excluded(pending_pairings::proven_at)),
        ))
        .returning(pending_pairings::id);
    Ok(Both(upsert).get_result(conn)?)
}

/// What waits for a number and was not taken, the newest first.
pub fn waiting(conn: &mut Conn, phone_key: &str, now: Timestamp) -> Result<Vec<Row>> {
    let rows = pending_pairings::table
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::taken_by.is_null())
        .filter(pending_pairings::expires_at.gt(now))
        .order((pending_pairings::created_at.desc(), pending_pairings::id.desc()));
    Ok(rows.select(columns::<Row>()).load(conn)?)
}

/// Notes that the number of these was proven; gives the links of those for which that is news.
pub fn mark_proven(conn: &mut Conn, ids: &[&str], now: Timestamp) -> Result<Vec<String>> {
    let rows = pending_pairings::table
        .filter(pending_pairings::id.eq_any(ids))
        .filter(pending_pairings::proven_at.is_null());
    let update = update(rows).set(pending_pairings::proven_at.eq(now)).returning(pending_pairings::link_id);
    Ok(update.get_results(conn)?)
}

/// Takes what waits for exactly this number, or was taken by the same account; gives its link.
pub fn take(
    conn: &mut Conn,
    id: &str,
    phone_key: &str,
    account_id: &str,
    now: Timestamp,
) -> Result<Option<String>> {
    let row = pending_pairings::table
        .filter(pending_pairings::id.eq(id))
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::expires_at.gt(now))
        .filter(pending_pairings::taken_by.is_null().or(pending_pairings::taken_by.eq(account_id)));
    let update =
        update(row).set(pending_pairings::taken_by.eq(account_id)).returning(pending_pairings::link_id);
    Ok(update.get_result(conn).optional()?)
}

/// Takes everything of a practice that waits for a number.
pub fn take_all(conn: &mut Conn, phone_key: &str, practice_id: &str, account_id: &str) -> Result<usize> {
    let links = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    let rows = pending_pairings::table
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::taken_by.is_null())
        .filter(pending_pairings::link_id.eq_any(links.select(practice_links::id)));
    Ok(update(rows).set(pending_pairings::taken_by.eq(account_id)).execute(conn)?)
}

/// Deletes what expired.
pub fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(pending_pairings::table.filter(pending_pairings::expires_at.le(now))).execute(conn)?)
}
