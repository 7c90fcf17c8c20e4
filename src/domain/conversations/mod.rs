//! Conversations between a patient and a practice. A pairing opens one; here it is read and written by the
//! patient, who sees what their session may see. The practice's side is the inbox.

mod access;
pub mod events;
mod state;
pub mod store;
mod view;

pub use access::{Access, SessionScope, visible_email};
pub use state::{Author, EntryKind, IdentityState, Relation, Scope, Status};
pub use store::{Entry, PatientCard};
pub use view::{Conversation, PairingSource, SourceKind};

use std::slice;

use serde_json::json;

use crate::domain::practices;
use crate::kit::{ConversationId, EntryId, Language, PracticeId, StaffId};
use crate::platform::outbox::{self, Channel, Message};
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

/// Background job that compares the patient of a conversation with the practice's records. It runs after the
/// response: neither the text nor the timing of what a patient receives may reveal whether a record exists.
pub const GRADE: &str = "identity_grade";

/// Queues the job that grades (again) how well the patient matches the practice's records.
pub fn queue_grading(tx: &mut Tx, conversation_id: &ConversationId) -> db::Result<()> {
    let message = Message {
        topic: GRADE,
        channel: Channel::Task,
        dedupe_key: format!("grade:{conversation_id}:{}", tx.now.millis()),
        recipient: None,
        payload: json!({ "conversation": conversation_id }),
        due: None,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
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
    let Some((entry, slot)) = append_silently(tx, conversation_id, new)? else { return Ok(None) };
    events::entry(tx, conversation_id, &slot, &entry)?;
    Ok(Some(entry))
}

/// [`append`] without an event, for the first entries of a conversation.
pub fn append_silently(
    tx: &mut Tx,
    conversation_id: &ConversationId,
    new: &NewEntry<'_>,
) -> db::Result<Option<(Entry, store::EntrySlot)>> {
    let by_patient = new.author == Author::Patient;
    // The counter's row lock serializes concurrent entries, so positions have no gaps.
    let Some(slot) = store::next_position(tx.conn, conversation_id, by_patient, tx.now)? else {
        return Ok(None);
    };
    let id = tx.id::<EntryId>();
    let entry = store::insert_entry(tx.conn, &id, conversation_id, slot.position, new, tx.now)?;
    Ok(Some((entry, slot)))
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
    events::read(tx, &locked, id, Author::Patient, read)?;
    Ok(read)
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
