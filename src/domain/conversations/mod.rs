//! Pairings, and the conversations that they open in the practice's inbox.

pub mod events;
pub mod store;
pub mod view;

pub use super::identity::Doubt;
pub use super::pairing::{
    Ending, Invitation, NewPairing, Paired, Refusal, Sight, announce_known_device, announce_new_device,
    by_stranger, doubt_all, end, list, own_address, pair, paired, restricted,
};
pub use store::{Entry, PatientCard};
pub use view::{Conversation, Pairing, PairingSource};

use serde_json::json;

use crate::kit::Language;
use crate::kit::ids::{AccountId, ConversationId, EntryId, PracticeId, StaffId};
use crate::platform::db;
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::tx::Tx;

/// Background job that compares the patient of a conversation with the practice's records. It runs after the
/// response: neither the text nor the timing of what a patient receives may reveal whether a record exists.
pub const GRADE: &str = "identity_grade";

/// Queues the job that grades (again) how well the patient matches the practice's records.
pub fn ask_grade(tx: &mut Tx, conversation_id: &ConversationId) -> db::Result<()> {
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
    /// One of `welcome`, `system` or `message`.
    pub kind: &'a str,
    /// One of `practice`, `patient` or `system`.
    pub author: &'a str,
    /// The staff member who wrote it, if any.
    pub author_id: Option<&'a StaffId>,
    pub body: &'a str,
}

impl<'a> NewEntry<'a> {
    pub fn system(body: &'a str) -> Self {
        Self { kind: "system", author: "system", author_id: None, body }
    }

    /// A message written by the patient.
    pub fn of_patient(body: &'a str) -> Self {
        Self { kind: "message", author: "patient", author_id: None, body }
    }
}

/// Appends an entry to a conversation and notifies both sides; `None` if the conversation is closed.
pub fn append(
    tx: &mut Tx,
    conversation_id: &ConversationId,
    new: &NewEntry<'_>,
) -> db::Result<Option<Entry>> {
    let Some((entry, placed)) = place(tx, conversation_id, new)? else { return Ok(None) };
    events::entry(tx, conversation_id, &placed, &entry)?;
    Ok(Some(entry))
}

pub fn place(
    tx: &mut Tx,
    conversation_id: &ConversationId,
    new: &NewEntry<'_>,
) -> db::Result<Option<(Entry, store::Placed)>> {
    let by_patient = new.author == "patient";
    // The counter's row lock serializes concurrent entries, so positions have no gaps.
    let Some(placed) = store::next_position(tx.conn, conversation_id, by_patient, tx.now)? else {
        return Ok(None);
    };
    let id = tx.id::<EntryId>();
    let entry = store::insert_entry(tx.conn, &id, conversation_id, placed.position, new, tx.now)?;
    Ok(Some((entry, placed)))
}

pub fn system(tx: &mut Tx, conversation_id: &ConversationId, body: &str) -> db::Result<()> {
    append(tx, conversation_id, &NewEntry::system(body)).map(drop)
}

/// Up to `limit` entries after `position`, in order.
pub fn entries(
    tx: &mut Tx,
    conversation_id: &ConversationId,
    after: i32,
    limit: i64,
) -> db::Result<Vec<Entry>> {
    store::entries(tx.conn, conversation_id, after, limit)
}

/// The account's conversation of this id, within the access scope.
pub fn find(
    tx: &mut Tx,
    account_id: &AccountId,
    sight: Sight<'_>,
    id: &ConversationId,
) -> db::Result<Option<Conversation>> {
    store::conversation_in_sight(tx.conn, account_id, sight, id)
}

/// The subset of `ids` that belong to the account and are within the access scope.
pub fn in_sight_among(
    tx: &mut Tx,
    account_id: &AccountId,
    sight: Sight<'_>,
    ids: &[ConversationId],
) -> db::Result<Vec<ConversationId>> {
    store::in_sight_among(tx.conn, account_id, sight, ids)
}

/// Marks entries as read by the patient and notifies the practice; returns the position read up to.
pub fn read_by_patient(tx: &mut Tx, id: &ConversationId, position: i32) -> db::Result<i32> {
    let Some(held) = store::hold(tx.conn, id)? else { return Ok(0) };
    let read = position.min(held.entry_count);
    if read <= held.patient_read_position {
        return Ok(held.patient_read_position);
    }
    store::set_patient_read(tx.conn, id, read)?;
    events::read(tx, &held, id, "patient", read)?;
    Ok(read)
}

pub fn practice_language(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Language> {
    Ok(crate::domain::practices::find(tx, practice_id)?
        .map(|practice| practice.language())
        .unwrap_or_default())
}

/// System messages in a conversation.
pub struct Words {
    pub connected: &'static str,
    pub second_link: &'static str,
    pub left: &'static str,
    pub number_left: &'static str,
    pub new_device: &'static str,
    pub known_device: &'static str,
    pub number_changed: &'static str,
    pub details_changed: &'static str,
}

pub fn words(language: Language) -> Words {
    match language {
        Language::En => Words {
            connected: "Connected with {}.",
            second_link: "Another link of this practice was opened.",
            left: "The patient left. This conversation is closed.",
            number_left: "This conversation is closed because the number of its account has changed. The patient can connect again.",
            new_device: "This patient signed in on a new device. Earlier messages stay hidden on it.",
            known_device: "The new device was confirmed with a code sent to this patient's e-mail address. It now shows earlier messages.",
            number_changed: "The mobile number of this patient's account has changed.",
            details_changed: "This patient's name or birth date has changed.",
        },
        Language::Es => Words {
            connected: "Conexión establecida con {}.",
            second_link: "Se abrió otro enlace de este consultorio.",
            left: "El paciente se fue. Esta conversación está cerrada.",
            number_left: "Esta conversación está cerrada: el número de su cuenta ha cambiado. Quien la mantenía puede conectarse otra vez.",
            new_device: "Este paciente inició sesión en otro dispositivo. Los mensajes anteriores no se ven allí.",
            known_device: "El dispositivo nuevo se confirmó con un código enviado al correo de este paciente. Ya muestra los mensajes anteriores.",
            number_changed: "El número de celular de la cuenta de este paciente ha cambiado.",
            details_changed: "El nombre o la fecha de nacimiento de este paciente ha cambiado.",
        },
    }
}
