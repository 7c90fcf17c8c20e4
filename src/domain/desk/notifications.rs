//! Notification settings: admins see and change everyone's, members only their own.

use super::{Refusal, practice};
use crate::domain::notifications::{self, Change, Entry};
use crate::domain::staff;
use crate::kit::Secret;
use crate::platform::tx::Tx;

/// Lists up to `limit` settings after a link and person.
pub fn list(
    tx: &mut Tx,
    token: Option<&Secret>,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Entry>, Refusal> {
    let who = staff::authenticate(tx, token)?;
    let practice = practice(tx, &who)?;
    let only = (!who.role.configures()).then_some(who.staff_id.as_str());
    Ok(notifications::entries(tx, &practice, only, after, limit)?)
}

/// Changes how often a person is notified; returns all their settings.
pub fn change(tx: &mut Tx, token: Option<&Secret>, change: &Change) -> Result<Vec<Entry>, Refusal> {
    let who = staff::authenticate(tx, token)?;
    // Members may change their own frequency; only an admin may resume a mailbox that bounced.
    if !who.role.configures() && (change.person != who.staff_id.as_str() || change.resume) {
        return Err(staff::Refusal::Forbidden.into());
    }
    let practice = practice(tx, &who)?;
    Ok(notifications::change(tx, who.staff_id.as_str(), &practice, change)?)
}
