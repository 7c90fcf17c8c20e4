//! The event log: one append-only table of everything that happened, by whom and to which object.
//!
//! A unit of work inserts its events with one statement before its commit, and takes no lock that another
//! unit of work wants. The sequencer ([`feed`]) then numbers what is committed, batch by batch and without
//! gaps, so that a reader who remembers a number never misses an event: ids of several instances do not
//! commit in order. In the same step it continues the hash chains: each practice's events form one, the
//! operator's another, and those of patients' accounts sixteen, so that a missing or changed row is detected
//! ([`verify()`]). Chaining in the unit of work itself would make all sign-ups of a practice wait for each
//! other. The price is an event without a number for some milliseconds; one that keeps none for a minute is a
//! finding.
//!
//! What follows from an event is done by [reactions](Reaction), which read the log in batches, and by
//! [observers](Observer) in each instance. A rule that emits an event knows none of them.

mod actor;
mod chain;
pub mod feed;
mod reaction;
mod sequencer;
mod store;
pub mod verify;

pub use actor::Actor;
pub use feed::Feed;
pub use reaction::{Lag, Observer, Reaction, Reactions, Round, lag, parked, retry, round};
pub use store::{Event, Filter, Parked, head, moment_of, next_after, start_of};
pub use verify::{Finding, Report, Verdict, verify};

use diesel::query_builder::QueryFragment;
use serde_json::Value;
use store::Before;

use crate::kit::{AccountId, ConversationId, EventId, PracticeId, Timestamp};
use crate::platform::db::{self, Conn, MultiBackend};

/// How many events a round numbers, and a reaction reads, in one transaction.
const BATCH: i64 = 500;

/// A kind of event. The kinds themselves are the domain's: this layer only stores their texts.
pub trait LogKind: Copy {
    /// The text in the database.
    fn text(self) -> &'static str;

    /// Whether somebody waits for what follows from it. The others are numbered with the next urgent event,
    /// or within five seconds.
    fn is_urgent(self) -> bool;
}

impl Event {
    pub(super) fn new(
        kind: &'static str,
        actor: &Actor,
        subject: &str,
        detail: &Value,
        at: Timestamp,
    ) -> Self {
        Self {
            id: EventId::from(""),
            seq: None,
            at,
            practice_id: None,
            account_id: None,
            actor: actor.to_string(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_string(),
            conversation_id: None,
            place: 0,
            chain: None,
            chain_seq: None,
            chain_hash: None,
        }
    }

    /// Says which conversation it is about. `place` is the number of entries in it at that moment: events of
    /// one conversation that wait together are numbered in this order.
    pub fn in_conversation(&mut self, id: &ConversationId, place: i32) -> &mut Self {
        self.conversation_id = Some(id.clone());
        self.place = place;
        self
    }

    /// Shows it in the event streams of an account too; without this, only those of the practice have it.
    pub fn visible_to(&mut self, account_id: &AccountId) -> &mut Self {
        self.account_id = Some(account_id.clone());
        self
    }

    /// The cursor after it in a list: its number in the chain, or its id if it is from before the chains.
    pub fn key(&self) -> String {
        self.chain_seq.map_or_else(|| self.id.to_string(), |seq| seq.to_string())
    }

    /// The detail as JSON.
    pub fn detail(&self) -> Value {
        serde_json::from_str(&self.detail).unwrap_or_default()
    }

    /// The chain of the event. Accounts have sixteen, so that none grows with all of them.
    fn chain(&self) -> String {
        if let Some(practice_id) = &self.practice_id {
            return practice_id.to_string();
        }
        let digit = match Actor::from(self.actor.as_str()) {
            Actor::Account(id) => id.as_str().chars().last().filter(char::is_ascii_hexdigit),
            _ => None,
        };
        digit.map_or_else(|| "operator".to_owned(), |digit| format!("accounts-{digit}"))
    }
}

/// Lists up to `limit` of a practice's events, newest first: those before the event whose [`Event::key`] is
/// `before`, or all if that is empty.
pub fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    filter: &Filter,
    before: &str,
    limit: i64,
) -> db::Result<Vec<Event>> {
    let (number, older) = match before.parse() {
        Ok(number) => (Some(number), ""),
        Err(_) if before.is_empty() => (Some(i64::MAX), ""),
        Err(_) => (None, before),
    };
    let mut rows = match number {
        Some(number) => store::list(conn, practice_id, filter, Before::Number(number), limit)?,
        None => Vec::new(),
    };
    let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
    if left > 0 {
        rows.extend(store::list(conn, practice_id, filter, Before::Id(older.to_owned()), left)?);
    }
    Ok(rows)
}

/// The statement that inserts the events of a unit of work, the last one before its commit. `ids` are sorted,
/// so that events of one moment keep their order.
pub(super) fn insertion(
    mut events: Vec<Event>,
    mut ids: Vec<EventId>,
) -> impl QueryFragment<MultiBackend> + use<> {
    ids.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    for (event, id) in events.iter_mut().zip(ids) {
        event.chain = Some(event.chain());
        event.id = id;
    }
    store::insertion(&events)
}
