//! Teams: groups of staff members who own links together.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Error, Staff, Team, all_work_at, store};
use crate::domain::events::EventKind;
use crate::kit::{PracticeId, StaffId, TeamId};
use crate::platform::{Tx, db};

pub struct TeamDetails {
    pub team: Team,
    pub members: Vec<StaffId>,
}

/// Lists the practice's teams by name.
pub fn list(tx: &mut Tx, who: &Staff) -> Result<Vec<TeamDetails>, Error> {
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

pub fn find(tx: &mut Tx, who: &Staff, id: &TeamId) -> Result<TeamDetails, Error> {
    let team = store::find_team(tx.conn, &who.practice_id, id)?.ok_or(Error::TeamNotFound)?;
    details(tx, team)
}

/// Creates a team of staff members; `None` if the practice already has one with that name.
pub fn create_team(
    tx: &mut Tx,
    practice_id: &PracticeId,
    name: &str,
    members: &[StaffId],
) -> db::Result<Option<Team>> {
    let id = tx.id();
    let Some(team) = store::insert_team(tx.conn, &id, practice_id, name, tx.now)? else {
        return Ok(None);
    };
    for member in members {
        store::join_team(tx.conn, &team.id, member)?;
    }
    Ok(Some(team))
}

/// Creates a team in the caller's practice.
pub fn create(tx: &mut Tx, who: &Staff, name: &str, members: &[StaffId]) -> Result<TeamDetails, Error> {
    check_members(tx, who, members)?;
    let team = create_team(tx, &who.practice_id, name, members)?.ok_or(Error::TeamExists)?;
    who.note(tx, EventKind::TeamCreated, &team.id, json!({ "members": members }));
    details(tx, team)
}

/// Changes a team; `members` replaces the whole list.
pub fn change(
    tx: &mut Tx,
    who: &Staff,
    id: &TeamId,
    name: Option<&str>,
    members: Option<&[StaffId]>,
) -> Result<TeamDetails, Error> {
    // Prevents two teams from getting the same name at the same moment.
    store::lock_people(tx.conn, &who.practice_id)?;
    let mut team = store::find_team(tx.conn, &who.practice_id, id)?.ok_or(Error::TeamNotFound)?;
    if let Some(name) = name {
        team = store::rename_team(tx.conn, &who.practice_id, id, name)?.ok_or(Error::TeamExists)?;
    }
    if let Some(members) = members {
        check_members(tx, who, members)?;
        store::empty_team(tx.conn, id)?;
        for member in members {
            store::join_team(tx.conn, id, member)?;
        }
    }
    let detail = json!({ "name_changed": name.is_some(), "members": members });
    who.note(tx, EventKind::TeamChanged, id, detail);
    details(tx, team)
}

fn details(tx: &mut Tx, team: Team) -> Result<TeamDetails, Error> {
    let rows = store::memberships(tx.conn, std::slice::from_ref(&team.id))?;
    Ok(TeamDetails { members: rows.into_iter().map(|(_, member)| member).collect(), team })
}

fn check_members(tx: &mut Tx, who: &Staff, members: &[StaffId]) -> Result<(), Error> {
    match all_work_at(tx, &who.practice_id, members)? {
        true => Ok(()),
        false => Err(Error::UnknownTeamMember),
    }
}
