//! Recipients of notices: the staff on a link's list, or the practice's own address if the list is empty.

use crate::domain::practices::Practice;
use crate::domain::{links, staff};
use crate::kit::Email;
use crate::kit::ids::{LinkId, StaffId};
use crate::platform::db;
use crate::platform::keys::Keys;
use crate::platform::tx::Tx;

/// Recipient of a notice: a staff member, or the practice itself.
pub struct Recipient {
    /// Id of the staff member or of the practice.
    pub person: String,
    /// Current address, at the time of the query.
    pub email: Email,
}

/// Recipients of a link's notices, ordered by id.
pub fn of_link(tx: &mut Tx, link_id: &LinkId, practice: &Practice) -> db::Result<Vec<Recipient>> {
    let listed = links::notified(tx, link_id)?;
    let found = staff::emails(tx, &listed)?;
    match found.is_empty() {
        true => Ok(itself(practice).into_iter().collect()),
        false => {
            Ok(found.into_iter().map(|(id, email)| Recipient { person: id.to_string(), email }).collect())
        }
    }
}

/// The practice's own address as a recipient.
pub fn itself(practice: &Practice) -> Option<Recipient> {
    let email = practice.notice_email.as_deref().and_then(Email::parse)?;
    Some(Recipient { person: practice.id.to_string(), email })
}

/// A person's current address; `None` if they have left.
pub fn address(tx: &mut Tx, practice: &Practice, person: &str) -> db::Result<Option<Email>> {
    if person == practice.id.as_str() {
        return Ok(itself(practice).map(|itself| itself.email));
    }
    Ok(staff::emails(tx, &[StaffId::from(person)])?.pop().map(|(_, email)| email))
}

/// Keyed hash of an address, as stored in `bounced_mailboxes`.
pub fn mailbox_key(keys: &Keys, email: &Email) -> String {
    keys.blind("mailbox", email.as_str())
}
