//! Queries on `pending_pairings`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into, update};

use crate::kit::{AccountId, LinkId, PendingPairingId, PracticeId, Timestamp};
use crate::platform::db::schema::{check_budgets, pending_pairings, practice_links};
use crate::platform::db::{Both, Conn, Result, columns};

#[derive(Queryable, Selectable)]
#[diesel(table_name = pending_pairings)]
pub(super) struct Row {
    pub id: PendingPairingId,
    /// The link whose landing page the patient used.
    pub link_id: LinkId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Inserts a pending pairing of a number and a link, or restarts the existing one; returns its id.
pub(super) fn upsert(
    conn: &mut Conn,
    id: &PendingPairingId,
    phone_key: &str,
    link_id: &LinkId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<PendingPairingId> {
    let row = (
        pending_pairings::id.eq(id),
        pending_pairings::phone_key.eq(phone_key),
        pending_pairings::link_id.eq(link_id),
        pending_pairings::created_at.eq(now),
        pending_pairings::expires_at.eq(expires_at),
        pending_pairings::taken_by.eq(None::<AccountId>),
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

/// The pending pairings of a number that were not taken, the newest first.
pub(super) fn waiting(conn: &mut Conn, phone_key: &str, now: Timestamp) -> Result<Vec<Row>> {
    let rows = pending_pairings::table
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::taken_by.is_null())
        .filter(pending_pairings::expires_at.gt(now))
        .order((pending_pairings::created_at.desc(), pending_pairings::id.desc()));
    Ok(rows.select(columns::<Row>()).load(conn)?)
}

/// Marks pending pairings proven; returns the links of those that were not marked before.
pub(super) fn mark_proven(conn: &mut Conn, ids: &[&PendingPairingId], now: Timestamp) -> Result<Vec<LinkId>> {
    let rows = pending_pairings::table
        .filter(pending_pairings::id.eq_any(ids))
        .filter(pending_pairings::proven_at.is_null());
    let update = update(rows).set(pending_pairings::proven_at.eq(now)).returning(pending_pairings::link_id);
    Ok(update.get_results(conn)?)
}

/// Takes a pending pairing of exactly this number, or one that the same account took
/// before; returns its link.
pub(super) fn take(
    conn: &mut Conn,
    id: &PendingPairingId,
    phone_key: &str,
    account_id: &AccountId,
    now: Timestamp,
) -> Result<Option<LinkId>> {
    let row = pending_pairings::table
        .filter(pending_pairings::id.eq(id))
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::expires_at.gt(now))
        .filter(pending_pairings::taken_by.is_null().or(pending_pairings::taken_by.eq(account_id)));
    let update =
        update(row).set(pending_pairings::taken_by.eq(account_id)).returning(pending_pairings::link_id);
    Ok(update.get_result(conn).optional()?)
}

/// Takes all pending pairings of a number with a practice.
pub(super) fn take_all(
    conn: &mut Conn,
    phone_key: &str,
    practice_id: &PracticeId,
    account_id: &AccountId,
) -> Result<usize> {
    let links = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    let rows = pending_pairings::table
        .filter(pending_pairings::phone_key.eq(phone_key))
        .filter(pending_pairings::taken_by.is_null())
        .filter(pending_pairings::link_id.eq_any(links.select(practice_links::id)));
    Ok(update(rows).set(pending_pairings::taken_by.eq(account_id)).execute(conn)?)
}

/// What [`codes_sent`] says of a number whose codes are still counted in `budgets`, as in the last release.
pub(super) const ELSEWHERE: &str = "?";

/// The times of the latest codes to a number.
pub(super) fn codes_sent(conn: &mut Conn, phone_key: &str) -> Result<Option<String>> {
    Ok(check_budgets::table.find(phone_key).select(check_budgets::sent).first(conn).optional()?)
}

pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(delete(pending_pairings::table.filter(pending_pairings::expires_at.le(now))).execute(conn)?)
}
