//! The people of a practice: who they are, in which teams, and how they sign in.
//!
//! A colleague is invited by a [`letter`], chooses a [`password`], and signs in by it and a code ([`sign_in`]).
//! That opens a [`session`], which every call is held against: an app sends its access token, a browser its
//! cookie's secret, and both are one to [`authenticate`]. In development alone an operator can mint a token that
//! stands in for all of it.

pub mod account;
pub mod desk_code;
pub mod http;
pub mod letter;
pub mod password;
pub mod people;
pub mod session;
pub mod sign_in;
mod store;
mod token;

pub use letter::LetterTopic;
pub use password::{Vault, Weakness};
pub use people::MemberChange;
pub use store::{Member, Team};
pub use token::StaffToken;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::Ctx;
use crate::audit::{self, Event};
use crate::db::{self, Conn};
use crate::kit::{Email, Secret, Wait};
use crate::practices;

/// What a staff member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything in the practice.
    Admin,
    /// What the links they belong to bring.
    Member,
    /// The operator's own, who configure links for a practice.
    Support,
}

impl Role {
    /// The word that the command line and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Support => "support",
        }
    }

    /// The role behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Admin, Self::Member, Self::Support].into_iter().find(|role| role.as_str() == word)
    }

    /// Whether it sees and changes every link of the practice.
    pub fn configures(self) -> bool {
        matches!(self, Self::Admin | Self::Support)
    }

    /// Whether it knows the practice's patients. Who sets links up needs to know none: no more than a task takes is
    /// shown (45 CFR 164.502(b)).
    pub fn meets_patients(self) -> bool {
        self != Self::Support
    }
}

/// Where a staff member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffState)]
pub enum Standing {
    /// Has not chosen a password yet.
    Invited,
    /// Can sign in.
    Active,
    /// Cannot.
    Disabled,
}

/// Why a staff member was turned away.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No staff token, or one that is not good (any more).
    #[error("unauthorized")]
    Unauthorized,
    /// The role does not include this.
    #[error("forbidden")]
    Forbidden,
    /// Too many failures; waiting cures it.
    #[error("sign-in limited")]
    Limited(Wait),
    /// The challenge is used, over, or none of ours.
    #[error("challenge invalid")]
    ChallengeInvalid,
    /// No such refresh token.
    #[error("refresh token invalid")]
    RefreshInvalid,
    /// The letter is used, over, or none of ours.
    #[error("letter expired")]
    LetterExpired,
    /// The password is too easy to guess.
    #[error("password refused")]
    Weak(#[from] Weakness),
    /// The password to come is too easy to guess.
    #[error("new password refused")]
    WeakNew(Weakness),
    /// Passwords are being hashed, for longer than anybody waits.
    #[error(transparent)]
    Busy(#[from] password::Busy),
    /// Whoever asks has no sign-in of that id.
    #[error("session not found")]
    SessionNotFound,
    /// The practice has nobody of that id.
    #[error("staff not found")]
    StaffNotFound,
    /// The address is somebody's.
    #[error("staff exists")]
    StaffExists,
    /// Nobody would administer the practice.
    #[error("last admin")]
    LastAdmin,
    /// The practice has no team of that id.
    #[error("team not found")]
    TeamNotFound,
    /// The practice has a team of that name.
    #[error("team exists")]
    TeamExists,
    /// A team's list names somebody who does not work there.
    #[error("stranger")]
    Stranger,
    /// The keys cannot sign or seal.
    #[error("keys missing")]
    KeysMissing,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A new staff member.
pub struct NewMember {
    /// The practice.
    pub practice_id: String,
    /// Signs in with it, and is told by it; nobody else's.
    pub email: Email,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Makes a staff member; `None` when the address belongs to one already.
pub fn create(ctx: &Ctx, conn: &mut Conn, new: &NewMember) -> db::Result<Option<Member>> {
    store::insert(conn, &ctx.id("stf"), new, ctx.now)
}

/// Makes a team of staff members; `None` when the practice has one of that name.
pub fn create_team(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    name: &str,
    members: &[String],
) -> db::Result<Option<Team>> {
    let Some(team) = store::insert_team(conn, &ctx.id("tem"), practice_id, name, ctx.now)? else {
        return Ok(None);
    };
    for member in members {
        store::join_team(conn, &team.id, member)?;
    }
    Ok(Some(team))
}

/// A development token for a staff member, for 30 days.
pub fn mint_token(ctx: &Ctx, member: &Member) -> Option<StaffToken> {
    token::sign(ctx, &member.id, None)
}

/// Who is asking, by a staff token.
#[derive(Clone)]
pub struct Principal {
    /// The staff member.
    pub staff_id: String,
    /// Their practice: everything they ask for is narrowed to it.
    pub practice_id: String,
    /// What they may do.
    pub role: Role,
    /// The sign-in that asks; `None` for a development token.
    pub session_id: Option<String>,
    /// Whether use of that sign-in should be noted: [`session::keep`], in a write of the caller's choice.
    pub is_due: bool,
}

impl Principal {
    /// Appends to the audit what they did.
    pub fn note(
        &self,
        ctx: &Ctx,
        conn: &mut Conn,
        action: &str,
        subject: &str,
        detail: Value,
    ) -> db::Result<()> {
        let practice_id = Some(self.practice_id.as_str());
        audit::record(ctx, conn, &Event { practice_id, actor: &self.staff_id, action, subject, detail })
    }
}

/// Who holds `token`: an access token, or the secret of a browser's cookie. All of it is looked up each time, so
/// that a sign-in or an account that ends does so at once. A cookie's secret reaches this only out of a cookie:
/// [`crate::http::Call`] takes none from a header.
pub fn authenticate(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let token = token.ok_or(Refusal::Unauthorized)?;
    let (id, session) = session::proven(ctx, conn, token)?.ok_or(Refusal::Unauthorized)?;
    let member = store::find_active(conn, &id)?.ok_or(Refusal::Unauthorized)?;
    let practice = practices::find(conn, &member.practice_id)?;
    if practice.is_none_or(|practice| practice.is_closed()) {
        return Err(Refusal::Unauthorized);
    }
    let role = member.role();
    Ok(Principal {
        staff_id: member.id,
        practice_id: member.practice_id,
        role,
        is_due: session.as_ref().is_some_and(|session| session::is_due(ctx, session)),
        session_id: session.map(|session| session.id),
    })
}

/// The staff member behind a [`Principal`].
pub fn member(conn: &mut Conn, who: &Principal) -> Result<Member, Refusal> {
    store::find(conn, &who.staff_id)?.ok_or(Refusal::Unauthorized)
}

/// Signs a browser in for somebody whose two factors were just proven; gives the cookie's secret.
pub fn open_console_session(
    ctx: &Ctx,
    conn: &mut Conn,
    proven: &sign_in::Proven,
    agent: &str,
) -> db::Result<Secret> {
    session::open_console(ctx, conn, &proven.staff_id, agent)
}

/// Forgets what is over: challenges, counts, letters, sign-ins.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<()> {
    sign_in::sweep(ctx, conn)?;
    letter::sweep(ctx, conn)?;
    session::sweep(ctx, conn)
}

/// [`authenticate`] for a call that configures the practice.
pub fn authenticate_to_configure(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
) -> Result<Principal, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    if who.role.configures() { Ok(who) } else { Err(Refusal::Forbidden) }
}

/// Whether all of `ids` are active staff of the practice who meet its patients; who is named twice counts once.
pub fn all_work_at(conn: &mut Conn, practice_id: &str, ids: &[String]) -> db::Result<bool> {
    let asked: BTreeSet<&String> = ids.iter().collect();
    Ok(store::active_among(conn, practice_id, ids)?.len() == asked.len())
}

/// Whether the practice has a team of that id.
pub fn has_team(conn: &mut Conn, practice_id: &str, id: &str) -> db::Result<bool> {
    store::has_team(conn, practice_id, id)
}

/// The active staff of a practice, by name.
pub fn colleagues(conn: &mut Conn, practice_id: &str) -> db::Result<Vec<Member>> {
    store::colleagues(conn, practice_id)
}

/// The teams of a practice, by name.
pub fn teams(conn: &mut Conn, practice_id: &str) -> db::Result<Vec<Team>> {
    store::teams(conn, practice_id)
}

/// The teams that a staff member is in.
pub fn teams_of(conn: &mut Conn, staff_id: &str) -> db::Result<Vec<String>> {
    store::teams_of(conn, staff_id)
}

/// The addresses of those of `ids` who are active and meet patients, each with its id.
pub fn emails(conn: &mut Conn, ids: &[String]) -> db::Result<Vec<(String, Email)>> {
    let rows = store::emails(conn, ids)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}

/// What those of `ids` are called, also those who left; each with its id.
pub fn names(conn: &mut Conn, ids: &[String]) -> db::Result<Vec<(String, String)>> {
    store::names(conn, ids)
}

/// The active admins of a practice and their addresses, each with its id.
pub fn admins(conn: &mut Conn, practice_id: &str) -> db::Result<Vec<(String, Email)>> {
    let rows = store::admins(conn, practice_id)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}
