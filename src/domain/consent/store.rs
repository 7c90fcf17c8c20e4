//! Queries on `opt_outs` and `inbound_texts`.

use diesel::prelude::*;
use diesel::{delete, insert_into};

use crate::kit::{InboundMessageId, Timestamp};
use crate::platform::db::schema::{inbound_texts, opt_outs};
use crate::platform::db::{Both, Conn, Result};

/// Stores the id of an inbound SMS; 0 if it is known already.
pub(super) fn remember(conn: &mut Conn, id: &InboundMessageId, now: Timestamp) -> Result<usize> {
    let row = (inbound_texts::id.eq(id), inbound_texts::created_at.eq(now));
    Ok(Both(insert_into(inbound_texts::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Adds an opt-out of a number from a sender; 0 if there is one already.
pub(super) fn opt_out(conn: &mut Conn, sender: &str, phone_key: &str, now: Timestamp) -> Result<usize> {
    let row = (opt_outs::sender.eq(sender), opt_outs::phone_key.eq(phone_key), opt_outs::created_at.eq(now));
    Ok(Both(insert_into(opt_outs::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Removes an opt-out; 0 if there was none.
pub(super) fn opt_in(conn: &mut Conn, sender: &str, phone_key: &str) -> Result<usize> {
    Ok(delete(opt_outs::table.find((sender, phone_key))).execute(conn)?)
}

/// The senders that a number has opted out of.
pub(super) fn opt_outs_of(conn: &mut Conn, phone_key: &str) -> Result<Vec<String>> {
    let rows = opt_outs::table.filter(opt_outs::phone_key.eq(phone_key)).order(opt_outs::sender);
    Ok(rows.select(opt_outs::sender).load(conn)?)
}

/// Deletes the ids of texts that came in before `before`.
pub(super) fn forget(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(delete(inbound_texts::table.filter(inbound_texts::created_at.lt(before))).execute(conn)?)
}
