//! Event stream for open consoles and apps: server-sent events (SSE), across instances, without loss.
//!
//! An event is a row, written in the same transaction as its cause. `UUIDv7` ids of several instances do not
//! commit in order, so an id cannot mark what a stream has read. Therefore the thread in `feed` gives each
//! committed row a number, in batches and under a lock. A stream's position is a number (and an event within
//! its batch), and later events always come after it. The instance that assigns numbers notifies the others
//! with NOTIFY in that same transaction: NOTIFY takes a lock over the whole database at commit, which
//! sign-ups should not wait for.
//!
//! An event holds only ids. At each delivery the module that owns the stream decides which events
//! the reader may see.

mod feed;
mod hub;
mod store;

pub use feed::{Feed, spawn};
pub use hub::{EventHub, Subscription, TooManyStreams};
pub use store::StoredEvent;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::kit::{AccountId, ConversationId, EventId, PracticeId};
use crate::platform::signal::Wake;
use crate::platform::{Tx, db};

/// How long a broken stream can resume from its position.
const RETENTION: Duration = Duration::from_hours(24);
/// How many events one read returns.
const BATCH: i64 = 100;
/// ASCII "LiveNumb": only one instance assigns numbers at a time.
const LOCK: i64 = 0x4c69_7665_4e75_6d62;

crate::text_enum! {
    /// The kind of an event, as in its `event:` line.
    pub enum Kind {
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

/// An event to send.
pub struct Event<'a> {
    /// The practice whose staff may see the event.
    pub practice_id: &'a PracticeId,
    /// The patient's account, if it may see the event too.
    pub account_id: Option<&'a AccountId>,
    pub conversation_id: &'a ConversationId,
    /// Entry count of the conversation, so that its events are sent in order.
    pub position: i32,
    pub kind: Kind,
    /// Only ids, nothing confidential.
    pub data: Value,
}

/// Writes an event, which is sent once its transaction has committed.
pub fn publish(tx: &mut Tx, event: &Event<'_>) -> db::Result<()> {
    tx.wake_event_streams();
    let id = tx.id::<EventId>();
    store::insert(tx.conn, &id, event, tx.now)
}

/// The events a stream follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Events of a practice.
    Practice(PracticeId),
    /// Events of an account.
    Account(AccountId),
}

/// Position of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Number of the batch.
    pub seq: i64,
    /// Position within the batch, which several events share.
    pub within: i32,
    /// The last event; `None` is before all events of the batch.
    pub id: Option<EventId>,
}

/// Start position of a stream: after the event that its reader saw last, or at the current end. If that event
/// was already deleted, it is more than a day old, and the reader gets the whole day.
pub fn start(tx: &mut Tx, last_seen: Option<&str>) -> db::Result<Position> {
    match last_seen.and_then(event_id) {
        Some(id) => {
            let last = store::find(tx.conn, &id)?;
            Ok(last.as_ref().map(StoredEvent::position).unwrap_or_default())
        }
        None => Ok(Position { seq: store::head(tx.conn)?.saturating_add(1), ..Position::default() }),
    }
}

fn event_id(text: &str) -> Option<EventId> {
    let digits = text.strip_prefix("evt_")?;
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.into())
}

/// The result of one read.
pub struct Batch {
    /// The events that the reader may see.
    pub events: Vec<StoredEvent>,
    /// The position after the last event read, whether it was sent or not.
    pub position: Position,
    /// Whether there may be more events.
    pub has_more: bool,
}

/// Reads the events of an audience after a position. `visible` returns which of some conversations the reader
/// may see; events of the others are left out.
pub fn read(
    tx: &mut Tx,
    audience: &Audience,
    after: &Position,
    visible: impl FnOnce(&mut Tx, &[ConversationId]) -> db::Result<Vec<ConversationId>>,
) -> db::Result<Batch> {
    let found = store::after(tx.conn, audience, after, BATCH)?;
    let has_more = i64::try_from(found.len()).is_ok_and(|found| found >= BATCH);
    let position = found.last().map_or_else(|| after.clone(), StoredEvent::position);
    let ids: Vec<_> = found.iter().filter_map(|event| event.conversation_id.clone()).collect();
    let seen = if ids.is_empty() { HashSet::new() } else { HashSet::from_iter(visible(tx, &ids)?) };
    let is_seen = |event: &StoredEvent| event.conversation_id.as_ref().is_some_and(|id| seen.contains(id));
    Ok(Batch { events: found.into_iter().filter(is_seen).collect(), position, has_more })
}

/// Numbers committed events; `false` if another instance holds the lock.
fn number(tx: &mut Tx) -> db::Result<bool> {
    if !tx.conn.try_lock(LOCK)? {
        return Ok(false);
    }
    // Never below the clock, so that numbers keep rising even after all rows were deleted.
    let seq = store::head(tx.conn)?.saturating_add(1).max(tx.now.millis());
    if store::number(tx.conn, seq)? > 0 {
        tx.conn.notify(Wake::Events)?;
    }
    Ok(true)
}

/// Deletes events after their retention.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_older(tx.conn, tx.now - RETENTION)
}
