//! Digests: one mail about many new patients of a link.
//!
//! A digest accepts patients until the first attempt to send its outbox row. Adding a patient locks
//! that row until the commit: a worker that claims rows skips it, and if a worker has claimed it
//! already, the adding transaction waits and then finds the digest on its way. So no patient is counted
//! after the mail was written.

use std::time::Duration;

use super::message::{self, Payload};
use super::{Recipient, store};
use crate::kit::{DigestId, LinkId, Timestamp};
use crate::platform::{Tx, db, outbox};

/// Digests are kept for 30 days, to answer an operator's questions.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How many digests with the same due time may already be on their way; the next one is due a millisecond
/// later. More than one occurs only when an operator drops an open digest's row.
const TRIES: u64 = 8;

/// The open digest that a patient can be added to, until this transaction ends. `None` if no digest is open,
/// or if it is due later than a new one would be.
pub(super) fn lock_open(
    tx: &mut Tx,
    recipient: &Recipient,
    list: &LinkId,
    until: Timestamp,
) -> db::Result<Option<DigestId>> {
    match store::latest_digest(tx.conn, recipient, list, until)? {
        Some(id) if outbox::lock_queued(tx, &message::digest_key(&id))? => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// Counts `count` more patients in a digest that is locked, the last of whom connected `at`.
pub(super) fn count(tx: &mut Tx, id: &DigestId, count: i32, at: Timestamp) -> db::Result<()> {
    store::add_to_digest(tx.conn, id, count, at).map(drop)
}

/// Opens a digest with its first patient, or joins the one that a concurrent pairing opened.
pub(super) fn open(tx: &mut Tx, list: &LinkId, mut payload: Payload, due_at: Timestamp) -> db::Result<()> {
    for late in 0..TRIES {
        let (id, due_at) = (tx.id(), due_at + Duration::from_millis(late));
        if store::insert_digest(tx.conn, &id, &payload.recipient, list, due_at, tx.now)? == 1 {
            payload.digest = Some(id.clone());
            return message::enqueue_digest(tx, &id, &payload, due_at);
        }
        if let Some(id) = store::digest_due(tx.conn, &payload.recipient, list, due_at)?
            && add(tx, &id)?
        {
            return Ok(());
        }
    }
    Err(db::Error::Busy)
}

fn add(tx: &mut Tx, id: &DigestId) -> db::Result<bool> {
    Ok(outbox::lock_queued(tx, &message::digest_key(id))?
        && store::add_to_digest(tx.conn, id, 1, tx.now)? == 1)
}

/// Deletes digests that went out long ago.
pub(super) fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_digests(tx.conn, tx.now - KEPT)
}
