//! Events about conversations for the event streams: only ids, never the text of a message.

use serde_json::json;

use super::Entry;
use super::store::{Held, Placed};
use crate::domain::identity::State;
use crate::domain::pairing::{self, NewPairing};
use crate::platform::db::{self, Conn};
use crate::platform::event_stream::{self, Event, Kind};
use crate::platform::tx::Tx;

/// A pairing opened the conversation. Its first entries get no events of their own.
pub fn created(tx: &mut Tx, new: &NewPairing<'_>, pairing_id: &str, id: &str) -> db::Result<()> {
    let event = Event {
        practice_id: &new.to.practice.id,
        account_id: Some(new.account_id),
        conversation_id: id,
        place: 0,
        kind: Kind::ConversationCreated,
        data: json!({ "conversation_id": id, "pairing_id": pairing_id }),
    };
    event_stream::tell(tx, &event)
}

/// An entry was appended.
pub fn entry(tx: &mut Tx, id: &str, placed: &Placed, entry: &Entry) -> db::Result<()> {
    let account_id = pairing::account_of(tx.conn, &placed.pairing_id)?;
    let event = Event {
        practice_id: &placed.practice_id,
        account_id: Some(&account_id),
        conversation_id: id,
        place: placed.position,
        kind: Kind::EntryCreated,
        data: json!({
            "conversation_id": id, "entry_id": entry.id, "position": entry.position, "author": entry.author,
        }),
    };
    event_stream::tell(tx, &event)
}

/// The conversation's details changed; the patient is told only about changes they can see.
pub fn changed(
    tx: &mut Tx,
    practice_id: &str,
    account_id: Option<&str>,
    id: &str,
    place: i32,
) -> db::Result<()> {
    let data = json!({ "conversation_id": id });
    let kind = Kind::ConversationChanged;
    event_stream::tell(tx, &Event { practice_id, account_id, conversation_id: id, place, kind, data })
}

/// The identity state changed. The patient is told neither the state nor the reason.
pub fn identity(tx: &mut Tx, held: &Held, id: &str, state: State) -> db::Result<()> {
    let event = Event {
        practice_id: &held.practice_id,
        account_id: None,
        conversation_id: id,
        place: held.entry_count,
        kind: Kind::IdentityChanged,
        data: json!({ "conversation_id": id, "state": state, "phi_allowed": state.allows_phi() }),
    };
    event_stream::tell(tx, &event)
}

/// One side read the conversation up to a position.
pub fn read(tx: &mut Tx, held: &Held, id: &str, by: &str, position: i32) -> db::Result<()> {
    let account_id = pairing::account_of(tx.conn, &held.pairing_id)?;
    let event = Event {
        practice_id: &held.practice_id,
        account_id: Some(&account_id),
        conversation_id: id,
        place: held.entry_count,
        kind: Kind::Read,
        data: json!({ "conversation_id": id, "by": by, "position": position }),
    };
    event_stream::tell(tx, &event)
}
