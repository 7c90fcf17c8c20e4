//! The access scope of staff: admins and support see the whole practice, members what comes through
//! certain links.

use super::{Link, Owner, store};
use crate::domain::staff::{self, Permission, Staff};
use crate::kit::{LinkId, StaffId};
use crate::platform::{Tx, db};

/// Which links, conversations and invites of the practice a staff member sees.
#[derive(Debug, Clone)]
pub enum AccessScope {
    /// Everything of the practice.
    All,
    /// What belongs to these owners or came through these links, and what is assigned to the staff member.
    Limited {
        /// The practice as a whole, the staff member, and their teams.
        owners: Vec<Owner>,
        /// Links that list the staff member as assignee or member.
        links: Vec<LinkId>,
        staff_id: StaffId,
    },
}

impl AccessScope {
    /// The scope of a staff member, as of now.
    pub fn of(tx: &mut Tx, who: &Staff) -> db::Result<Self> {
        if who.role.has(Permission::ConfigurePractice) {
            return Ok(Self::All);
        }
        let teams = staff::teams_of(tx, &who.staff_id)?;
        let mut owners: Vec<Owner> = teams.into_iter().map(Owner::Team).collect();
        owners.extend([Owner::Practice, Owner::Staff(who.staff_id.clone())]);
        let links = store::joined(tx.conn, &who.staff_id)?;
        Ok(Self::Limited { owners, links, staff_id: who.staff_id.clone() })
    }

    /// Returns whether the scope includes a link of the practice.
    pub fn includes(&self, link: &Link) -> bool {
        match self {
            Self::All => true,
            Self::Limited { owners, links, .. } => links.contains(&link.id) || owners.contains(&link.owner),
        }
    }
}
