//! Queries on `pairings` and `pairing_links`.

use diesel::dsl::{InnerJoin, IntoBoxed, exists};
use diesel::prelude::*;
use diesel::{insert_into, update};

use super::{NewPairing, Sight};
use crate::domain::conversations::view::{Pairing, PairingSource, PracticeCard};
use crate::kit::Timestamp;
use crate::kit::ids::{AccountId, InviteId, LinkId, PairingId, PracticeId};
use crate::platform::db::schema::{account_sessions, conversations, pairing_links, pairings, practices};
use crate::platform::db::{Both, Conn, MultiBackend, Result};

/// Inserts a pairing; `None` if the patient is already paired with this owner of the practice.
pub fn insert_pairing(
    conn: &mut Conn,
    id: &PairingId,
    new: &NewPairing<'_>,
    now: Timestamp,
) -> Result<Option<PairingId>> {
    let row = (
        pairings::id.eq(id),
        pairings::account_id.eq(new.account_id),
        pairings::patient_id.eq(new.patient_id),
        pairings::practice_id.eq(&new.to.practice.id),
        pairings::link_id.eq(&new.to.link.id),
        pairings::session_id.eq(new.session_id),
        pairings::method.eq(new.method),
        pairings::created_at.eq(now),
        pairings::owner.eq(&new.to.endpoint.owner),
        pairings::invite_id.eq(new.invite.map(|invite| invite.id)),
    );
    let insert = insert_into(pairings::table).values(row).on_conflict_do_nothing().returning(pairings::id);
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Records that a paired patient came through a link; `false` if that was recorded before.
pub fn insert_visit(
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
pub fn open_pairing_id(conn: &mut Conn, new: &NewPairing<'_>) -> Result<PairingId> {
    let row = pairings::table
        .filter(pairings::patient_id.eq(new.patient_id))
        .filter(pairings::practice_id.eq(&new.to.practice.id))
        .filter(pairings::owner.eq(&new.to.endpoint.owner))
        .filter(pairings::ended_at.is_null());
    Ok(row.select(pairings::id).first(conn)?)
}

pub fn pairing(conn: &mut Conn, id: &PairingId) -> Result<Pairing> {
    type Row = (Option<LinkId>, Option<InviteId>, String, Timestamp, PracticeId, String, String);
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

/// Ids of an account's active pairings within the access scope, oldest first, after `after`.
pub fn open_pairings(
    conn: &mut Conn,
    account_id: &AccountId,
    sight: Sight<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<PairingId>> {
    let rows =
        in_sight(account_id, sight).filter(pairings::ended_at.is_null()).filter(pairings::id.gt(after));
    Ok(rows.order(pairings::id).limit(limit).select(pairings::id).load(conn)?)
}

/// Ends an active pairing within the access scope; returns its practice.
pub fn end_pairing(
    conn: &mut Conn,
    account_id: &AccountId,
    sight: Sight<'_>,
    id: &PairingId,
    now: Timestamp,
) -> Result<Option<PracticeId>> {
    let seen = open_pairings(conn, account_id, sight, "", i64::MAX)?;
    if !seen.contains(id) {
        return Ok(None);
    }
    let row = pairings::table.filter(pairings::id.eq(id)).filter(pairings::ended_at.is_null());
    let end = update(row).set(pairings::ended_at.eq(now)).returning(pairings::practice_id);
    Ok(end.get_result(conn).optional()?)
}

type Conversations<'a> = IntoBoxed<'a, InnerJoin<conversations::table, pairings::table>, MultiBackend>;

/// An account's conversations within the access scope, whether or not their pairings have ended.
pub fn in_sight<'a>(account_id: &'a AccountId, sight: Sight<'a>) -> Conversations<'a> {
    let rows = conversations::table.inner_join(pairings::table).filter(pairings::account_id.eq(account_id));
    let rows = rows.into_boxed();
    match sight {
        Sight::All => rows,
        Sight::Confirmed => rows.filter(pairings::session_id.ne_all(restricted(account_id))),
        Sight::Restricted { session, since } => {
            // The patient who was met may hold another new device; pairings made by that device stay its own.
            let met =
                conversations::met_at.gt(since).and(pairings::session_id.ne_all(restricted(account_id)));
            rows.filter(pairings::session_id.eq(session).or(met))
        }
    }
}

/// Ids of an account's restricted sessions.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn restricted<'a>(account_id: &'a AccountId) -> _ {
    let sessions = account_sessions::table.filter(account_sessions::account_id.eq(account_id));
    sessions.filter(account_sessions::scope.eq("restricted")).select(account_sessions::id)
}

/// Whether a restricted session made the pairing: it verified only the phone number, which may have a new
/// owner, and nothing else of the account.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn by_stranger() -> _ {
    let sessions = account_sessions::table.filter(account_sessions::id.eq(pairings::session_id));
    exists(sessions.filter(account_sessions::scope.eq("restricted")))
}

pub fn account_of(conn: &mut Conn, pairing_id: &PairingId) -> Result<AccountId> {
    Ok(pairings::table.find(pairing_id).select(pairings::account_id).first(conn)?)
}

/// Whether a pairing has not ended.
pub fn is_paired(conn: &mut Conn, pairing_id: &PairingId) -> Result<bool> {
    let row = pairings::table.find(pairing_id).filter(pairings::ended_at.is_null());
    Ok(row.select(pairings::id).first::<PairingId>(conn).optional()?.is_some())
}
