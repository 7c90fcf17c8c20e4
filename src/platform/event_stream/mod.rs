//! Event stream for open consoles and apps: server-sent events (SSE), across instances, without loss.
//!
//! A stream reads the event log, and its position is the number of the last event that it read. At each
//! delivery the module that owns the stream decides which events the reader may see, and how they look.

mod hub;

pub use hub::{EventHub, Subscription, TooManyStreams};

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::kit::{AccountId, ConversationId, PracticeId};
use crate::platform::event_log::{self, Event};
use crate::platform::{Tx, db};

/// How long a broken stream can resume from its position.
const RESUMABLE: Duration = Duration::from_hours(24);
/// How many events one read returns.
const BATCH: i64 = 100;

/// The events a stream follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Events of a practice.
    Practice(PracticeId),
    /// Events of an account.
    Account(AccountId),
}

/// An event as it is sent.
#[derive(Debug, Clone)]
pub struct StreamEvent {
    /// The number in the event log, which a reader sends back to resume.
    pub seq: i64,
    /// The text of the `event:` line.
    pub kind: &'static str,
    /// Only ids and enumerated values.
    pub data: Value,
}

/// Start position of a stream: after the event that its reader saw last, or at the current end. A reader who
/// saw its last event more than a day ago, or before the update to the event log, gets the whole day.
pub fn start(tx: &mut Tx, last_seen: Option<&str>) -> db::Result<i64> {
    let Some(id) = last_seen.filter(|id| is_position(id)) else { return event_log::head(tx.conn) };
    let oldest = tx.now - RESUMABLE;
    if let Ok(seq) = id.parse()
        && event_log::moment_of(tx.conn, seq)?.is_some_and(|at| at >= oldest)
    {
        return Ok(seq);
    }
    event_log::start_of(tx.conn, oldest)
}

/// Whether a text is a position: a number, or the id that an event had in an earlier release.
fn is_position(text: &str) -> bool {
    match text.strip_prefix("evt_") {
        Some(digits) => digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// The result of one read.
pub struct Batch {
    /// The events that the reader may see.
    pub events: Vec<StreamEvent>,
    /// The number of the last event read, whether it was sent or not.
    pub position: i64,
    /// Whether there may be more events.
    pub has_more: bool,
}

/// Reads the events of an audience after a position: those of `kinds`, about conversations that the reader
/// may see. `visible` returns which of some conversations those are, and `shown` how an event looks.
pub fn read(
    tx: &mut Tx,
    audience: &Audience,
    after: i64,
    kinds: &[&str],
    visible: impl FnOnce(&mut Tx, &[ConversationId]) -> db::Result<Vec<ConversationId>>,
    shown: impl Fn(&Event) -> Option<StreamEvent>,
) -> db::Result<Batch> {
    let whose = match audience {
        Audience::Practice(id) => (Some(id), None),
        Audience::Account(id) => (None, Some(id)),
    };
    // Read first: what is numbered later is after it.
    let head = event_log::head(tx.conn)?;
    let found = event_log::next_after(tx.conn, whose, kinds, after, BATCH)?;
    let has_more = i64::try_from(found.len()).is_ok_and(|found| found >= BATCH);
    let last = found.last().and_then(|event| event.seq).unwrap_or(after);
    // Whoever has read everything need not look at the events of others again.
    let position = if has_more { last } else { last.max(head) };
    let ids: Vec<_> = found.iter().filter_map(|event| event.conversation_id.clone()).collect();
    let seen = if ids.is_empty() { HashSet::new() } else { HashSet::from_iter(visible(tx, &ids)?) };
    let is_seen = |event: &&Event| event.conversation_id.as_ref().is_some_and(|id| seen.contains(id));
    Ok(Batch { events: found.iter().filter(is_seen).filter_map(shown).collect(), position, has_more })
}

impl event_log::Observer for EventHub {
    fn observe(&self, events: &[Event]) {
        let both = |event: &Event| {
            let practice = event.practice_id.clone().map(Audience::Practice);
            practice.into_iter().chain(event.account_id.clone().map(Audience::Account))
        };
        self.wake(events.iter().filter(|event| event.conversation_id.is_some()).flat_map(both).collect());
    }

    fn reset(&self) {
        self.wake_all();
    }
}
