//! Notifications: e-mails to the practice. They say that something happened and where to look; who it was
//! about is shown only after sign-in, because e-mail is a postcard.
//!
//! Each recipient gets exactly one mail about a pairing: one of its own, or a digest.

mod bounce;
mod digest;
mod frequency;
mod message;
mod preference;
mod reaction;
mod recipient;
mod signature;
mod store;
mod token;
mod topic;
mod mail_text;

pub use bounce::{Event, EventKind, process_report};
pub use frequency::Frequency;
pub use preference::{Change, PausedMailbox, Setting, Subscription, change, list, look_up, unsubscribe};
pub use reaction::NewPairings;
pub use recipient::Recipient;
pub use signature::{Signed, is_ours};
pub use topic::topics;

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::links::Destination;
use crate::domain::practices::{self, Practice};
use crate::domain::staff;
use crate::kit::{InviteId, LinkId, PracticeId, SessionId};
use crate::platform::{Tx, db};
use message::{Kind, Payload};

/// Mail servers repeat a report for days at most.
const REPEATED: Duration = Duration::from_hours(7 * 24);
/// Reports are about mails of the last weeks; the outbox keeps its rows as long.
const REPORTED: Duration = Duration::from_hours(30 * 24);

/// Why settings are not changed as requested.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Staff(#[from] staff::Error),
    /// The recipient is not on that link's list, or on any.
    #[error("not listed")]
    NotListed,
    /// No recipient would be left to notify.
    #[error("last recipient")]
    LastRecipient,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Notifies the practice's own address (or, if it has none, the link's recipients) that a patient
/// signed in on a new device, once per sign-in. It is a security notification, so it has no frequency
/// and no unsubscribe link.
pub fn announce_new_device(
    tx: &mut Tx,
    practice_id: &PracticeId,
    link_id: Option<&LinkId>,
    session_id: &SessionId,
) -> db::Result<()> {
    let Some(practice) = practices::find(tx, practice_id)? else { return Ok(()) };
    let addressees = match (recipient::practice_itself(&practice), link_id) {
        (Some(itself), _) => vec![itself],
        (None, Some(link_id)) => recipient::of_link(tx, link_id, &practice)?,
        (None, None) => Vec::new(),
    };
    for addressee in addressees {
        let mut payload = Payload::new(tx, practice_id, &addressee);
        payload.link = link_id.cloned();
        message::enqueue(tx, Kind::NewDevice, &format!("{session_id}:{practice_id}"), &payload)?;
    }
    Ok(())
}

/// Notifies a link's recipients, once per invite, that an invite was tried with a phone number other than
/// the invited one. It is a security notification too, so it has no frequency either.
pub fn announce_other_number(tx: &mut Tx, to: &Destination, invite_id: &InviteId) -> db::Result<()> {
    for addressee in recipient::of_link(tx, &to.effective.id, &to.practice)? {
        let payload = Payload::new(tx, &to.practice.id, &addressee).about(&to.link.id);
        message::enqueue(tx, Kind::OtherNumber, invite_id.as_str(), &payload)?;
    }
    Ok(())
}

/// Deletes digests that went out long ago, and the records of mails that no server will return any more.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    let reports = store::forget_reports(tx.conn, tx.now - REPEATED)?;
    let mails = store::forget_mailed(tx.conn, tx.now - REPORTED)?;
    Ok(reports + mails + digest::sweep(tx)?)
}

/// The practice's time zone; UTC if it is unknown.
fn zone(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}
