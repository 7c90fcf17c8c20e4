//! The people of a practice: who they are, in which teams, and which practice's token they hold.
//!
//! Staff sign-in by password and TOTP comes with issue 5. Until then an operator mints a token for
//! development; everything behind it is the same.

pub mod http;
mod store;
mod token;

pub use store::{Member, Team};
pub use token::StaffToken;

use std::collections::BTreeSet;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::{Email, Secret};
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
    token::sign(ctx, &member.id)
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
}

/// The holder of `token`, looked up each time, so that a disabled account ends at once.
pub fn authenticate(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let id = token.and_then(|token| token::verify(ctx, token)).ok_or(Refusal::Unauthorized)?;
    let member = store::find_active(conn, &id)?.ok_or(Refusal::Unauthorized)?;
    let practice = practices::find(conn, &member.practice_id)?;
    if practice.is_none_or(|practice| practice.is_closed()) {
        return Err(Refusal::Unauthorized);
    }
    let role = member.role();
    Ok(Principal { staff_id: member.id, practice_id: member.practice_id, role })
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

/// Whether all of `ids` are active staff of the practice; who is named twice counts once.
pub fn all_work_at(conn: &mut Conn, practice_id: &str, ids: &[String]) -> db::Result<bool> {
    let asked: BTreeSet<&String> = ids.iter().collect();
    Ok(store::active_among(conn, practice_id, ids)?.len() == asked.len())
}

/// Whether the practice has a team of that id.
pub fn has_team(conn: &mut Conn, practice_id: &str, id: &str) -> db::Result<bool> {
    store::has_team(conn, practice_id, id)
}

/// The active staff member of `id`.
pub fn member(conn: &mut Conn, id: &str) -> db::Result<Option<Member>> {
    store::find_active(conn, id)
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

/// The addresses of those of `ids` who are active, each with its id.
pub fn emails(conn: &mut Conn, ids: &[String]) -> db::Result<Vec<(String, Email)>> {
    let rows = store::emails(conn, ids)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}

/// The active admins of a practice and their addresses, each with its id.
pub fn admins(conn: &mut Conn, practice_id: &str) -> db::Result<Vec<(String, Email)>> {
    let rows = store::admins(conn, practice_id)?;
    Ok(rows.into_iter().filter_map(|(id, email)| Some((id, Email::parse(&email)?))).collect())
}
