//! The signed-in staff member of a page, and the staff and teams that its forms offer.

use crate::domain::practices::Practice;
use crate::domain::staff::{self, Member, Permission, Role, Staff, Team};
use crate::kit::{PracticeId, StaffId};
use crate::platform::{Tx, db};

/// The signed-in staff member and their practice.
pub(super) struct Viewer {
    pub staff_id: StaffId,
    /// Display name, as colleagues see it.
    pub name: String,
    pub role: Role,
    pub practice: Practice,
}

impl Viewer {
    pub(super) fn of(tx: &mut Tx, staff: &Staff) -> Result<Self, staff::Error> {
        let name = staff::member(tx, staff)?.name;
        let practice = staff::practice(tx, staff)?;
        Ok(Self { staff_id: staff.staff_id.clone(), name, role: staff.role, practice })
    }
}

/// The staff and teams of a practice, as offered in forms.
pub(super) struct Roster {
    /// Active staff members only.
    pub people: Vec<Member>,
    pub teams: Vec<Team>,
}

impl Roster {
    pub(super) fn of(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Self> {
        Ok(Self { people: staff::colleagues(tx, practice_id)?, teams: staff::teams(tx, practice_id)? })
    }

    /// Staff whose role lets them see patients.
    pub(super) fn with_patient_access(&self) -> impl Iterator<Item = &Member> {
        self.people.iter().filter(|person| person.role.has(Permission::ReadPatients))
    }

    /// The name of the staff member or team with this id; `None` if they left the practice.
    pub(super) fn name(&self, key: &str) -> Option<&str> {
        let mut people = self.people.iter().map(|person| (person.id.as_str(), person.name.as_str()));
        let mut teams = self.teams.iter().map(|team| (team.id.as_str(), team.name.as_str()));
        let found = people.find(|(of, _)| *of == key).or_else(|| teams.find(|(of, _)| *of == key));
        found.map(|(_, name)| name)
    }
}
