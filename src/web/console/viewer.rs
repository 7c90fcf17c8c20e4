//! The console: web pages for the front desk, which needs nothing but a browser.
//!
//! A thin layer. Pages read and change data through [`crate::domain::desk`], [`crate::domain::webhooks`] and
//! [`crate::domain::notifications`], with the cookie's secret in place of the API's bearer token, so the permissions of
//! a role are the same as in the API. The pages work without JavaScript.

use crate::domain::desk::Refusal;
use crate::domain::practices::{self, Practice};
use crate::domain::staff::{self, Member, Role, Team};
use crate::kit::Secret;
use crate::kit::ids::StaffId;
use crate::platform::tx::Tx;

/// The signed-in staff member and their practice.
pub struct Who {
    pub staff_id: StaffId,
    /// Display name, as colleagues see it.
    pub name: String,
    pub role: Role,
    pub practice: Practice,
}

/// Authenticates the holder of a session secret.
pub fn who(tx: &mut Tx, token: Option<&Secret>) -> Result<Who, Refusal> {
    let who = staff::authenticate(tx, token)?;
    let name = staff::member(tx, &who)?.name;
    let practice = practices::find(tx, &who.practice_id)?.ok_or(staff::Refusal::Unauthorized)?;
    Ok(Who { staff_id: who.staff_id, name, role: who.role, practice })
}

/// The staff and teams of a practice, as offered in forms.
pub struct Roster {
    /// Active staff members only.
    pub people: Vec<Member>,
    pub teams: Vec<Team>,
}

impl Roster {
    /// Staff whose role lets them see patients.
    pub fn who_meet_patients(&self) -> impl Iterator<Item = &Member> {
        self.people.iter().filter(|person| person.role().meets_patients())
    }

    /// The name of the staff member or team with this id; `None` if they left the practice.
    pub fn name(&self, id: &str) -> Option<&str> {
        let mut people = self.people.iter().map(|person| (person.id.as_str(), person.name.as_str()));
        let mut teams = self.teams.iter().map(|team| (team.id.as_str(), team.name.as_str()));
        let found = people.find(|(of, _)| *of == id).or_else(|| teams.find(|(of, _)| *of == id));
        found.map(|(_, name)| name)
    }
}

/// The roster of the signed-in member's practice.
pub fn roster(tx: &mut Tx, who: &Who) -> Result<Roster, Refusal> {
    let practice_id = &who.practice.id;
    Ok(Roster { people: staff::colleagues(tx, practice_id)?, teams: staff::teams(tx, practice_id)? })
}
