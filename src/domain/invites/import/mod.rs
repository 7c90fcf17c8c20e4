//! Bulk invites: a list is accepted in one request and processed in chunks of 250 by the outbox's worker.
//!
//! A chunk is one background job: its invites, their messages, the results of its rows and its completion
//! commit together. So a crash leaves chunks that are done and chunks that are not, and those are processed
//! when the worker is back.

pub mod csv;
pub mod store;
pub mod topic;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use csv::{Unreadable, read};
pub use store::{Done, Import, find, rows};
pub use topic::ImportTopic;

use super::{NewInvite, Refusal, create};
use crate::domain::links::{self, Destination};
use crate::kit::ids::{ImportId, InviteId, StaffId};
use crate::kit::{Email, Language, Phone};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::tx::Tx;

/// Longest list, in rows.
pub const MOST_ROWS: usize = 5_000;
/// Rows per chunk. SQLite has one writer, and a patient's sign-up should not have to wait for it.
const PIECE: i32 = 250;

/// One line of a list, as written by the practice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub mobile: String,
    pub email: String,
    /// `en`, `es`, or empty for the practice's language.
    pub language: String,
}

/// Stores a list and queues its chunks.
pub fn take(tx: &mut Tx, to: &Destination, by: &StaffId, rows: &[Row]) -> Result<Import, Refusal> {
    let total = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let id = tx.id::<ImportId>();
    store::insert(tx.conn, &id, to, by, total, tx.now)?;
    for (line, row) in (1..).zip(rows) {
        store::insert_row(tx.conn, &id, line, &serde_json::to_string(row).unwrap_or_default())?;
    }
    for first in (1..=total).step_by(usize::try_from(PIECE).unwrap_or(1)) {
        let message = Message {
            topic: ImportTopic::NAME,
            channel: Channel::Task,
            dedupe_key: format!("invites:{id}:{first}"),
            recipient: None,
            payload: json!({ "import": id, "first": first }),
            due: None,
            not_after: None,
        };
        outbox::enqueue(tx, &message)?;
    }
    let detail = json!({ "link": to.link.id, "rows": total });
    let (practice_id, action) = (Some(&to.practice.id), "invite.imported");
    tx.audit(&audit::Event { practice_id, actor: by.as_str(), action, subject: id.as_str(), detail })?;
    store::known(tx.conn, &id)?.ok_or(Refusal::NotFound)
}

/// Processes a chunk: every row of it without a result gets one.
fn work(tx: &mut Tx, id: &ImportId, first: i32) -> db::Result<()> {
    let Some(import) = store::known(tx.conn, id)? else { return Ok(()) };
    let to = match links::destination_of(tx, &import.link_id) {
        Ok(to) => Some(to),
        Err(links::Refusal::Db(error)) => return Err(error),
        Err(_) => None,
    };
    for (line, written) in store::open_rows(tx.conn, id, first, first + PIECE)? {
        let row: Row = serde_json::from_str(&written).unwrap_or_default();
        let (result, invite_id) = match &to {
            Some(to) => invite(tx, to, &import.created_by, &row)?,
            None => ("link_paused", None),
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
) -> db::Result<(&'static str, Option<InviteId>)> {
    let new = match asked(tx, by, row) {
        Ok(new) => new,
        Err(wrong) => return Ok((wrong, None)),
    };
    match create(tx, to, &new) {
        Ok(invite) => Ok(("created", Some(invite.id))),
        Err(Refusal::Db(error) | Refusal::Link(links::Refusal::Db(error))) => Err(error),
        Err(refusal) => Ok((word(&refusal), None)),
    }
}

/// Parses a row, or returns the error code of the first invalid cell.
fn asked(tx: &Tx, by: &StaffId, row: &Row) -> Result<NewInvite, &'static str> {
    let name = super::name(&row.name).ok_or("name_invalid")?;
    let region = &tx.settings.verification.default_region;
    let phone = Phone::parse(&row.mobile, Some(region)).map_err(|_| "phone_invalid")?;
    let email = Email::parse(&row.email).ok_or("email_invalid")?;
    let language = match row.language.trim() {
        "" => None,
        tag => Some(Language::from_tag(tag).ok_or("language_invalid")?),
    };
    Ok(NewInvite { created_by: by.to_owned(), name, phone, email, language, sends: true })
}

/// Returns the error code of a refused row, the same as the API's problem codes.
fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooSoon(_) => "invite_limited",
        Refusal::OptedOut => "opted_out",
        Refusal::CannotText => "phone_type_refused",
        Refusal::CountryNotSupported => "country_not_supported",
        Refusal::Link(_) => "link_paused",
        _ => "refused",
    }
}
