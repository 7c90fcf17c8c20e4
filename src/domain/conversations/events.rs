//! Events about conversations for the event streams: only ids, never the text of a message.

use serde_json::json;

use super::Entry;
use super::store::{Held, Placed};
use crate::domain::identity::State;
use crate::domain::pairing::{self, NewPairing};
use crate::kit::ids::{AccountId, ConversationId, PairingId, PracticeId};
use crate::platform::db;
use crate::platform::event_stream::{self, Event, Kind};
use crate::platform::tx::Tx;

/// A pairing opened the conversation. Its first entries get no events of their own.
pub fn created(
    tx: &mut Tx,
    new: &NewPairing<'_>,
    pairing_id: &PairingId,
    id: &ConversationId,
) -> db::Result<()> {
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
pub fn entry(tx: &mut Tx, id: &ConversationId, placed: &Placed, entry: &Entry) -> db::Result<()> {
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
    practice_id: &PracticeId,
    account_id: Option<&AccountId>,
    id: &ConversationId,
    place: i32,
) -> db::Result<()> {
    let data = json!({ "conversation_id": id });
    let kind = Kind::ConversationChanged;
    event_stream::tell(tx, &Event { practice_id, account_id, conversation_id: id, place, kind, data })
}

/// The identity state changed. The patient is told neither the state nor the reason.
pub fn identity(tx: &mut Tx, held: &Held, id: &ConversationId, state: State) -> db::Result<()> {
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
pub fn read(tx: &mut Tx, held: &Held, id: &ConversationId, by: &str, position: i32) -> db::Result<()> {
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
