//! The console: the practice's own view as pages, for a front desk with nothing but a browser.
//!
//! A thin face. What it shows and changes goes through the rules of [`crate::desk`], [`crate::webhooks`] and
//! [`crate::notices`], with the secret of its cookie where the API passes the bearer token; so what a role may
//! not do there it may not do here. The pages work without scripts.

mod address;
mod chart;
pub mod http;
pub mod session;

use crate::app::Ctx;
use crate::db::Conn;
use crate::desk::Refusal;
use crate::kit::Secret;
use crate::practices::{self, Practice};
use crate::staff::{self, Member, Role, Team};

/// Who looks at a page, and of which practice.
pub struct Who {
    /// The staff member.
    pub staff_id: String,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their practice.
    pub practice: Practice,
}

/// The holder of a cookie's secret.
pub fn who(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Who, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    let name = staff::member(conn, &who)?.name;
    let practice = practices::find(conn, &who.practice_id)?.ok_or(staff::Refusal::Unauthorized)?;
    Ok(Who { staff_id: who.staff_id, name, role: who.role, practice })
}

/// The people and teams of a practice, by name: what its forms offer.
pub struct Roster {
    /// Active staff.
    pub people: Vec<Member>,
    /// Teams.
    pub teams: Vec<Team>,
}

impl Roster {
    /// Those who can be given patients to look after.
    pub fn who_meet_patients(&self) -> impl Iterator<Item = &Member> {
        self.people.iter().filter(|person| person.role().meets_patients())
    }

    /// What a staff member or team is called; `None` for whoever left.
    pub fn name(&self, id: &str) -> Option<&str> {
        let person = self.people.iter().find(|person| person.id == id).map(|person| person.name.as_str());
        person.or_else(|| self.teams.iter().find(|team| team.id == id).map(|team| team.name.as_str()))
    }
}

/// The roster of whoever looks.
pub fn roster(conn: &mut Conn, who: &Who) -> Result<Roster, Refusal> {
    let practice_id = &who.practice.id;
    Ok(Roster { people: staff::colleagues(conn, practice_id)?, teams: staff::teams(conn, practice_id)? })
}
