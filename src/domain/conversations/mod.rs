//! Conversations between a patient and a practice. A pairing opens one; here it is read and written by the
//! patient, who sees what their session may see. The practice's side is the inbox.

pub mod access;
mod state;
pub mod store;
pub mod stream;
mod view;

pub use access::{Access, SessionScope, visible_email};
pub use state::{Author, EntryKind, IdentityState, Relation, Scope, Status};
pub use store::{Entry, PatientCard};
pub use view::{Conversation, PairingSource, SourceKind};

use std::slice;

use serde_json::json;

use crate::domain::events::EventKind;
use crate::domain::practices;
use crate::kit::{AccountId, ConversationId, EntryId, Language, PracticeId, StaffId};
use crate::platform::event_log::Actor;
use crate::platform::{Tx, db};

/// Why a patient's request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The conversation does not exist, or the session does not see it.
    #[error("conversation not found")]
    NotFound,
    #[error("conversation closed")]
    Closed,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Emits that what is known of the patient of a conversation changed: details, or what was verified.
pub fn patient_changed(tx: &mut Tx, practice_id: &PracticeId, id: &ConversationId) {
    let kind = EventKind::ConversationPatientChanged;
    tx.emit(Some(practice_id), Actor::System, kind, id, json!({})).in_conversation(id, 0);
}

/// Whether a text can be a message: 1 to 4,000 characters, and not only white space.
pub fn is_message(body: &str) -> bool {
    !body.trim().is_empty() && body.chars().count() <= 4_000
}

/// An entry to append to a conversation.
pub struct NewEntry<'a> {
    pub kind: EntryKind,
    pub author: Author,
    /// The staff member who wrote it, if any.
    pub author_id: Option<&'a StaffId>,
    pub body: &'a str,
}

impl<'a> NewEntry<'a> {
    pub fn system(body: &'a str) -> Self {
        Self { kind: EntryKind::System, author: Author::System, author_id: None, body }
    }

    /// A message of the patient.
    pub fn by_patient(body: &'a str) -> Self {
        Self { kind: EntryKind::Message, author: Author::Patient, author_id: None, body }
    }
}

/// Appends an entry to a conversation and notifies both sides; `None` if the conversation is closed.
pub fn append(
    tx: &mut Tx,
    conversation_id: &ConversationId,
    new: &NewEntry<'_>,
) -> db::Result<Option<Entry>> {
    let by_patient = new.author == Author::Patient;
    // The counter's row lock serializes concurrent entries, so positions have no gaps.
    let Some(slot) = store::next_position(tx.conn, conversation_id, by_patient, tx.now)? else {
        return Ok(None);
    };
    let id = tx.id::<EntryId>();
    let entry = store::insert_entry(tx.conn, &id, conversation_id, slot.position, new, tx.now)?;
    let account_id = store::account_of(tx.conn, &slot.pairing_id)?;
    let (kind, detail) = (
        EventKind::ConversationEntryCreated,
        json!({ "entry_id": entry.id, "position": entry.position, "author": entry.author }),
    );
    tx.emit(Some(&slot.practice_id), author(new, &account_id), kind, conversation_id, detail)
        .in_conversation(conversation_id, slot.position)
        .visible_to(&account_id);
    Ok(Some(entry))
}

fn author(new: &NewEntry<'_>, account_id: &AccountId) -> Actor {
    match (new.author, new.author_id) {
        (Author::Practice, Some(staff_id)) => staff_id.into(),
        (Author::Patient, _) => account_id.into(),
        _ => Actor::System,
    }
}

pub fn append_system(tx: &mut Tx, conversation_id: &ConversationId, body: &str) -> db::Result<()> {
    append(tx, conversation_id, &NewEntry::system(body)).map(drop)
}

/// The conversation of this id, if it is visible.
pub fn find(tx: &mut Tx, access: Access<'_>, id: &ConversationId) -> db::Result<Option<Conversation>> {
    store::find(tx.conn, access, id)
}

/// Up to `limit` entries after a position, in order.
pub fn entries(
    tx: &mut Tx,
    access: Access<'_>,
    id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    check(tx, access, id)?;
    Ok(store::entries(tx.conn, id, after, limit)?)
}

/// Sends a message to the practice.
pub fn write(tx: &mut Tx, access: Access<'_>, id: &ConversationId, body: &str) -> Result<Entry, Error> {
    check(tx, access, id)?;
    append(tx, id, &NewEntry::by_patient(body))?.ok_or(Error::Closed)
}

/// Marks entries as read by the patient and notifies the practice. Returns the position up to which all is
/// read, which never goes back.
pub fn mark_read(tx: &mut Tx, access: Access<'_>, id: &ConversationId, position: i32) -> Result<i32, Error> {
    check(tx, access, id)?;
    let locked = store::lock(tx.conn, id)?.ok_or(Error::NotFound)?;
    let read = position.min(locked.entry_count);
    if read <= locked.patient_read_position {
        return Ok(locked.patient_read_position);
    }
    store::set_patient_read(tx.conn, id, read)?;
    emit_read(tx, &locked, id, (Author::Patient, access.account_id.into()), read)?;
    Ok(read)
}

/// Emits that one side read a conversation up to a position.
pub fn emit_read(
    tx: &mut Tx,
    locked: &store::LockedConversation,
    id: &ConversationId,
    (by, actor): (Author, Actor),
    position: i32,
) -> db::Result<()> {
    let account_id = store::account_of(tx.conn, &locked.pairing_id)?;
    let (kind, detail) = (EventKind::ConversationRead, json!({ "by": by, "position": position }));
    tx.emit(Some(&locked.practice_id), actor, kind, id, detail)
        .in_conversation(id, locked.entry_count)
        .visible_to(&account_id);
    Ok(())
}

fn check(tx: &mut Tx, access: Access<'_>, id: &ConversationId) -> Result<(), Error> {
    match store::visible_among(tx.conn, access, slice::from_ref(id))?.is_empty() {
        true => Err(Error::NotFound),
        false => Ok(()),
    }
}

pub fn practice_language(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Language> {
    Ok(practices::find(tx, practice_id)?.map(|practice| practice.language).unwrap_or_default())
}
