//! The practice's inbox: list conversations, read one, write and change it.
//!
//! Every call names a [`Reader`]; conversations outside of their access scope behave as if they did not
//! exist.

pub mod store;
mod view;

pub use store::{AssigneeFilter, Contact, Filter};
pub use view::{Acknowledgement, Card, Cursor, InboxEntry, LastEntry, LinkCard, StaffCard, WorkListCursor};

use serde_json::json;

use super::conversations::store as rows;
use super::conversations::store::LockedConversation;
use super::conversations::{Author, EntryKind, NewEntry, Status, append, emit_read, stream};
use crate::domain::events::EventKind;
use crate::domain::links::AccessScope;
use crate::domain::staff;
use crate::kit::{ConversationId, PracticeId, StaffId};
use crate::platform::event_log::Event;
use crate::platform::event_stream::{Audience, Batch};
use crate::platform::{Tx, db};

/// The staff member who makes the request, with their access scope.
#[derive(Clone)]
pub struct Reader {
    pub practice_id: PracticeId,
    pub staff_id: StaffId,
    pub scope: AccessScope,
}

impl Reader {
    pub fn of(tx: &mut Tx, who: &staff::Staff) -> db::Result<Self> {
        let scope = AccessScope::of(tx, who)?;
        Ok(Self { practice_id: who.practice_id.clone(), staff_id: who.staff_id.clone(), scope })
    }
}

/// Why an inbox operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The conversation does not exist, or is outside the access scope.
    #[error("conversation not found")]
    NotFound,
    #[error("conversation closed")]
    Closed,
    /// The identity is not confirmed, and the author has not acknowledged that.
    #[error("identity unverified")]
    Unverified,
    /// The new assignee is not active staff of the practice with access to patients.
    #[error("unknown assignee")]
    UnknownAssignee,
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
pub struct ReadPosition {
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
pub fn to_verify(
    tx: &mut Tx,
    reader: &Reader,
    after: Option<&WorkListCursor>,
    limit: i64,
) -> db::Result<Vec<Card>> {
    store::to_verify(tx.conn, reader, after, limit)
}

/// Counts the conversations that need an identity check, up to `most`.
pub fn count_to_verify(tx: &mut Tx, reader: &Reader, most: i64) -> db::Result<usize> {
    store::count_to_verify(tx.conn, reader, most)
}

/// One conversation with the patient's contact details.
pub fn find(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<(Card, Contact), Error> {
    let card = store::find(tx.conn, reader, id)?.ok_or(Error::NotFound)?;
    let contact = store::contact(tx.conn, &card.pairing_id)?;
    Ok((card, contact))
}

/// The events after a position about conversations in the access scope.
pub fn events(tx: &mut Tx, reader: &Reader, after: i64) -> db::Result<Batch> {
    let audience = Audience::Practice(reader.practice_id.clone());
    stream::read(tx, &audience, after, |tx, ids| store::in_scope_among(tx.conn, reader, ids))
}

/// Up to `limit` entries after a position, in order, with the staff member who wrote each.
pub fn entries(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<InboxEntry>, Error> {
    check(tx, reader, id)?;
    Ok(store::entries(tx.conn, id, after, limit)?)
}

/// Writes to the patient. The first message to an unverified patient needs an explicit acknowledgement.
pub fn write(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    body: &str,
    acknowledges: bool,
) -> Result<InboxEntry, Error> {
    let locked = lock(tx, reader, id)?;
    if locked.status != Status::Open {
        return Err(Error::Closed);
    }
    if !locked.identity.allows_phi() && locked.acknowledged_at.is_none() {
        if !acknowledges {
            return Err(Error::Unverified);
        }
        acknowledge(tx, reader, &locked, id)?;
    }
    let author_id = Some(&reader.staff_id);
    let new = NewEntry { kind: EntryKind::Message, author: Author::Practice, author_id, body };
    let entry = append(tx, id, &new)?.ok_or(Error::Closed)?;
    let mut entries = store::entries(tx.conn, id, entry.position - 1, 1)?;
    entries.pop().ok_or(Error::NotFound)
}

fn acknowledge(
    tx: &mut Tx,
    reader: &Reader,
    locked: &LockedConversation,
    id: &ConversationId,
) -> db::Result<()> {
    rows::acknowledge(tx.conn, id, &reader.staff_id, tx.now)?;
    let detail = json!({ "identity": locked.identity });
    record(tx, reader, EventKind::ConversationUnverifiedAcknowledged, id, detail);
    Ok(())
}

/// Changes a conversation and returns it; an unchanged value is neither audited nor announced. A new assignee
/// may end the caller's own access: the caller sees the conversation one last time.
pub fn change(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    change: &Change,
) -> Result<(Card, Contact), Error> {
    check(tx, reader, id)?;
    let assignee: Vec<StaffId> = change.assignee_id.iter().flatten().cloned().collect();
    if !staff::all_work_at(tx, &reader.practice_id, &assignee)? {
        return Err(Error::UnknownAssignee);
    }
    let locked = lock(tx, reader, id)?;
    let is_changed = change_details(tx, reader, &locked, id, change)?;
    let mark = change.unread.filter(|unread| *unread != locked.unread);
    if let Some(unread) = mark {
        let position = if unread { locked.read_position } else { locked.entry_count };
        rows::set_read(tx.conn, id, position, unread)?;
    }
    // A changed detail has its own event.
    if mark.is_some() && !is_changed {
        let detail = json!({});
        record(tx, reader, EventKind::ConversationMarked, id, detail).in_conversation(id, locked.entry_count);
    }
    let whole = Reader { scope: AccessScope::All, ..reader.clone() };
    find(tx, &whole, id)
}

/// Sets assignee and tags; returns whether one of them changed.
fn change_details(
    tx: &mut Tx,
    reader: &Reader,
    locked: &LockedConversation,
    id: &ConversationId,
    change: &Change,
) -> db::Result<bool> {
    let before = (locked.assignee_id.clone(), rows::tags(tx.conn, id)?);
    let mut after = before.clone();
    if let Some(assignee) = &change.assignee_id {
        after.0.clone_from(assignee);
    }
    if let Some(tags) = &change.tags {
        after.1.clone_from(tags);
        after.1.sort_unstable();
    }
    if after.0 != before.0 {
        rows::set_assignee(tx.conn, id, after.0.as_ref())?;
    }
    if after.1 != before.1 {
        rows::keep_tags(tx.conn, id, &after.1)?;
        rows::add_tags(tx.conn, id, &after.1)?;
    }
    if after == before {
        return Ok(false);
    }
    let details =
        |(assignee, tags): &(Option<StaffId>, Vec<String>)| json!({ "assignee": assignee, "tags": tags });
    let detail = json!({ "before": details(&before), "after": details(&after) });
    record(tx, reader, EventKind::ConversationChanged, id, detail).in_conversation(id, locked.entry_count);
    Ok(true)
}

/// Marks entries as read by the practice. The position never goes back, and messages the patient wrote
/// after it stay unread.
pub fn mark_read(
    tx: &mut Tx,
    reader: &Reader,
    id: &ConversationId,
    position: i32,
) -> Result<ReadPosition, Error> {
    let locked = lock(tx, reader, id)?;
    let position = position.min(locked.entry_count).max(locked.read_position);
    let unread = locked.unread && rows::is_unanswered_after(tx.conn, id, position)?;
    if position != locked.read_position || unread != locked.unread {
        rows::set_read(tx.conn, id, position, unread)?;
        emit_read(tx, &locked, id, (Author::Practice, (&reader.staff_id).into()), position)?;
    }
    Ok(ReadPosition { position, unread })
}

fn check(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<(), Error> {
    match store::in_scope_among(tx.conn, reader, std::slice::from_ref(id))?.is_empty() {
        true => Err(Error::NotFound),
        false => Ok(()),
    }
}

fn lock(tx: &mut Tx, reader: &Reader, id: &ConversationId) -> Result<LockedConversation, Error> {
    check(tx, reader, id)?;
    rows::lock(tx.conn, id)?.ok_or(Error::NotFound)
}

fn record<'a>(
    tx: &'a mut Tx,
    reader: &Reader,
    kind: EventKind,
    id: &ConversationId,
    detail: serde_json::Value,
) -> &'a mut Event {
    tx.emit(Some(&reader.practice_id), &reader.staff_id, kind, id, detail)
}
