//! Actors: the authors of what the audit log records.

use std::fmt;

use crate::kit::{AccountId, Id as _, PracticeId, StaffId};

const OPERATOR: &str = "operator";
const SYSTEM: &str = "system";

/// The author of an audit event. Persons are stored by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Staff(StaffId),
    Account(AccountId),
    /// The practice's own mailbox, which unsubscribed.
    Practice(PracticeId),
    /// The operator, on the command line.
    Operator,
    /// The service itself, in a background job.
    System,
}

impl Actor {
    /// Actors without an id.
    pub const IMPERSONAL: [Self; 2] = [Self::Operator, Self::System];

    /// The text in the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Staff(id) => id.as_str(),
            Self::Account(id) => id.as_str(),
            Self::Practice(id) => id.as_str(),
            Self::Operator => OPERATOR,
            Self::System => SYSTEM,
        }
    }
}

/// Never fails: text that names no other actor is taken for the id of a staff member, who is then not found.
impl From<&str> for Actor {
    fn from(text: &str) -> Self {
        match text.split_once('_').map(|(prefix, _)| prefix) {
            Some(AccountId::PREFIX) => Self::Account(text.into()),
            Some(PracticeId::PREFIX) => Self::Practice(text.into()),
            None if text == OPERATOR => Self::Operator,
            None if text == SYSTEM => Self::System,
            _ => Self::Staff(text.into()),
        }
    }
}

impl From<&StaffId> for Actor {
    fn from(id: &StaffId) -> Self {
        Self::Staff(id.clone())
    }
}

impl From<&AccountId> for Actor {
    fn from(id: &AccountId) -> Self {
        Self::Account(id.clone())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
