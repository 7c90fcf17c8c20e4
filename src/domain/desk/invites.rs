//! Invites, limited to the links in the staff member's access scope.

use super::{Refusal, of_patients, visible};
use crate::domain::invites::{self, Filter, Invite, NewInvite, State, import};
use crate::domain::links::{self, Destination, Visible};
use crate::domain::staff::Principal;
use crate::kit::Secret;
use crate::kit::ids::{ImportId, InviteId, LinkId, StaffId};
use crate::platform::tx::Tx;

/// The staff member and their access scope; `only` holds owners and link ids, `None` all links.
struct Reach {
    who: Principal,
    only: Option<(Vec<String>, Vec<LinkId>)>,
}

impl Reach {
    fn of(tx: &mut Tx, token: Option<&Secret>) -> Result<Self, Refusal> {
        let who = of_patients(tx, token)?;
        let only = match visible(tx, &who)? {
            Visible::All => None,
            Visible::To { owners, staff_id } => Some((owners, links::joined(tx, &staff_id)?)),
        };
        Ok(Self { who, only })
    }

    fn filter(&self, state: Option<State>) -> Filter<'_> {
        let only = self.only.as_ref().map(|(owners, ids)| (owners.as_slice(), ids.as_slice()));
        Filter { practice_id: &self.who.practice_id, only, state }
    }
}

pub fn list(
    tx: &mut Tx,
    token: Option<&Secret>,
    state: Option<State>,
    before: &str,
    limit: i64,
) -> Result<Vec<Invite>, Refusal> {
    let reach = Reach::of(tx, token)?;
    Ok(invites::list(tx, &reach.filter(state), before, limit)?)
}

pub fn find(tx: &mut Tx, token: Option<&Secret>, id: &InviteId) -> Result<Invite, Refusal> {
    let reach = Reach::of(tx, token)?;
    Ok(invites::find(tx, &reach.filter(None), id)?)
}

/// Creates an invite to a link or, without one, to the practice's default link.
pub fn create(
    tx: &mut Tx,
    token: Option<&Secret>,
    link_id: Option<&LinkId>,
    new: impl FnOnce(StaffId) -> NewInvite,
) -> Result<Invite, Refusal> {
    let reach = Reach::of(tx, token)?;
    let who = &reach.who;
    let to = destination(tx, who, link_id)?;
    Ok(invites::create(tx, &to, &new(who.staff_id.clone()))?)
}

pub fn send(tx: &mut Tx, token: Option<&Secret>, id: &InviteId) -> Result<Invite, Refusal> {
    let reach = Reach::of(tx, token)?;
    let invite = invites::find(tx, &reach.filter(None), id)?;
    Ok(invites::send(tx, &invite, &reach.who.staff_id)?)
}

pub fn revoke(tx: &mut Tx, token: Option<&Secret>, id: &InviteId) -> Result<(), Refusal> {
    let reach = Reach::of(tx, token)?;
    let invite = invites::find(tx, &reach.filter(None), id)?;
    Ok(invites::revoke(tx, &invite, &reach.who.staff_id)?)
}

/// Stores a list of people to invite; a background job processes its rows.
pub fn import(
    tx: &mut Tx,
    token: Option<&Secret>,
    link_id: Option<&LinkId>,
    rows: &[import::Row],
) -> Result<import::Import, Refusal> {
    let reach = Reach::of(tx, token)?;
    let who = &reach.who;
    let to = destination(tx, who, link_id)?;
    Ok(import::take(tx, &to, &who.staff_id, rows)?)
}

/// Returns an import with its progress.
pub fn import_of(tx: &mut Tx, token: Option<&Secret>, id: &ImportId) -> Result<import::Import, Refusal> {
    let reach = Reach::of(tx, token)?;
    let found = import::find(tx.conn, &reach.filter(None), id)?;
    Ok(found.ok_or(invites::Refusal::NotFound)?)
}

/// Lists the results of up to `limit` rows after a line.
pub fn import_rows(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ImportId,
    after: i32,
    limit: i64,
) -> Result<Vec<import::Done>, Refusal> {
    let import = import_of(tx, token, id)?;
    Ok(import::rows(tx.conn, &import.id, after, limit)?)
}

/// The destination of an invite: a link in the caller's access scope that accepts patients.
fn destination(tx: &mut Tx, who: &Principal, link_id: Option<&LinkId>) -> Result<Destination, Refusal> {
    let id = match link_id {
        Some(id) => Some(id.to_owned()),
        None => links::default_of(tx, &who.practice_id)?.map(|link| link.id),
    };
    let id = id.ok_or(Refusal::Stranger("/link_id"))?;
    let seen = visible(tx, who)?;
    let link = links::find_visible(tx, &who.practice_id, &seen, &id)?;
    let link = link.ok_or(Refusal::Stranger("/link_id"))?;
    Ok(links::destination_of(tx, &link.id).map_err(invites::Refusal::Link)?)
}
