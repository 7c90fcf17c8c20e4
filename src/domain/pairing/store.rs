//! Queries on `pairings` and `pairing_links`.

use diesel::prelude::*;
use diesel::{insert_into, update};

use super::NewPairing;
use super::view::{Pairing, PracticeCard};
use crate::domain::conversations::access::store::visible;
use crate::domain::conversations::{Access, PairingSource};
use crate::domain::links::{Method, Owner};
use crate::kit::{AccountId, InviteId, LinkId, PairingId, PatientId, PracticeId, SessionId, Timestamp};
use crate::platform::Tx;
use crate::platform::db::schema::{pairing_links, pairings, practices};
use crate::platform::db::{Both, Conn, Result};

#[derive(Insertable)]
#[diesel(table_name = pairings)]
struct Row {
    id: PairingId,
    account_id: AccountId,
    patient_id: PatientId,
    practice_id: PracticeId,
    link_id: LinkId,
    session_id: SessionId,
    method: Method,
    created_at: Timestamp,
    owner: Owner,
    invite_id: Option<InviteId>,
}

impl Row {
    fn of(id: &PairingId, new: &NewPairing<'_>, now: Timestamp) -> Self {
        Self {
            id: id.clone(),
            account_id: new.account_id.clone(),
            patient_id: new.patient.id.clone(),
            practice_id: new.to.practice.id.clone(),
            link_id: new.to.link.id.clone(),
            session_id: new.session_id.clone(),
            method: new.method,
            created_at: now,
            owner: new.to.effective.owner.clone(),
            invite_id: new.invite.map(|invite| invite.id.clone()),
        }
    }
}

/// Inserts a pairing; `None` if the patient is already paired with this owner of the practice.
pub(super) fn insert_pairing(
    conn: &mut Conn,
    id: &PairingId,
    new: &NewPairing<'_>,
    now: Timestamp,
) -> Result<Option<PairingId>> {
    let insert = insert_into(pairings::table).values(Row::of(id, new, now));
    let insert = insert.on_conflict_do_nothing().returning(pairings::id);
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Inserts the pairing of a patient who has none, at the end of the unit of work.
pub(super) fn insert_first_pairing(tx: &mut Tx, id: &PairingId, new: &NewPairing<'_>) {
    let row = Row::of(id, new, tx.now);
    tx.insert_later(insert_into(pairings::table).values(row));
}

/// Records, at the end of the unit of work, the link that a new pairing came through.
pub(super) fn insert_first_visit(tx: &mut Tx, pairing_id: &PairingId, link_id: &LinkId) {
    let row = (
        pairing_links::pairing_id.eq(pairing_id.clone()),
        pairing_links::link_id.eq(link_id.clone()),
        pairing_links::created_at.eq(tx.now),
    );
    tx.insert_later(insert_into(pairing_links::table).values(row));
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
