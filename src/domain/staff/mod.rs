//! The staff of a practice: staff members, their teams, roles and permissions, and how they sign in.
//!
//! A staff member is invited by an e-mailed [`password_link`], chooses a password, and signs
//! in with it and a second factor ([`sign_in`]). That opens a [`session`], which is checked on every call:
//! an app sends an access token and a browser a cookie, and [`authenticate`] accepts both. In development
//! only, an operator can mint a token that replaces all of this.

pub mod account;
mod password;
pub mod password_link;
pub mod people;
mod permission;
mod principal;
pub mod session;
pub mod sign_in;
mod store;
pub mod teams;
mod token;

pub use password::{PasswordHasher, Weakness};
pub use password_link::PasswordLinkTopic;
pub use people::MemberChange;
pub use permission::{Permission, Role};
pub use principal::{Staff, authenticate, authorize};
pub use session::open_console as open_console_session;
pub use store::{Member, Team};
pub use teams::create_team;
pub use token::StaffToken;

use std::collections::BTreeSet;

use crate::domain::practices::{self, Practice};
use crate::kit::{Email, PracticeId, StaffId, TeamId, Wait};
use crate::platform::{Tx, db};

crate::text_enum! {
    /// A state that an admin can give a staff member's account.
    #[schema(as = StaffAccess)]
    pub enum Access {
        /// The staff member may sign in.
        Active = "active",
        /// The staff member is signed out at once and cannot sign in.
        Disabled = "disabled",
    }
}

/// The account state of a staff member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffState)]
pub enum State {
    /// The staff member has not chosen a password yet.
    Invited,
    /// The staff member can sign in.
    Active,
    /// The staff member cannot sign in.
    Disabled,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The staff token is missing, invalid or expired.
    #[error("unauthorized")]
    Unauthorized,
    /// The role lacks the permission.
    #[error("forbidden")]
    Forbidden,
    /// Too many failures; the caller may try again after the wait.
    #[error("sign-in limited")]
    Limited(Wait),
    /// The challenge is used, expired or unknown.
    #[error("challenge invalid")]
    ChallengeInvalid,
    /// The refresh token is unknown or expired.
    #[error("refresh token invalid")]
    RefreshInvalid,
    /// The password link is used, expired or unknown.
    #[error("password link expired")]
    PasswordLinkExpired,
    /// The chosen password is too easy to guess.
    #[error("password refused")]
    Weak(#[from] Weakness),
    /// The new password of a password change is too easy to guess.
    #[error("new password refused")]
    WeakNew(Weakness),
    /// The password hasher had no free slot within its timeout.
    #[error(transparent)]
    Busy(#[from] password::Busy),
    /// The caller has no session with that id.
    #[error("session not found")]
    SessionNotFound,
    /// The practice has no staff member with that id.
    #[error("staff not found")]
    StaffNotFound,
    /// Another account already uses the address.
    #[error("staff exists")]
    StaffExists,
    /// The practice would be left without an admin.
    #[error("last admin")]
    LastAdmin,
    /// The practice has no team with that id.
    #[error("team not found")]
    TeamNotFound,
    /// The practice already has a team with that name.
    #[error("team exists")]
    TeamExists,
    /// The member list of a team names an id that is not staff of the practice.
    #[error("unknown team member")]
    UnknownTeamMember,
    /// This field of the request names an id that the practice does not have.
    #[error("unknown id in {0}")]
    UnknownId(&'static str),
    /// Signing or sealing with the keys failed.
    #[error("keys missing")]
    KeysMissing,
    #[error(transparent)]
    Db(#[from] db::Error),
}

pub struct NewMember {
    /// Used to sign in and to notify; unique over all practices.
    pub email: Email,
    pub name: String,
    pub role: Role,
}

/// Creates a staff member; `None` if the address already has an account.
pub fn create(tx: &mut Tx, practice_id: &PracticeId, new: &NewMember) -> db::Result<Option<Member>> {
    let id = tx.id::<StaffId>();
    store::insert(tx.conn, &id, practice_id, new, tx.now)
}

/// Signs a development token for a staff member, valid for 30 days.
pub fn mint_token(tx: &Tx, member: &Member) -> Option<StaffToken> {
    token::sign(tx, &member.id, None)
}

/// Loads the row of the signed-in staff member.
pub fn member(tx: &mut Tx, who: &Staff) -> Result<Member, Error> {
    store::find(tx.conn, &who.staff_id)?.ok_or(Error::Unauthorized)
}

/// Deletes expired challenges, rate-limit counts, password links and sessions.
pub fn sweep(tx: &mut Tx) -> db::Result<()> {
    sign_in::sweep(tx)?;
    password_link::sweep(tx)?;
    session::sweep(tx)
}

/// Returns whether all `ids` are active staff of the practice with access to patients; duplicates count once.
pub fn all_work_at(tx: &mut Tx, practice_id: &PracticeId, ids: &[StaffId]) -> db::Result<bool> {
    let asked: BTreeSet<&StaffId> = ids.iter().collect();
    Ok(store::active_among(tx.conn, practice_id, ids)?.len() == asked.len())
}

/// Returns whether the practice has a team with that id.
pub fn has_team(tx: &mut Tx, practice_id: &PracticeId, id: &TeamId) -> db::Result<bool> {
    store::has_team(tx.conn, practice_id, id)
}

/// Lists the active staff of a practice by name.
pub fn colleagues(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Vec<Member>> {
    store::colleagues(tx.conn, practice_id)
}

/// Lists the teams of a practice by name.
pub fn teams(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Vec<Team>> {
    store::teams(tx.conn, practice_id)
}

/// Returns the ids of a staff member's teams.
pub fn teams_of(tx: &mut Tx, staff_id: &StaffId) -> db::Result<Vec<TeamId>> {
    store::teams_of(tx.conn, staff_id)
}

/// Returns id and address of those among `ids` who are active and have access to patients.
pub fn emails(tx: &mut Tx, ids: &[StaffId]) -> db::Result<Vec<(StaffId, Email)>> {
    let rows = store::emails(tx.conn, ids)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}

/// Returns id and name of each of `ids`, including former staff.
pub fn names(tx: &mut Tx, ids: &[StaffId]) -> db::Result<Vec<(StaffId, String)>> {
    store::names(tx.conn, ids)
}

/// Returns id and address of a practice's active admins.
pub fn admins(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Vec<(StaffId, Email)>> {
    let rows = store::admins(tx.conn, practice_id)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}

/// Refuses ids in `field` that are not active staff of the caller's practice with access to patients.
pub fn check_staff(tx: &mut Tx, who: &Staff, field: &'static str, ids: &[StaffId]) -> Result<(), Error> {
    match all_work_at(tx, &who.practice_id, ids)? {
        true => Ok(()),
        false => Err(Error::UnknownId(field)),
    }
}

/// Loads the practice of the caller.
pub fn practice(tx: &mut Tx, who: &Staff) -> Result<Practice, Error> {
    practices::find(tx, &who.practice_id)?.ok_or(Error::Unauthorized)
}
