//! Bulk invites: a list is accepted in one request and processed in chunks of 250 by the outbox's worker.
//!
//! A chunk is one background job: its invites, their messages, the results of its rows and its completion
//! commit together. So a crash leaves chunks that are done and chunks that are not, and those are processed
//! when the worker is back.

mod csv;
mod store;
mod topic;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use csv::{ListError, parse};
pub use store::{Import, ImportRow, RowResult};
pub use topic::ImportTopic;

use super::{Error, NewInvite, create_through, destination};
use crate::domain::events::EventKind;
use crate::domain::links::{self, AccessScope, Destination};
use crate::domain::staff::Staff;
use crate::kit::{Email, ImportId, InviteId, Language, LinkId, Phone, StaffId};
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::{Tx, db};

/// Longest list, in rows.
pub const MOST_ROWS: usize = 5_000;
/// Rows per chunk. SQLite has one writer, and a patient's sign-up should not have to wait for it.
const CHUNK: i32 = 250;

/// One line of a list, as written by the practice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub mobile: String,
    pub email: String,
    /// A language's tag, or empty for the practice's language.
    pub language: String,
}

/// Stores a list of people to invite through a link, and queues its chunks.
pub fn create(tx: &mut Tx, staff: &Staff, link_id: Option<&LinkId>, rows: &[Row]) -> Result<Import, Error> {
    let (to, by) = (destination(tx, staff, link_id)?, &staff.staff_id);
    let total = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let id = tx.id::<ImportId>();
    store::insert(tx.conn, &id, &to, by, total, tx.now)?;
    for (line, row) in (1..).zip(rows) {
        store::insert_row(tx.conn, &id, line, &serde_json::to_string(row).unwrap_or_default())?;
    }
    for first in (1..=total).step_by(usize::try_from(CHUNK).unwrap_or(1)) {
        enqueue(tx, &id, first)?;
    }
    let detail = json!({ "link": to.link.id, "rows": total });
    tx.emit(Some(&to.practice.id), by, EventKind::InviteImported, &id, detail);
    store::find(tx.conn, &id)?.ok_or(Error::NotFound)
}

fn enqueue(tx: &mut Tx, id: &ImportId, first: i32) -> db::Result<()> {
    let message = Message {
        topic: ImportTopic::NAME,
        priority: outbox::Priority::Notice,
        channel: Channel::Task,
        dedupe_key: format!("invites:{id}:{first}"),
        recipient: None,
        payload: json!({ "import": id, "first": first }),
        due: None,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}

/// Returns an import with its progress.
pub fn find(tx: &mut Tx, staff: &Staff, id: &ImportId) -> Result<Import, Error> {
    let scope = AccessScope::of(tx, staff)?;
    store::find_in_scope(tx.conn, (&staff.practice_id, &scope), id)?.ok_or(Error::NotFound)
}

/// Lists the results of up to `limit` rows after the row `after`.
pub fn rows(
    tx: &mut Tx,
    staff: &Staff,
    id: &ImportId,
    after: i32,
    limit: i64,
) -> Result<Vec<ImportRow>, Error> {
    let import = find(tx, staff, id)?;
    Ok(store::rows(tx.conn, &import.id, after, limit)?)
}

/// Processes a chunk: every row of it without a result gets one.
fn process(tx: &mut Tx, id: &ImportId, first: i32) -> db::Result<()> {
    let Some(import) = store::find(tx.conn, id)? else { return Ok(()) };
    let to = match links::destination_of(tx, &import.link_id) {
        Ok(to) => Some(to),
        Err(links::Error::Db(error)) => return Err(error),
        Err(_) => None,
    };
    for (line, written) in store::open_rows(tx.conn, id, first, first + CHUNK)? {
        let row: Row = serde_json::from_str(&written).unwrap_or_default();
        let (result, invite_id) = match &to {
            Some(to) => invite(tx, to, &import.created_by, &row)?,
            None => (RowResult::LinkPaused, None),
        };
        store::settle_row(tx.conn, id, line, result, invite_id.as_ref())?;
    }
    Ok(())
}

/// Returns the result of one row, and the id of its invite.
fn invite(
    tx: &mut Tx,
    to: &Destination,
    by: &StaffId,
    row: &Row,
) -> db::Result<(RowResult, Option<InviteId>)> {
    let new = match parse_row(tx, row) {
        Ok(new) => new,
        Err(invalid) => return Ok((invalid, None)),
    };
    match create_through(tx, to, by, &new) {
        Ok(invite) => Ok((RowResult::Created, Some(invite.id))),
        Err(Error::Db(error) | Error::Link(links::Error::Db(error))) => Err(error),
        Err(error) => Ok((RowResult::from(&error), None)),
    }
}

/// Parses a row, or returns the error code of the first invalid cell.
fn parse_row(tx: &Tx, row: &Row) -> Result<NewInvite, RowResult> {
    let name = super::name(&row.name).ok_or(RowResult::NameInvalid)?;
    let region = &tx.settings.verification.default_region;
    let phone = Phone::parse(&row.mobile, Some(region)).map_err(|_| RowResult::PhoneInvalid)?;
    let email = Email::parse(&row.email).ok_or(RowResult::EmailInvalid)?;
    let language = match row.language.trim() {
        "" => None,
        tag => Some(Language::from_tag(tag).ok_or(RowResult::LanguageInvalid)?),
    };
    Ok(NewInvite { name, phone, email, language, sends: true })
}

impl From<&Error> for RowResult {
    fn from(error: &Error) -> Self {
        match error {
            Error::TooSoon(_) => Self::InviteLimited,
            Error::OptedOut => Self::OptedOut,
            Error::CannotText => Self::PhoneTypeRefused,
            Error::CountryNotSupported => Self::CountryNotSupported,
            Error::Link(_) => Self::LinkPaused,
            _ => Self::Refused,
        }
    }
}
