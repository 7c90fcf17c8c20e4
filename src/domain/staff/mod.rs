//! The staff of a practice: staff members, their teams, roles and permissions, and how they sign in.
//!
//! A staff member is invited by an e-mailed password link ([`letter`]), chooses a [`password`], and signs
//! in with it and a second factor ([`sign_in`]). That opens a [`session`], which is checked on every call:
//! an app sends an access token and a browser a cookie, and [`authenticate`] accepts both. In development
//! only, an operator can mint a token that replaces all of this.

pub mod account;
pub mod desk_code;
pub mod letter;
pub mod password;
pub mod people;
pub mod permission;
pub mod session;
pub mod sign_in;
pub mod store;
pub mod token;

pub use letter::LetterTopic;
pub use password::{PasswordHasher, Weakness};
pub use people::MemberChange;
pub use permission::Permission;
pub use store::{Member, Team};
pub use token::StaffToken;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::practices::{self, Practice};
use crate::kit::ids::{PracticeId, StaffId, StaffSessionId, TeamId};
use crate::kit::{Email, Secret, Wait};
use crate::platform::audit::Event;
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// The role of a staff member, which decides their permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Manages everything in the practice.
    Admin,
    /// Sees only the conversations of links they belong to.
    Member,
    /// The operator's own staff, who configure links for a practice.
    Support,
}

impl Role {
    /// The name used by the command line and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Support => "support",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Admin, Self::Member, Self::Support].into_iter().find(|role| role.as_str() == word)
    }

    /// Returns whether the role sees and changes every link of the practice.
    pub fn configures(self) -> bool {
        matches!(self, Self::Admin | Self::Support)
    }

    /// Returns whether the role has access to patient data. Support sets links up and needs none of it:
    /// only the minimum necessary is shown (45 CFR 164.502(b)).
    pub fn meets_patients(self) -> bool {
        self != Self::Support
    }
}

/// The account state of a staff member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffState)]
pub enum Standing {
    /// The staff member has not chosen a password yet.
    Invited,
    /// The staff member can sign in.
    Active,
    /// The staff member cannot sign in.
    Disabled,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
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
    #[error("letter expired")]
    LetterExpired,
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
    #[error("stranger")]
    Stranger,
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

/// Creates a team of staff members; `None` if the practice already has one with that name.
pub fn create_team(
    tx: &mut Tx,
    practice_id: &PracticeId,
    name: &str,
    members: &[StaffId],
) -> db::Result<Option<Team>> {
    let id = tx.id::<TeamId>();
    let Some(team) = store::insert_team(tx.conn, &id, practice_id, name, tx.now)? else {
        return Ok(None);
    };
    for member in members {
        store::join_team(tx.conn, &team.id, member)?;
    }
    Ok(Some(team))
}

/// Signs a development token for a staff member, valid for 30 days.
pub fn mint_token(tx: &Tx, member: &Member) -> Option<StaffToken> {
    token::sign(tx, &member.id, None)
}

/// The authenticated staff member behind a request.
#[derive(Clone)]
pub struct Principal {
    pub staff_id: StaffId,
    /// The practice that every query of the caller is restricted to.
    pub practice_id: PracticeId,
    pub role: Role,
    /// The session that made the request; `None` for a development token.
    pub session_id: Option<StaffSessionId>,
    /// Whether to record the use of the session with [`session::keep`], in a write of the caller's choice.
    pub is_due: bool,
}

impl Principal {
    /// Appends an action of this staff member to the audit log.
    pub fn note(&self, tx: &mut Tx, action: &str, subject: &str, detail: Value) -> db::Result<()> {
        let (practice_id, actor) = (Some(&self.practice_id), self.staff_id.as_str());
        tx.audit(&Event { practice_id, actor, action, subject, detail })
    }
}

/// Authenticates `token`: an access token, or the secret of a browser's cookie. Session and account are
/// read each time, so that ending either takes effect at once. A cookie's secret reaches this function only
/// from a cookie: [`crate::web::http::Call`] accepts none from a header.
pub fn authenticate(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let token = token.ok_or(Refusal::Unauthorized)?;
    let (id, session) = session::proven(tx, token)?.ok_or(Refusal::Unauthorized)?;
    let member = store::find_active(tx.conn, &id)?.ok_or(Refusal::Unauthorized)?;
    let practice = practices::find(tx, &member.practice_id)?;
    if practice.is_none_or(|practice| practice.is_closed()) {
        return Err(Refusal::Unauthorized);
    }
    let role = member.role();
    Ok(Principal {
        staff_id: member.id,
        practice_id: member.practice_id,
        role,
        is_due: session.as_ref().is_some_and(|session| session::is_due(tx, session)),
        session_id: session.map(|session| session.id),
    })
}

/// Loads the staff member behind a [`Principal`].
pub fn member(tx: &mut Tx, who: &Principal) -> Result<Member, Refusal> {
    store::find(tx.conn, &who.staff_id)?.ok_or(Refusal::Unauthorized)
}

/// Opens a browser session after both factors were proven; returns the cookie's secret.
pub fn open_console_session(tx: &mut Tx, proven: &sign_in::Proven, agent: &str) -> db::Result<Secret> {
    session::open_console(tx, &proven.staff_id, agent)
}

/// Deletes expired challenges, rate-limit counts, password links and sessions.
pub fn sweep(tx: &mut Tx) -> db::Result<()> {
    sign_in::sweep(tx)?;
    letter::sweep(tx)?;
    session::sweep(tx)
}

/// Runs [`authenticate`] for a call that needs a permission.
pub fn authorize(tx: &mut Tx, token: Option<&Secret>, permission: Permission) -> Result<Principal, Refusal> {
    let who = authenticate(tx, token)?;
    if who.role.has(permission) { Ok(who) } else { Err(Refusal::Forbidden) }
}

/// Runs [`authenticate`] for a call that configures the practice.
pub fn authenticate_to_configure(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = authenticate(tx, token)?;
    if who.role.configures() { Ok(who) } else { Err(Refusal::Forbidden) }
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

/// Refuses ids in `field` of a request that are not active staff of the caller's practice with access to patients.
pub fn check_staff(
    tx: &mut Tx,
    who: &Principal,
    field: &'static str,
    ids: &[StaffId],
) -> Result<(), Refusal> {
    match all_work_at(tx, &who.practice_id, ids)? {
        true => Ok(()),
        false => Err(Refusal::UnknownId(field)),
    }
}

/// Loads the practice of the caller.
pub fn practice(tx: &mut Tx, who: &Principal) -> Result<Practice, Refusal> {
    practices::find(tx, &who.practice_id)?.ok_or(Refusal::Unauthorized)
}
