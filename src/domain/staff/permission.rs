//! What a role may do. Every call of staff names the one permission that it needs, and the test of the
//! permission matrix walks every route with every role.

crate::text_enum! {
    /// The role of a staff member, which decides their permissions.
    pub enum Role {
        /// Manages everything in the practice.
        Admin = "admin",
        /// Sees only the conversations of links they belong to.
        Member = "member",
        /// The operator's own staff, who configure links for a practice.
        Support = "support",
    }
}

/// One thing that staff may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Sign in and see the practice itself: its links, its teams and one's own account.
    ViewPractice,
    /// See patients, their conversations and records.
    ReadPatients,
    /// Change links, the profile, webhooks and notifications, and see the audit log.
    ConfigurePractice,
    /// Manage staff, import records and export the audit log.
    Administer,
}

impl Role {
    /// Returns whether the role includes a permission. Support sets links up and needs no patient data: only
    /// the minimum necessary is shown (45 CFR 164.502(b)).
    pub fn has(self, permission: Permission) -> bool {
        match permission {
            Permission::ViewPractice => true,
            Permission::ReadPatients => self != Self::Support,
            Permission::ConfigurePractice => self != Self::Member,
            Permission::Administer => self == Self::Admin,
        }
    }
}
