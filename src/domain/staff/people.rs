//! Staff members and teams, as the admins of a practice manage them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Member, NewMember, Principal, Refusal, Role, Team, letter, session, sign_in, store};
use super::{all_work_at, authenticate, authenticate_to_configure};
use crate::kit::ids::{StaffId, TeamId};
use crate::kit::{Email, Secret};
use crate::platform::audit::Event;
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// A button that is pressed twice sends only one e-mail.
const LETTER_PAUSE: Duration = Duration::from_mins(1);

/// Changes to a staff member; `None` leaves a field as it is.
#[derive(Default)]
pub struct MemberChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub is_active: Option<bool>,
    /// Whether to remove the second factor, so that the next sign-in sets up a new one.
    pub reset_totp: bool,
}

pub struct TeamDetails {
    pub team: Team,
    pub members: Vec<StaffId>,
}

/// Runs [`authenticate`] for a call that only an admin may make.
pub fn authenticate_admin(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = authenticate(tx, token)?;
    if who.role == Role::Admin { Ok(who) } else { Err(Refusal::Forbidden) }
}

/// Invites a staff member by e-mail, or again if the first invitation was not accepted.
pub fn invite(tx: &mut Tx, token: Option<&Secret>, new: &NewMember) -> Result<Member, Refusal> {
    let who = authenticate_admin(tx, token)?;
    let id = tx.id::<StaffId>();
    let member = match store::insert(tx.conn, &id, &who.practice_id, new, tx.now)? {
        Some(member) => member,
        None => waiting(tx, &who, &new.email)?.ok_or(Refusal::StaffExists)?,
    };
    letter::invite(tx, &member)?;
    who.note(tx, "staff.invited", member.id.as_str(), json!({ "role": member.role().as_str() }))?;
    Ok(member)
}

/// Invites only a new address, so that a form that is submitted twice invites once.
pub fn invite_first(tx: &mut Tx, token: Option<&Secret>, new: &NewMember) -> Result<Member, Refusal> {
    let who = authenticate_admin(tx, token)?;
    let id = tx.id::<StaffId>();
    let member = store::insert(tx.conn, &id, &who.practice_id, new, tx.now)?.ok_or(Refusal::StaffExists)?;
    letter::invite(tx, &member)?;
    who.note(tx, "staff.invited", member.id.as_str(), json!({ "role": member.role().as_str() }))?;
    Ok(member)
}

/// Resends an unaccepted invitation, unless one was sent within the last minute; `false` if the staff
/// member has already accepted or is disabled.
pub fn invite_again(tx: &mut Tx, token: Option<&Secret>, id: &StaffId) -> Result<bool, Refusal> {
    let who = authenticate_admin(tx, token)?;
    store::hold_people(tx.conn, &who.practice_id)?;
    let member = find(tx, &who, id)?;
    if member.standing() != super::Standing::Invited {
        return Ok(false);
    }
    if !letter::was_written(tx, id, tx.now - LETTER_PAUSE)? {
        letter::invite(tx, &member)?;
        who.note(tx, "staff.invited", id.as_str(), json!({ "role": member.role().as_str() }))?;
    }
    Ok(true)
}

/// Returns one staff member, for admins.
pub fn one(tx: &mut Tx, token: Option<&Secret>, id: &StaffId) -> Result<Member, Refusal> {
    let who = authenticate_admin(tx, token)?;
    find(tx, &who, id)
}

/// Finds a staff member of that address who has not accepted the invitation.
fn waiting(tx: &mut Tx, who: &Principal, email: &Email) -> db::Result<Option<Member>> {
    let found = store::find_by_email(tx.conn, email)?.filter(|member| member.practice_id == who.practice_id);
    Ok(found.filter(|member| member.standing() == super::Standing::Invited))
}

/// Lists up to `limit` staff members after the id `after`, including the caller.
pub fn list(tx: &mut Tx, token: Option<&Secret>, after: &str, limit: i64) -> Result<Vec<Member>, Refusal> {
    let who = authenticate(tx, token)?;
    Ok(store::list(tx.conn, &who.practice_id, after, limit)?)
}

/// Changes a staff member. Disabling ends their sessions at once; one admin who can sign in must remain.
pub fn change(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &StaffId,
    change: &MemberChange,
) -> Result<Member, Refusal> {
    let who = authenticate_admin(tx, token)?;
    // Serializes two admins who take each other's role away at the same moment.
    store::hold_people(tx.conn, &who.practice_id)?;
    let before = find(tx, &who, id)?;
    if before.role() == Role::Support && change.role.is_some() {
        return Err(Refusal::Forbidden);
    }
    let leaves = change.role.is_some_and(|role| role != Role::Admin) || change.is_active == Some(false);
    let is_admin = before.is_active() && before.role() == Role::Admin;
    if leaves && is_admin && !store::has_other_admin(tx.conn, &who.practice_id, id)? {
        return Err(Refusal::LastAdmin);
    }
    let after = store::change(tx.conn, &who.practice_id, id, change)?.ok_or(Refusal::StaffNotFound)?;
    if before.is_active() && !after.is_active() {
        letter::end_all(tx, id)?;
        sign_in::end_challenges(tx, id)?;
        session::end_all(tx, id)?;
    }
    if differs(&before, &after) {
        who.note(tx, "staff.changed", id.as_str(), difference(&before, &after))?;
    }
    if change.reset_totp {
        reset_totp(tx, who.staff_id.as_str(), &after)?;
    }
    Ok(store::find(tx.conn, id)?.unwrap_or(after))
}

fn differs(before: &Member, after: &Member) -> bool {
    let seen = |member: &Member| (member.role().as_str(), member.is_active(), member.name.clone());
    seen(before) != seen(after)
}

/// The audit detail of a change. A name is recorded only as the fact that it changed.
fn difference(before: &Member, after: &Member) -> Value {
    json!({
        "role": [before.role().as_str(), after.role().as_str()],
        "active": [before.is_active(), after.is_active()],
        "name_changed": before.name != after.name,
    })
}

/// Removes a second factor and ends the sessions; `actor` is an admin, or the operator.
pub fn reset_totp(tx: &mut Tx, actor: &str, member: &Member) -> db::Result<()> {
    sign_in::forget_factor(tx, &member.id)?;
    session::end_all(tx, &member.id)?;
    let practice_id = Some(&member.practice_id);
    let (action, subject) = ("staff.totp_reset", member.id.as_str());
    tx.audit(&Event { practice_id, actor, action, subject, detail: json!({}) })
}

/// Finds the staff member of an address, for the operator.
pub fn of_address(tx: &mut Tx, email: &Email) -> db::Result<Option<Member>> {
    store::find_by_email(tx.conn, email)
}

fn find(tx: &mut Tx, who: &Principal, id: &StaffId) -> Result<Member, Refusal> {
    let found = store::find(tx.conn, id)?.filter(|member| member.practice_id == who.practice_id);
    found.ok_or(Refusal::StaffNotFound)
}

/// Lists the practice's teams by name.
pub fn teams(tx: &mut Tx, token: Option<&Secret>) -> Result<Vec<TeamDetails>, Refusal> {
    let who = authenticate(tx, token)?;
    let teams = store::teams(tx.conn, &who.practice_id)?;
    let ids: Vec<TeamId> = teams.iter().map(|team| team.id.clone()).collect();
    let mut members: BTreeMap<TeamId, Vec<StaffId>> = BTreeMap::new();
    for (team, member) in store::memberships(tx.conn, &ids)? {
        members.entry(team).or_default().push(member);
    }
    let details = teams
        .into_iter()
        .map(|team| TeamDetails { members: members.remove(&team.id).unwrap_or_default(), team });
    Ok(details.collect())
}

/// Returns one team, for callers who may change it.
pub fn team(tx: &mut Tx, token: Option<&Secret>, id: &TeamId) -> Result<TeamDetails, Refusal> {
    let who = authenticate_to_configure(tx, token)?;
    let team = store::find_team(tx.conn, &who.practice_id, id)?.ok_or(Refusal::TeamNotFound)?;
    details(tx, team)
}

pub fn make_team(
    tx: &mut Tx,
    token: Option<&Secret>,
    name: &str,
    members: &[StaffId],
) -> Result<TeamDetails, Refusal> {
    let who = authenticate_to_configure(tx, token)?;
    check_members(tx, &who, members)?;
    let made = super::create_team(tx, &who.practice_id, name, members)?;
    let team = made.ok_or(Refusal::TeamExists)?;
    who.note(tx, "team.created", team.id.as_str(), json!({ "members": members }))?;
    details(tx, team)
}

/// Changes a team; `members` replaces the whole list.
pub fn change_team(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &TeamId,
    name: Option<&str>,
    members: Option<&[StaffId]>,
) -> Result<TeamDetails, Refusal> {
    let who = authenticate_to_configure(tx, token)?;
    // Prevents two teams from getting the same name at the same moment.
    store::hold_people(tx.conn, &who.practice_id)?;
    let mut team = store::find_team(tx.conn, &who.practice_id, id)?.ok_or(Refusal::TeamNotFound)?;
    if let Some(name) = name {
        team = store::rename_team(tx.conn, &who.practice_id, id, name)?.ok_or(Refusal::TeamExists)?;
    }
    if let Some(members) = members {
        check_members(tx, &who, members)?;
        store::empty_team(tx.conn, id)?;
        for member in members {
            store::join_team(tx.conn, id, member)?;
        }
    }
    let detail = json!({ "name_changed": name.is_some(), "members": members });
    who.note(tx, "team.changed", id.as_str(), detail)?;
    details(tx, team)
}

fn details(tx: &mut Tx, team: Team) -> Result<TeamDetails, Refusal> {
    let rows = store::memberships(tx.conn, std::slice::from_ref(&team.id))?;
    Ok(TeamDetails { members: rows.into_iter().map(|(_, member)| member).collect(), team })
}

fn check_members(tx: &mut Tx, who: &Principal, members: &[StaffId]) -> Result<(), Refusal> {
    match all_work_at(tx, &who.practice_id, members)? {
        true => Ok(()),
        false => Err(Refusal::Stranger),
    }
}
