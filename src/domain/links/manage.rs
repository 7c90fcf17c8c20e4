//! Links as the staff of a practice manage them, within their access scope. Anything outside of it answers
//! as if it did not exist.

use super::edit::{self, Change, ManageError, People, owner_exists};
use super::{AccessScope, Destination, Link, NewLink, Owner, find_destination, store};
use crate::domain::staff::{self, Permission, Staff, check_staff};
use crate::kit::{LinkId, PracticeId, StaffId};
use crate::platform::{Tx, db};

/// A link and the staff members on it.
pub struct LinkDetails {
    pub link: Link,
    pub people: People,
}

impl LinkDetails {
    fn of(tx: &mut Tx, link: Link) -> db::Result<Self> {
        let people = edit::people(tx, &link.id)?;
        Ok(Self { link, people })
    }
}

/// Lists up to `limit` links after the link `after`, oldest first.
pub fn list(tx: &mut Tx, who: &Staff, after: &str, limit: i64) -> db::Result<Vec<LinkDetails>> {
    let scope = AccessScope::of(tx, who)?;
    let links = store::list(tx.conn, &who.practice_id, &scope, after, limit)?;
    links.into_iter().map(|link| LinkDetails::of(tx, link)).collect()
}

/// Lists all links of a practice, for the operator.
pub fn list_all(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Vec<Link>> {
    store::list(tx.conn, practice_id, &AccessScope::All, "", i64::MAX)
}

pub fn find_in_scope(tx: &mut Tx, who: &Staff, id: &LinkId) -> db::Result<Option<Link>> {
    let scope = AccessScope::of(tx, who)?;
    let found = store::find_of(tx.conn, &who.practice_id, id)?;
    Ok(found.filter(|link| scope.includes(link)))
}

pub fn get(tx: &mut Tx, who: &Staff, id: &LinkId) -> Result<LinkDetails, ManageError> {
    let link = find_in_scope(tx, who, id)?.ok_or(ManageError::NotFound)?;
    Ok(LinkDetails::of(tx, link)?)
}

/// Returns a link with its practice, for printing.
pub fn printable(tx: &mut Tx, who: &Staff, id: &LinkId) -> Result<Destination, ManageError> {
    let link = find_in_scope(tx, who, id)?.ok_or(ManageError::NotFound)?;
    find_destination(tx, &link.id)?.ok_or(ManageError::NotFound)
}

pub fn create(tx: &mut Tx, who: &Staff, new: &NewLink, people: &People) -> Result<LinkDetails, ManageError> {
    let People { members, notify } = people;
    check_ids(tx, who, Some(&new.owner), new.assignee_id.as_ref(), members, notify)?;
    let practice = staff::practice(tx, who)?;
    let link = edit::add(tx, &who.staff_id, &practice, new, people, None)?;
    Ok(LinkDetails::of(tx, link)?)
}

pub fn change(tx: &mut Tx, who: &Staff, id: &LinkId, change: &Change) -> Result<LinkDetails, ManageError> {
    // "Not found" comes before "forbidden": a caller without access to a link learns nothing about it.
    find_in_scope(tx, who, id)?.ok_or(ManageError::NotFound)?;
    if !who.role.has(Permission::ConfigurePractice) {
        return Err(staff::Error::Forbidden.into());
    }
    let assignee = change.assignee_id.iter().flatten().next();
    let members = change.members.as_deref().unwrap_or_default();
    let notify = change.notify.as_deref().unwrap_or_default();
    check_ids(tx, who, change.owner.as_ref(), assignee, members, notify)?;
    let link = edit::edit(tx, &who.staff_id, &who.practice_id, id, change)?;
    Ok(LinkDetails::of(tx, link)?)
}

/// Refuses teams and staff members that the caller's practice does not have.
fn check_ids(
    tx: &mut Tx,
    who: &Staff,
    owner: Option<&Owner>,
    assignee: Option<&StaffId>,
    members: &[StaffId],
    notify: &[StaffId],
) -> Result<(), ManageError> {
    if let Some(owner) = owner
        && !owner_exists(tx, &who.practice_id, owner)?
    {
        return Err(staff::Error::UnknownId("/owner/id").into());
    }
    check_staff(tx, who, "/assignee_id", assignee.map(std::slice::from_ref).unwrap_or_default())?;
    check_staff(tx, who, "/members", members)?;
    Ok(check_staff(tx, who, "/notify", notify)?)
}
