//! Staff members, as the admins of a practice manage them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Access, Error, Member, NewMember, Permission, Role, Staff, State};
use super::{password_link, session, sign_in, store};
use crate::domain::events::EventKind;
use crate::kit::{Email, StaffId};
use crate::platform::event_log::Actor;
use crate::platform::{Tx, db};

/// A button that is pressed twice sends only one e-mail.
const INVITATION_PAUSE: Duration = Duration::from_mins(1);

/// Changes to a staff member; `None` leaves a field as it is.
#[derive(Default)]
pub struct MemberChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub access: Option<Access>,
    /// Whether to remove the second factor, so that the next sign-in sets up a new one.
    pub reset_totp: bool,
}

/// Invites a staff member by e-mail, or again if the first invitation was not accepted.
pub fn invite(tx: &mut Tx, who: &Staff, new: &NewMember) -> Result<Member, Error> {
    let member = match super::create(tx, &who.practice_id, new)? {
        Some(member) => member,
        None => waiting(tx, who, &new.email)?.ok_or(Error::StaffExists)?,
    };
    send_invitation(tx, who, &member)?;
    Ok(member)
}

/// Invites only a new address, so that a form that is submitted twice invites once.
pub fn invite_first(tx: &mut Tx, who: &Staff, new: &NewMember) -> Result<Member, Error> {
    let member = super::create(tx, &who.practice_id, new)?.ok_or(Error::StaffExists)?;
    send_invitation(tx, who, &member)?;
    Ok(member)
}

/// Resends an unaccepted invitation, unless one was sent within the last minute; `false` if the staff
/// member has already accepted or is disabled.
pub fn invite_again(tx: &mut Tx, who: &Staff, id: &StaffId) -> Result<bool, Error> {
    store::lock_people(tx.conn, &who.practice_id)?;
    let member = find(tx, who, id)?;
    if member.state() != State::Invited {
        return Ok(false);
    }
    if !password_link::was_created_since(tx, id, tx.now - INVITATION_PAUSE)? {
        send_invitation(tx, who, &member)?;
    }
    Ok(true)
}

fn send_invitation(tx: &mut Tx, who: &Staff, member: &Member) -> db::Result<()> {
    password_link::invite(tx, member)?;
    who.note(tx, EventKind::StaffInvited, &member.id, json!({ "role": member.role }));
    Ok(())
}

/// Finds a staff member of that address who has not accepted the invitation.
fn waiting(tx: &mut Tx, who: &Staff, email: &Email) -> db::Result<Option<Member>> {
    let found = store::find_by_email(tx.conn, email)?.filter(|member| member.practice_id == who.practice_id);
    Ok(found.filter(|member| member.state() == State::Invited))
}

/// Lists up to `limit` staff members after the id `after`, including the caller.
pub fn list(tx: &mut Tx, who: &Staff, after: &str, limit: i64) -> Result<Vec<Member>, Error> {
    Ok(store::list(tx.conn, &who.practice_id, after, limit)?)
}

/// Changes a staff member. Disabling ends their sessions at once; one admin who can sign in must remain.
pub fn change(tx: &mut Tx, who: &Staff, id: &StaffId, change: &MemberChange) -> Result<Member, Error> {
    // Serializes two admins who take each other's role away at the same moment.
    store::lock_people(tx.conn, &who.practice_id)?;
    let before = find(tx, who, id)?;
    if before.role == Role::Support && change.role.is_some() {
        return Err(Error::Forbidden);
    }
    if removes_admin(&before, change) && !store::has_other_admin(tx.conn, &who.practice_id, id)? {
        return Err(Error::LastAdmin);
    }
    let after = store::change(tx.conn, &who.practice_id, id, change)?.ok_or(Error::StaffNotFound)?;
    if before.is_active() && !after.is_active() {
        password_link::end_all(tx, id)?;
        sign_in::end_challenges(tx, id)?;
        session::end_all(tx, id)?;
    }
    if differs(&before, &after) {
        who.note(tx, EventKind::StaffChanged, id, difference(&before, &after));
    }
    if change.reset_totp {
        reset_totp(tx, &who.staff_id, &after)?;
    }
    Ok(store::find(tx.conn, id)?.unwrap_or(after))
}

/// Returns whether an active admin ceases to be one.
fn removes_admin(before: &Member, change: &MemberChange) -> bool {
    let leaves = change.role.is_some_and(|role| !role.has(Permission::Administer))
        || change.access == Some(Access::Disabled);
    leaves && before.is_active() && before.role.has(Permission::Administer)
}

fn differs(before: &Member, after: &Member) -> bool {
    let seen = |member: &Member| (member.role, member.access, member.name.clone());
    seen(before) != seen(after)
}

/// The audit detail of a change. A name is recorded only as the fact that it changed.
fn difference(before: &Member, after: &Member) -> Value {
    json!({
        "role": [before.role, after.role],
        "active": [before.is_active(), after.is_active()],
        "name_changed": before.name != after.name,
    })
}

/// Removes a second factor and ends the sessions; `actor` is an admin, or the operator.
pub fn reset_totp(tx: &mut Tx, actor: impl Into<Actor>, member: &Member) -> db::Result<()> {
    sign_in::forget_factor(tx, &member.id)?;
    session::end_all(tx, &member.id)?;
    tx.emit(Some(&member.practice_id), actor, EventKind::StaffTotpReset, &member.id, json!({}));
    Ok(())
}

/// Finds the staff member of an address, for the operator.
pub fn find_by_email(tx: &mut Tx, email: &Email) -> db::Result<Option<Member>> {
    store::find_by_email(tx.conn, email)
}

/// Finds a staff member of the caller's practice.
pub fn find(tx: &mut Tx, who: &Staff, id: &StaffId) -> Result<Member, Error> {
    let found = store::find(tx.conn, id)?.filter(|member| member.practice_id == who.practice_id);
    found.ok_or(Error::StaffNotFound)
}
