//! What event streams show of the event log: events about conversations, with ids only, never the text of a
//! message.

use serde_json::{Map, Value, json};

use super::access::Access;
use super::store;
use crate::domain::events::EventKind;
use crate::kit::ConversationId;
use crate::platform::event_log::Event;
use crate::platform::event_stream::{self, Audience, Batch, StreamEvent};
use crate::platform::{Tx, db};

crate::text_enum! {
    /// The kind of an event, as in its `event:` line.
    pub enum StreamKind {
        /// A pairing opened a conversation.
        ConversationCreated = "conversation.created",
        /// An entry was appended to a conversation.
        EntryCreated = "entry.created",
        /// Assignee, tags, status or unread mark of a conversation changed.
        ConversationChanged = "conversation.changed",
        /// The identity state of a conversation changed.
        IdentityChanged = "identity.changed",
        /// One side read a conversation.
        Read = "read",
    }
}

/// The kinds of events that streams show.
const SHOWN: [EventKind; 11] = [
    EventKind::PairingCreated,
    EventKind::PairingEnded,
    EventKind::ConversationChanged,
    EventKind::ConversationEntryCreated,
    EventKind::ConversationMarked,
    EventKind::ConversationRead,
    EventKind::ConversationStatusChanged,
    EventKind::IdentityConfirmed,
    EventKind::IdentityDoubted,
    EventKind::IdentityRejected,
    EventKind::IdentityUndone,
];

/// The events of an account after a position that are visible to a session.
pub fn list(tx: &mut Tx, access: Access<'_>, after: i64) -> db::Result<Batch> {
    let audience = Audience::Account(access.account_id.clone());
    read(tx, &audience, after, |tx, ids| store::visible_among(tx.conn, access, ids))
}

/// The events of an audience after a position, about those conversations that `visible` returns.
pub fn read(
    tx: &mut Tx,
    audience: &Audience,
    after: i64,
    visible: impl FnOnce(&mut Tx, &[ConversationId]) -> db::Result<Vec<ConversationId>>,
) -> db::Result<Batch> {
    event_stream::read(tx, audience, after, &SHOWN.map(EventKind::as_str), visible, shown)
}

/// How an event looks to readers.
fn shown(event: &Event) -> Option<StreamEvent> {
    let (id, detail) = (event.conversation_id.as_ref()?, event.detail());
    let with = |keys: &[&str]| {
        let of = |key: &&str| ((*key).to_owned(), detail.get(key).cloned().unwrap_or_default());
        let data: Map<String, Value> = keys.iter().map(of).collect();
        Value::Object([("conversation_id".to_owned(), json!(id))].into_iter().chain(data).collect())
    };
    let (kind, data) = match EventKind::of(event)? {
        EventKind::PairingCreated => {
            (StreamKind::ConversationCreated, json!({ "conversation_id": id, "pairing_id": event.subject }))
        }
        EventKind::ConversationEntryCreated => {
            (StreamKind::EntryCreated, with(&["entry_id", "position", "author"]))
        }
        EventKind::ConversationRead => (StreamKind::Read, with(&["by", "position"])),
        EventKind::IdentityConfirmed
        | EventKind::IdentityDoubted
        | EventKind::IdentityRejected
        | EventKind::IdentityUndone => (StreamKind::IdentityChanged, identity(id, &detail)),
        _ => (StreamKind::ConversationChanged, with(&[])),
    };
    Some(StreamEvent { seq: event.seq?, kind: kind.into(), data })
}

fn identity(conversation_id: &ConversationId, detail: &Value) -> Value {
    json!({
        "conversation_id": conversation_id,
        "state": detail.get("after"),
        "phi_allowed": detail.get("phi_allowed"),
    })
}
