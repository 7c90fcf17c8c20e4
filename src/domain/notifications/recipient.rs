//! Recipients of notifications: the staff on a link's list, or the practice's own address if the list is
//! empty.

use serde::{Deserialize, Serialize};

use crate::domain::practices::Practice;
use crate::domain::{links, staff};
use crate::kit::{Email, Id as _, LinkId, PracticeId, StaffId};
use crate::platform::event_log::Actor;
use crate::platform::keys::Keys;
use crate::platform::{Tx, db};

/// A staff member, or the practice itself at its own address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Recipient {
    Practice(PracticeId),
    Staff(StaffId),
}

impl Recipient {
    /// The id, as it is stored and sent.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Practice(id) => id.as_str(),
            Self::Staff(id) => id.as_str(),
        }
    }
}

impl AsRef<str> for Recipient {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<Recipient> for Actor {
    fn from(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Practice(id) => Self::Practice(id),
            Recipient::Staff(id) => Self::Staff(id),
        }
    }
}

impl From<String> for Recipient {
    fn from(text: String) -> Self {
        let is_practice = text.strip_prefix(PracticeId::PREFIX).is_some_and(|rest| rest.starts_with('_'));
        if is_practice { Self::Practice(text.into()) } else { Self::Staff(text.into()) }
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.as_str().to_owned()
    }
}

/// A recipient and their address at the time of the query.
pub(super) struct Addressee {
    pub recipient: Recipient,
    pub email: Email,
}

impl From<(StaffId, Email)> for Addressee {
    fn from((id, email): (StaffId, Email)) -> Self {
        Self { recipient: Recipient::Staff(id), email }
    }
}

/// Recipients of a link's notifications, ordered by id.
pub(super) fn of_link(tx: &mut Tx, link_id: &LinkId, practice: &Practice) -> db::Result<Vec<Addressee>> {
    let listed = links::notified(tx, link_id)?;
    let found = staff::emails(tx, &listed)?;
    Ok(match found.is_empty() {
        true => practice_itself(practice).into_iter().collect(),
        false => found.into_iter().map(Addressee::from).collect(),
    })
}

/// The practice as a recipient, if it has an address of its own.
pub(super) fn practice_itself(practice: &Practice) -> Option<Addressee> {
    let email = practice.notice_email.as_deref().and_then(Email::parse)?;
    Some(Addressee { recipient: Recipient::Practice(practice.id.clone()), email })
}

/// A recipient's current address; `None` if a staff member has left.
pub(super) fn address(tx: &mut Tx, practice: &Practice, recipient: &Recipient) -> db::Result<Option<Email>> {
    match recipient {
        Recipient::Practice(id) if *id == practice.id => {
            Ok(practice_itself(practice).map(|itself| itself.email))
        }
        Recipient::Practice(_) => Ok(None),
        Recipient::Staff(id) => {
            Ok(staff::emails(tx, std::slice::from_ref(id))?.pop().map(|(_, email)| email))
        }
    }
}

/// Keyed hash of an address, as stored in `bounced_mailboxes`.
pub(super) fn mailbox_key(keys: &Keys, email: &Email) -> String {
    keys.blind("mailbox", email.as_str())
}
