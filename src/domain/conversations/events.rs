//! Events about conversations for the event streams: only ids, never the text of a message.

use serde_json::json;

use super::Entry;
use super::access::Access;
use super::state::{Author, IdentityState};
use super::store::{self, EntrySlot, LockedConversation};
use crate::kit::{AccountId, ConversationId, PairingId, PracticeId};
use crate::platform::event_stream::{self, Audience, Batch, Event, Kind, Position};
use crate::platform::{Tx, db};

/// The events after a position that are visible to a session.
pub fn list(tx: &mut Tx, access: Access<'_>, after: &Position) -> db::Result<Batch> {
    let audience = Audience::Account(access.account_id.clone());
    event_stream::read(tx, &audience, after, |tx, ids| store::visible_among(tx.conn, access, ids))
}

/// A pairing opened the conversation. Its first entries get no events of their own.
pub fn created(
    tx: &mut Tx,
    practice_id: &PracticeId,
    account_id: &AccountId,
    pairing_id: &PairingId,
    id: &ConversationId,
) -> db::Result<()> {
    let event = Event {
        practice_id,
        account_id: Some(account_id),
        conversation_id: id,
        position: 0,
        kind: Kind::ConversationCreated,
        data: json!({ "conversation_id": id, "pairing_id": pairing_id }),
    };
    event_stream::publish(tx, &event)
}

/// An entry was appended.
pub fn entry(tx: &mut Tx, id: &ConversationId, slot: &EntrySlot, entry: &Entry) -> db::Result<()> {
    let account_id = store::account_of(tx.conn, &slot.pairing_id)?;
    let event = Event {
        practice_id: &slot.practice_id,
        account_id: Some(&account_id),
        conversation_id: id,
        position: slot.position,
        kind: Kind::EntryCreated,
        data: json!({
            "conversation_id": id, "entry_id": entry.id, "position": entry.position, "author": entry.author,
        }),
    };
    event_stream::publish(tx, &event)
}

/// The conversation's details changed; the patient is told only about changes they can see.
pub fn changed(
    tx: &mut Tx,
    practice_id: &PracticeId,
    account_id: Option<&AccountId>,
    id: &ConversationId,
    position: i32,
) -> db::Result<()> {
    let data = json!({ "conversation_id": id });
    let kind = Kind::ConversationChanged;
    event_stream::publish(tx, &Event { practice_id, account_id, conversation_id: id, position, kind, data })
}

/// The identity state changed. The patient is told neither the state nor the reason.
pub fn identity(
    tx: &mut Tx,
    locked: &LockedConversation,
    id: &ConversationId,
    state: IdentityState,
) -> db::Result<()> {
    let event = Event {
        practice_id: &locked.practice_id,
        account_id: None,
        conversation_id: id,
        position: locked.entry_count,
        kind: Kind::IdentityChanged,
        data: json!({ "conversation_id": id, "state": state, "phi_allowed": state.allows_phi() }),
    };
    event_stream::publish(tx, &event)
}

/// One side read the conversation up to a position.
pub fn read(
    tx: &mut Tx,
    locked: &LockedConversation,
    id: &ConversationId,
    by: Author,
    position: i32,
) -> db::Result<()> {
    let account_id = store::account_of(tx.conn, &locked.pairing_id)?;
    let event = Event {
        practice_id: &locked.practice_id,
        account_id: Some(&account_id),
        conversation_id: id,
        position: locked.entry_count,
        kind: Kind::Read,
        data: json!({ "conversation_id": id, "by": by, "position": position }),
    };
    event_stream::publish(tx, &event)
}
