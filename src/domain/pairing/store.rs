//! Queries on `pairings` and `pairing_links`.

use diesel::prelude::*;
use diesel::{insert_into, update};

use super::NewPairing;
use super::view::{Pairing, PracticeCard};
use crate::domain::conversations::visible::visible;
use crate::domain::conversations::{Access, PairingSource};
use crate::domain::links::Method;
use crate::kit::{InviteId, LinkId, PairingId, PracticeId, Timestamp};
use crate::platform::db::schema::{pairing_links, pairings, practices};
use crate::platform::db::{Both, Conn, Result};

/// Inserts a pairing; `None` if the patient is already paired with this owner of the practice.
pub(super) fn insert_pairing(
    conn: &mut Conn,
    id: &PairingId,
    new: &NewPairing<'_>,
    now: Timestamp,
) -> Result<Option<PairingId>> {
    let row = (
        pairings::id.eq(id),
        pairings::account_id.eq(new.account_id),
        pairings::patient_id.eq(&new.patient.id),
        pairings::practice_id.eq(&new.to.practice.id),
        pairings::link_id.eq(&new.to.link.id),
        pairings::session_id.eq(new.session_id),
        pairings::method.eq(new.method),
        pairings::created_at.eq(now),
        pairings::owner.eq(&new.to.effective.owner),
        pairings::invite_id.eq(new.invite.map(|invite| invite.id)),
    );
    let insert = insert_into(pairings::table).values(row).on_conflict_do_nothing().returning(pairings::id);
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Records that a paired patient came through a link; `false` if that was recorded before.
pub(super) fn insert_visit(
    conn: &mut Conn,
    pairing_id: &PairingId,
    link_id: &LinkId,
    now: Timestamp,
) -> Result<bool> {
    let row = (
        pairing_links::pairing_id.eq(pairing_id),
        pairing_links::link_id.eq(link_id),
        pairing_links::created_at.eq(now),
    );
    let insert = insert_into(pairing_links::table).values(row).on_conflict_do_nothing();
    Ok(Both(insert).execute(conn)? == 1)
}

/// The active pairing of a patient with an owner of a practice.
pub(super) fn active_pairing_id(conn: &mut Conn, new: &NewPairing<'_>) -> Result<PairingId> {
    let row = pairings::table
        .filter(pairings::patient_id.eq(&new.patient.id))
        .filter(pairings::practice_id.eq(&new.to.practice.id))
        .filter(pairings::owner.eq(&new.to.effective.owner))
        .filter(pairings::ended_at.is_null());
    Ok(row.select(pairings::id).first(conn)?)
}

pub(super) fn pairing(conn: &mut Conn, id: &PairingId) -> Result<Pairing> {
    type Row = (Option<LinkId>, Option<InviteId>, Method, Timestamp, PracticeId, String, String);
    let row = pairings::table.inner_join(practices::table).filter(pairings::id.eq(id));
    let (link_id, invite_id, method, created_at, practice_id, name, city): Row = row
        .select((
            pairings::link_id,
            pairings::invite_id,
            pairings::method,
            pairings::created_at,
            practices::id,
            practices::name,
            practices::city,
        ))
        .first(conn)?;
    Ok(Pairing {
        id: id.clone(),
        practice: PracticeCard { id: practice_id, name, city },
        source: PairingSource::new(link_id, invite_id, method),
        created_at,
    })
}

/// Ids of the visible active pairings, oldest first, after `after`.
pub(super) fn active_pairings(
    conn: &mut Conn,
    access: Access<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<PairingId>> {
    let rows = visible(access).filter(pairings::ended_at.is_null()).filter(pairings::id.gt(after));
    Ok(rows.order(pairings::id).limit(limit).select(pairings::id).load(conn)?)
}

/// Ends a visible active pairing; returns its practice.
pub(super) fn end_pairing(
    conn: &mut Conn,
    access: Access<'_>,
    id: &PairingId,
    now: Timestamp,
) -> Result<Option<PracticeId>> {
    let seen = active_pairings(conn, access, "", i64::MAX)?;
    if !seen.contains(id) {
        return Ok(None);
    }
    let row = pairings::table.filter(pairings::id.eq(id)).filter(pairings::ended_at.is_null());
    let end = update(row).set(pairings::ended_at.eq(now)).returning(pairings::practice_id);
    Ok(end.get_result(conn).optional()?)
}
