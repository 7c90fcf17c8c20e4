//! The practice's inbox: list conversations, read one, write and change it.
//!
//! Every call names a practice and a [`Reach`]; conversations outside of it behave as if they did not exist.

pub mod store;
pub mod view;

pub use store::{Assigned, Filter};
pub use view::{Acknowledged, Card, Contact, Cursor, LastEntry, LinkCard, Remark, StaffCard, Waiting};

use serde_json::json;

use super::conversations::store as rows;
use super::conversations::store::Held;
use super::conversations::{Entry, NewEntry, append, events};
use crate::kit::ids::{ConversationId, LinkId, PracticeId, StaffId};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::tx::Tx;

/// The access scope of a staff member: which conversations of the practice they see.
pub enum Reach {
    All,
    /// Conversations of these owners, of the links they share, and those assigned to them.
    To {
        /// The practice, teams, or the staff member.
        owners: Vec<String>,
        /// Links that list them as assignee or member.
        links: Vec<LinkId>,
        staff_id: StaffId,
    },
}

/// The staff member who makes the request, with their access scope.
pub struct Reader {
    pub practice_id: PracticeId,
    pub staff_id: StaffId,
    pub reach: Reach,
}

/// Why an inbox operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The conversation does not exist, or is outside the access scope.
    #[error("conversation not found")]
    NotFound,
    #[error("conversation closed")]
    Closed,
    /// The identity is not confirmed, and the author has not acknowledged that.
    #[error("identity unverified")]
    Unverified,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A change by staff; `None` leaves a field as it is.
#[derive(Default)]
pub struct Change {
    /// The new assignee; the inner `None` unassigns.
    pub assignee_id: Option<Option<StaffId>>,
    /// The complete new list of tags.
    pub tags: Option<Vec<String>>,
    /// Marks the conversation as unread or read.
    pub unread: Option<bool>,
}

/// How far the practice has read a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// The last entry that was read.
    pub position: i32,
    /// Whether a patient's message follows that entry.
    pub unread: bool,
}

/// Up to `limit` conversations after `after`, most recent entry first.
pub fn list(
    tx: &mut Tx,
    reader: &Reader,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> db::Result<Vec<Card>> {
    store::list(tx.conn, reader, filter, after, limit)
}

/// The identity work list: up to `limit` conversations that need a check, longest
/// waiting first, after `after`.
pub fn to_verify(tx: &mut Tx, reader: &Reader, after: Option<&Waiting>, limit: i64) -> db::Result<Vec<Card>> {
    store::to_verify(tx.conn, reader, after, limit)
}

/// Counts the conversations that need an identity check, up to `most`.
pub fn how_many_to_verify(tx: &mut Tx, reader: &Reader, most: i64) -> db::Result<usize> {
    store::how_many_to_verify(tx.conn, reader, most)
}

/// One conversation with the patient's contact details.
pub fn find(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<(Card, Contact), Refusal> {
    let card = store::find(tx.conn, reader, id)?.ok_or(Refusal::NotFound)?;
    let contact = store::contact(tx.conn, &card.pairing_id)?;
    Ok((card, contact))
}

/// The subset of `ids` within the access scope.
pub fn in_reach_among(
    tx: &mut Tx,
    reader: &Reader,
    ids: &[ConversationId],
) -> db::Result<Vec<ConversationId>> {
    store::in_reach_among(tx.conn, reader, ids)
}

/// Up to `limit` entries after a position, in order, with the staff member who wrote each.
pub fn entries(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<Remark>, Refusal> {
    check(tx, reader, id)?;
    Ok(store::remarks(tx.conn, id, after, limit)?)
}

/// Writes to the patient. The first message to an unverified patient needs an explicit acknowledgement.
pub fn write(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    body: &str,
    acknowledges: bool,
) -> Result<Remark, Refusal> {
    let held = hold(tx, reader, id)?;
    if held.status != "open" {
        return Err(Refusal::Closed);
    }
    if !held.state().allows_phi() && held.acknowledged_at.is_none() {
        if !acknowledges {
            return Err(Refusal::Unverified);
        }
        acknowledge(tx, reader, &held, id)?;
    }
    let author_id = Some(&reader.staff_id);
    let new = NewEntry { kind: "message", author: "practice", author_id, body };
    let entry: Entry = append(tx, id, &new)?.ok_or(Refusal::Closed)?;
    let mut remarks = store::remarks(tx.conn, id, entry.position - 1, 1)?;
    remarks.pop().ok_or(Refusal::NotFound)
}

fn acknowledge(tx: &mut Tx, reader: &Reader, held: &Held, id: &ConversationId) -> db::Result<()> {
    rows::acknowledge(tx.conn, id, &reader.staff_id, tx.now)?;
    let detail = json!({ "identity": held.identity });
    record(tx, reader, "conversation.unverified_acknowledged", id, detail)
}

/// Changes a conversation; an unchanged value is neither audited nor announced.
pub fn change(tx: &mut Tx, reader: &Reader, id: &ConversationId, change: &Change) -> Result<(), Refusal> {
    let held = hold(tx, reader, id)?;
    let was = (held.assignee_id.clone(), rows::tags(tx.conn, id)?);
    let mut is = was.clone();
    if let Some(assignee) = &change.assignee_id {
        is.0.clone_from(assignee);
    }
    if let Some(tags) = &change.tags {
        is.1.clone_from(tags);
        is.1.sort_unstable();
    }
    if is.0 != was.0 {
        rows::set_assignee(tx.conn, id, is.0.as_ref())?;
    }
    if is.1 != was.1 {
        rows::keep_tags(tx.conn, id, &is.1)?;
        rows::add_tags(tx.conn, id, &is.1)?;
    }
    if is != was {
        let picture =
            |(assignee, tags): &(Option<StaffId>, Vec<String>)| json!({ "assignee": assignee, "tags": tags });
        let detail = json!({ "before": picture(&was), "after": picture(&is) });
        record(tx, reader, "conversation.changed", id, detail)?;
    }
    let marks = change.unread.filter(|unread| *unread != held.unread);
    if let Some(unread) = marks {
        rows::set_read(tx.conn, id, if unread { held.read_position } else { held.entry_count }, unread)?;
    }
    if is != was || marks.is_some() {
        events::changed(tx, &held.practice_id, None, id, held.entry_count)?;
    }
    Ok(())
}

/// Marks entries as read by the practice. The position never goes back, and messages the patient wrote
/// after it stay unread.
pub fn read(tx: &mut Tx, reader: &Reader, id: &ConversationId, position: i32) -> Result<Read, Refusal> {
    let held = hold(tx, reader, id)?;
    let position = position.min(held.entry_count).max(held.read_position);
    let unread = held.unread && rows::is_unanswered_after(tx.conn, id, position)?;
    if position != held.read_position || unread != held.unread {
        rows::set_read(tx.conn, id, position, unread)?;
        events::read(tx, &held, id, "practice", position)?;
    }
    Ok(Read { position, unread })
}

fn check(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<(), Refusal> {
    match store::in_reach_among(tx.conn, reader, std::slice::from_ref(id))?.is_empty() {
        true => Err(Refusal::NotFound),
        false => Ok(()),
    }
}

fn hold(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<Held, Refusal> {
    check(tx, reader, id)?;
    rows::hold(tx.conn, id)?.ok_or(Refusal::NotFound)
}

fn record(
    tx: &mut Tx,
    reader: &Reader,
    action: &str,
    id: &ConversationId,
    detail: serde_json::Value,
) -> db::Result<()> {
    let (practice_id, actor) = (Some(&reader.practice_id), reader.staff_id.as_str());
    tx.audit(&audit::Event { practice_id, actor, action, subject: id.as_str(), detail })
}
