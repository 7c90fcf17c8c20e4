//! Queries on `staff`, `teams` and `team_members`.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::{delete, insert_into, update};

use super::{Access, MemberChange, NewMember, Role, State};
use crate::kit::{Email, PracticeId, StaffId, TeamId, Timestamp};
use crate::platform::db::schema::{staff, team_members, teams};
use crate::platform::db::{Both, Conn, Locked, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = staff)]
pub struct Member {
    /// Prefixed `stf_`, followed by a UUID.
    pub id: StaffId,
    pub practice_id: PracticeId,
    /// The address used to sign in.
    pub email: String,
    pub name: String,
    pub role: Role,
    #[diesel(column_name = state)]
    pub access: Access,
    /// Time of the first invitation.
    pub created_at: Timestamp,
    /// Set when the first password is chosen, and updated by each later one.
    pub password_at: Option<Timestamp>,
    /// Set when the second factor is set up.
    pub enrolled_at: Option<Timestamp>,
}

impl Member {
    /// Returns whether the account is not disabled.
    pub fn is_active(&self) -> bool {
        self.access == Access::Active
    }

    pub fn state(&self) -> State {
        match (self.access, self.password_at) {
            (Access::Active, Some(_)) => State::Active,
            (Access::Active, None) => State::Invited,
            (Access::Disabled, _) => State::Disabled,
        }
    }
}

/// The stored credentials that a sign-in is checked against.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = staff)]
pub(super) struct Credentials {
    pub id: StaffId,
    /// The Argon2id hash, in the PHC string format.
    pub password_hash: Option<String>,
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = teams)]
pub struct Team {
    /// Prefixed `tem_`, followed by a UUID.
    pub id: TeamId,
    pub name: String,
}

/// Inserts a staff member; `None` if the address is taken.
pub(super) fn insert(
    conn: &mut Conn,
    id: &StaffId,
    practice_id: &PracticeId,
    new: &NewMember,
    now: Timestamp,
) -> Result<Option<Member>> {
    let row = (
        staff::id.eq(id),
        staff::practice_id.eq(practice_id),
        staff::email.eq(new.email.as_str()),
        staff::name.eq(&new.name),
        staff::role.eq(new.role),
        staff::state.eq(Access::Active),
        staff::created_at.eq(now),
    );
    let insert = insert_into(staff::table)
        .values(row)
        .on_conflict(staff::email)
        .do_nothing()
        .returning(columns::<Member>());
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Inserts a team; `None` if the practice already has one with that name.
pub(super) fn insert_team(
    conn: &mut Conn,
    id: &TeamId,
    practice_id: &PracticeId,
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

pub(super) fn join_team(conn: &mut Conn, team_id: &TeamId, staff_id: &StaffId) -> Result<usize> {
    let row = (team_members::team_id.eq(team_id), team_members::staff_id.eq(staff_id));
    Ok(Both(insert_into(team_members::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Finds a staff member in any state.
pub(super) fn find(conn: &mut Conn, id: &StaffId) -> Result<Option<Member>> {
    Ok(staff::table.find(id).select(columns::<Member>()).first(conn).optional()?)
}

/// Finds the staff member of an address, in any state.
pub(super) fn find_by_email(conn: &mut Conn, email: &Email) -> Result<Option<Member>> {
    let row = staff::table.filter(staff::email.eq(email.as_str()));
    Ok(row.select(columns::<Member>()).first(conn).optional()?)
}

/// Returns the credentials of an active staff member by address.
pub(super) fn credentials(conn: &mut Conn, email: &Email) -> Result<Option<Credentials>> {
    let row = staff::table.filter(staff::email.eq(email.as_str())).filter(staff::state.eq(Access::Active));
    Ok(row.select(columns::<Credentials>()).first(conn).optional()?)
}

/// Returns the sealed second-factor seed of an active staff member.
pub(super) fn totp_secret(conn: &mut Conn, id: &StaffId) -> Result<Option<String>> {
    let row = staff::table.find(id).filter(staff::state.eq(Access::Active));
    Ok(row.select(staff::totp_secret).first::<Option<String>>(conn).optional()?.flatten())
}

/// Lists up to `limit` of a practice's staff after the id `after`.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    after: &str,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows = staff::table.filter(staff::practice_id.eq(practice_id)).filter(staff::id.gt(after));
    Ok(rows.order(staff::id).limit(limit).select(columns::<Member>()).load(conn)?)
}

/// Serializes changes to a practice's staff and teams until the transaction ends: all of them lock the row of
/// the practice's first staff member.
pub(super) fn lock_people(conn: &mut Conn, practice_id: &PracticeId) -> Result<()> {
    let first = staff::table.filter(staff::practice_id.eq(practice_id)).select(staff::id);
    Locked(first.order(staff::id).limit(1)).get_result::<StaffId>(conn).optional()?;
    Ok(())
}

/// Returns whether a practice has an active admin other than `id` who can sign in.
pub(super) fn has_other_admin(conn: &mut Conn, practice_id: &PracticeId, id: &StaffId) -> Result<bool> {
    let rows = staff::table
        .filter(staff::practice_id.eq(practice_id))
        .filter(staff::id.ne(id))
        .filter(staff::role.eq(Role::Admin))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::password_at.is_not_null());
    Ok(rows.count().get_result::<i64>(conn)? > 0)
}

pub(super) fn change(
    conn: &mut Conn,
    practice_id: &PracticeId,
    id: &StaffId,
    change: &MemberChange,
) -> Result<Option<Member>> {
    let row = staff::table.filter(staff::id.eq(id)).filter(staff::practice_id.eq(practice_id));
    // The first assignment changes nothing, but an empty changeset would be no statement and return no row.
    let set = (
        staff::practice_id.eq(practice_id),
        change.name.as_ref().map(|name| staff::name.eq(name)),
        change.role.map(|role| staff::role.eq(role)),
        change.access.map(|access| staff::state.eq(access)),
    );
    Ok(update(row).set(set).returning(columns::<Member>()).get_result(conn).optional()?)
}

/// Sets the password of an active staff member; `false` if there is no such row.
pub(super) fn set_password(conn: &mut Conn, id: &StaffId, hash: &str, now: Timestamp) -> Result<bool> {
    let row = staff::table.filter(staff::id.eq(id)).filter(staff::state.eq(Access::Active));
    let change = (staff::password_hash.eq(hash), staff::password_at.eq(now));
    Ok(update(row).set(change).execute(conn)? == 1)
}

/// Returns the credentials of the active staff member `id`.
pub(super) fn credentials_of(conn: &mut Conn, id: &StaffId) -> Result<Option<Credentials>> {
    let row = staff::table.find(id).filter(staff::state.eq(Access::Active));
    Ok(row.select(columns::<Credentials>()).first(conn).optional()?)
}

/// Replaces the password of an active staff member; `false` if the stored hash is no longer `old`.
pub(super) fn replace_password(
    conn: &mut Conn,
    id: &StaffId,
    old: &str,
    hash: &str,
    now: Timestamp,
) -> Result<bool> {
    let row = staff::table
        .filter(staff::id.eq(id))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::password_hash.eq(old));
    let change = (staff::password_hash.eq(hash), staff::password_at.eq(now));
    Ok(update(row).set(change).execute(conn)? == 1)
}

/// Stores a second factor unless one exists; `step` is the time step of the code that proved it.
pub(super) fn enrol(conn: &mut Conn, id: &StaffId, sealed: &str, step: i64, now: Timestamp) -> Result<bool> {
    let row = staff::table
        .filter(staff::id.eq(id))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::enrolled_at.is_null());
    let change = (staff::totp_secret.eq(sealed), staff::totp_step.eq(step), staff::enrolled_at.eq(now));
    Ok(update(row).set(change).execute(conn)? == 1)
}

/// Accepts the code of time step `step`, once; older steps are refused.
pub(super) fn accept_step(conn: &mut Conn, id: &StaffId, sealed: &str, step: i64) -> Result<bool> {
    let row = staff::table
        .filter(staff::id.eq(id))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::totp_secret.eq(sealed))
        .filter(staff::totp_step.is_null().or(staff::totp_step.lt(step)));
    Ok(update(row).set(staff::totp_step.eq(step)).execute(conn)? == 1)
}

/// Removes the second factor of a staff member.
pub(super) fn reset_totp(conn: &mut Conn, id: &StaffId) -> Result<usize> {
    let change = (
        staff::totp_secret.eq(None::<String>),
        staff::totp_step.eq(None::<i64>),
        staff::enrolled_at.eq(None::<Timestamp>),
    );
    Ok(update(staff::table.find(id)).set(change).execute(conn)?)
}

pub(super) fn empty_team(conn: &mut Conn, team_id: &TeamId) -> Result<usize> {
    Ok(delete(team_members::table.filter(team_members::team_id.eq(team_id))).execute(conn)?)
}

/// Renames a team, unless another team of the practice has that name.
pub(super) fn rename_team(
    conn: &mut Conn,
    practice_id: &PracticeId,
    id: &TeamId,
    name: &str,
) -> Result<Option<Team>> {
    let others = diesel::alias!(teams as others);
    let taken = others
        .filter(others.field(teams::practice_id).eq(practice_id))
        .filter(others.field(teams::id).ne(id))
        .filter(others.field(teams::name).eq(name));
    let row = teams::table
        .filter(teams::id.eq(id))
        .filter(teams::practice_id.eq(practice_id))
        .filter(not(exists(taken)));
    let update = update(row).set(teams::name.eq(name)).returning(columns::<Team>());
    Ok(update.get_result(conn).optional()?)
}

pub(super) fn find_team(conn: &mut Conn, practice_id: &PracticeId, id: &TeamId) -> Result<Option<Team>> {
    let row = teams::table.filter(teams::id.eq(id)).filter(teams::practice_id.eq(practice_id));
    Ok(row.select(columns::<Team>()).first(conn).optional()?)
}

/// Lists a practice's teams by name.
pub(super) fn teams(conn: &mut Conn, practice_id: &PracticeId) -> Result<Vec<Team>> {
    let rows = teams::table.filter(teams::practice_id.eq(practice_id));
    Ok(rows.order((teams::name, teams::id)).select(columns::<Team>()).load(conn)?)
}

/// Returns the members of `teams`, as pairs of team id and staff id.
pub(super) fn memberships(conn: &mut Conn, teams: &[TeamId]) -> Result<Vec<(TeamId, StaffId)>> {
    let rows = team_members::table.filter(team_members::team_id.eq_any(teams));
    let rows = rows.order((team_members::team_id, team_members::staff_id));
    Ok(rows.select((team_members::team_id, team_members::staff_id)).load(conn)?)
}

pub(super) fn find_active(conn: &mut Conn, id: &StaffId) -> Result<Option<Member>> {
    let row = staff::table.find(id).filter(staff::state.eq(Access::Active));
    Ok(row.select(columns::<Member>()).first(conn).optional()?)
}

/// Returns those of `ids` who are active staff of the practice with access to patients.
pub(super) fn active_among(
    conn: &mut Conn,
    practice_id: &PracticeId,
    ids: &[StaffId],
) -> Result<Vec<StaffId>> {
    let rows = staff::table
        .filter(staff::practice_id.eq(practice_id))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::role.ne(Role::Support))
        .filter(staff::id.eq_any(ids));
    Ok(rows.select(staff::id).load(conn)?)
}

/// Lists the active staff of a practice by name.
pub(super) fn colleagues(conn: &mut Conn, practice_id: &PracticeId) -> Result<Vec<Member>> {
    let rows =
        staff::table.filter(staff::practice_id.eq(practice_id)).filter(staff::state.eq(Access::Active));
    Ok(rows.order((staff::name, staff::id)).select(columns::<Member>()).load(conn)?)
}

pub(super) fn has_team(conn: &mut Conn, practice_id: &PracticeId, id: &TeamId) -> Result<bool> {
    let row = teams::table.filter(teams::id.eq(id)).filter(teams::practice_id.eq(practice_id));
    Ok(row.count().get_result::<i64>(conn)? == 1)
}

pub(super) fn teams_of(conn: &mut Conn, staff_id: &StaffId) -> Result<Vec<TeamId>> {
    let rows = team_members::table.filter(team_members::staff_id.eq(staff_id));
    Ok(rows.select(team_members::team_id).load(conn)?)
}

/// Returns staff members as pairs of id and name.
pub(super) fn names(conn: &mut Conn, ids: &[StaffId]) -> Result<Vec<(StaffId, String)>> {
    Ok(staff::table.filter(staff::id.eq_any(ids)).select((staff::id, staff::name)).load(conn)?)
}

/// Returns id and address of those who are active and have access to patients: only they are notified.
pub(super) fn emails(conn: &mut Conn, ids: &[StaffId]) -> Result<Vec<(StaffId, String)>> {
    let rows = staff::table
        .filter(staff::id.eq_any(ids))
        .filter(staff::state.eq(Access::Active))
        .filter(staff::role.ne(Role::Support));
    Ok(rows.order(staff::id).select((staff::id, staff::email)).load(conn)?)
}

/// Returns ids and addresses of a practice's active admins.
pub(super) fn admins(conn: &mut Conn, practice_id: &PracticeId) -> Result<Vec<(StaffId, String)>> {
    let rows = staff::table
        .filter(staff::practice_id.eq(practice_id))
        .filter(staff::role.eq(Role::Admin))
        .filter(staff::state.eq(Access::Active));
    Ok(rows.order(staff::id).select((staff::id, staff::email)).load(conn)?)
}
