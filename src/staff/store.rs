//! The rows of `staff`, `teams` and `team_members`.

use diesel::insert_into;
use diesel::prelude::*;

use super::{NewMember, Role};
use crate::db::schema::{staff, team_members, teams};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

/// A staff member.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = staff)]
pub struct Member {
    /// Its id, `stf_…`.
    pub id: String,
    /// Their practice.
    pub practice_id: String,
    /// What colleagues call them.
    pub name: String,
    role: String,
}

impl Member {
    /// What they may do; a word that nobody knows counts as the least.
    pub fn role(&self) -> Role {
        Role::from_word(&self.role).unwrap_or(Role::Member)
    }
}

/// A team of staff members.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = teams)]
pub struct Team {
    /// Its id, `tem_…`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Makes a staff member; `None` when the address is taken.
pub fn insert(conn: &mut Conn, id: &str, new: &NewMember, now: Timestamp) -> Result<Option<Member>> {
    let row = (
        staff::id.eq(id),
        staff::practice_id.eq(&new.practice_id),
        staff::email.eq(new.email.as_str()),
        staff::name.eq(&new.name),
        staff::role.eq(new.role.as_str()),
        staff::state.eq("active"),
        staff::created_at.eq(now),
    );
    let insert = insert_into(staff::table)
        .values(row)
        .on_conflict(staff::email)
        .do_nothing()
        .returning(columns::<Member>());
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Makes a team; `None` when the practice has one of that name.
pub fn insert_team(
    conn: &mut Conn,
    id: &str,
    practice_id: &str,
    name: &str,
    now: Timestamp,
) -> Result<Option<Team>> {
    let row = (
        teams::id.eq(id),
        teams::practice_id.eq(practice_id),
        teams::name.eq(name),
        teams::created_at.eq(now),
    );
    let insert = insert_into(teams::table).values(row).on_conflict_do_nothing().returning(columns::<Team>());
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Puts a staff member into a team.
pub fn join_team(conn: &mut Conn, team_id: &str, staff_id: &str) -> Result<usize> {
    let row = (team_members::team_id.eq(team_id), team_members::staff_id.eq(staff_id));
    Ok(Both(insert_into(team_members::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// The active staff member of `id`.
pub fn find_active(conn: &mut Conn, id: &str) -> Result<Option<Member>> {
    let row = staff::table.find(id).filter(staff::state.eq("active"));
    Ok(row.select(columns::<Member>()).first(conn).optional()?)
}

/// Those of `ids` who are active staff of the practice.
pub fn active_among(conn: &mut Conn, practice_id: &str, ids: &[String]) -> Result<Vec<String>> {
    let rows = staff::table
        .filter(staff::practice_id.eq(practice_id))
        .filter(staff::state.eq("active"))
        .filter(staff::id.eq_any(ids));
    Ok(rows.select(staff::id).load(conn)?)
}

/// The active staff of a practice, by name.
pub fn colleagues(conn: &mut Conn, practice_id: &str) -> Result<Vec<Member>> {
    let rows = staff::table.filter(staff::practice_id.eq(practice_id)).filter(staff::state.eq("active"));
    Ok(rows.order((staff::name, staff::id)).select(columns::<Member>()).load(conn)?)
}

/// The teams of a practice, by name.
pub fn teams(conn: &mut Conn, practice_id: &str) -> Result<Vec<Team>> {
    let rows = teams::table.filter(teams::practice_id.eq(practice_id)).order((teams::name, teams::id));
    Ok(rows.select(columns::<Team>()).load(conn)?)
}

/// Whether the practice has a team of that id.
pub fn has_team(conn: &mut Conn, practice_id: &str, id: &str) -> Result<bool> {
    let row = teams::table.filter(teams::id.eq(id)).filter(teams::practice_id.eq(practice_id));
    Ok(row.count().get_result::<i64>(conn)? == 1)
}

/// The teams that a staff member is in.
pub fn teams_of(conn: &mut Conn, staff_id: &str) -> Result<Vec<String>> {
    let rows = team_members::table.filter(team_members::staff_id.eq(staff_id));
    Ok(rows.select(team_members::team_id).load(conn)?)
}

/// Ids and addresses of those of `ids` who are active.
pub fn emails(conn: &mut Conn, ids: &[String]) -> Result<Vec<(String, String)>> {
    let rows = staff::table.filter(staff::id.eq_any(ids)).filter(staff::state.eq("active"));
    Ok(rows.order(staff::id).select((staff::id, staff::email)).load(conn)?)
}

/// Ids and addresses of a practice's active admins.
pub fn admins(conn: &mut Conn, practice_id: &str) -> Result<Vec<(String, String)>> {
    let rows = staff::table
        .filter(staff::practice_id.eq(practice_id))
        .filter(staff::role.eq(Role::Admin.as_str()))
        .filter(staff::state.eq("active"));
    Ok(rows.order(staff::id).select((staff::id, staff::email)).load(conn)?)
}
