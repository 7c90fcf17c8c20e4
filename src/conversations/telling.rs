//! What open streams are told of a conversation: ids, and never what was said.

use serde_json::json;

use super::Entry;
use super::identity::State;
use super::pairing::{self, NewPairing};
use super::store::{Held, Placed};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::live::{self, Event, Kind};

/// A pairing opened it; the entries that it begins with go without saying.
pub(super) fn created(
    ctx: &Ctx,
    conn: &mut Conn,
    new: &NewPairing<'_>,
    pairing_id: &str,
    id: &str,
) -> db::Result<()> {
    let event = Event {
        practice_id: &new.to.practice.id,
        account_id: Some(new.account_id),
        conversation_id: id,
        place: 0,
        kind: Kind::ConversationCreated,
        data: json!({ "conversation_id": id, "pairing_id": pairing_id }),
    };
    live::tell(ctx, conn, &event)
}

/// Something was written in it.
pub(super) fn entry(ctx: &Ctx, conn: &mut Conn, id: &str, placed: &Placed, entry: &Entry) -> db::Result<()> {
    let account_id = pairing::account_of(conn, &placed.pairing_id)?;
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
    live::tell(ctx, conn, &event)
}

/// What it is changed; the patient is told only of what they see.
pub(super) fn changed(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    account_id: Option<&str>,
    id: &str,
    place: i32,
) -> db::Result<()> {
    let data = json!({ "conversation_id": id });
    let kind = Kind::ConversationChanged;
    live::tell(ctx, conn, &Event { practice_id, account_id, conversation_id: id, place, kind, data })
}

/// The practice is more or less sure of who it is. The patient is not told: neither how sure, nor why.
pub(super) fn identity(ctx: &Ctx, conn: &mut Conn, held: &Held, id: &str, state: State) -> db::Result<()> {
    let event = Event {
        practice_id: &held.practice_id,
        account_id: None,
        conversation_id: id,
        place: held.entry_count,
        kind: Kind::IdentityChanged,
        data: json!({ "conversation_id": id, "state": state, "phi_allowed": state.allows_phi() }),
    };
    live::tell(ctx, conn, &event)
}

/// One side read it, up to a position.
pub(super) fn read(
    ctx: &Ctx,
    conn: &mut Conn,
    held: &Held,
    id: &str,
    by: &str,
    position: i32,
) -> db::Result<()> {
    let account_id = pairing::account_of(conn, &held.pairing_id)?;
    let event = Event {
        practice_id: &held.practice_id,
        account_id: Some(&account_id),
        conversation_id: id,
        place: held.entry_count,
        kind: Kind::Read,
        data: json!({ "conversation_id": id, "by": by, "position": position }),
    };
    live::tell(ctx, conn, &event)
}
