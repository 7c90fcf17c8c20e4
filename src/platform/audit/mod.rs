//! The audit log: who did what to which object. Appended in the transaction of the action, never changed or
//! deleted.
//!
//! Each practice's events form a hash chain: they are numbered, and the hash of each covers the previous
//! hash, so that a missing or changed row is detected ([`verify()`]). Events without a practice are chained
//! too: the operator's own in one chain, and those of patients' accounts in sixteen chains by account id.
//!
//! A chain has one head, which an append locks until the commit. So the events of a request are kept in its
//! unit of work and written at the end, chain by chain in the order of their names: the heads are always the
//! last locks of a transaction, in one order, so they cannot deadlock. The price is that two transactions
//! of one practice commit one after the other. Numbering the rows later, in a background job, would avoid
//! that, but would leave every row without a number for a while, and a missing one would go undetected.

mod action;
mod actor;
mod store;
pub mod verify;

pub use action::{Action, Subject};
pub use actor::Actor;
pub use store::{Filter, Row};
pub use verify::{Finding, Report, Verdict, verify};

use std::collections::BTreeMap;

use serde_json::Value;
use store::Before;

use crate::kit::{AuditEventId, PracticeId, Timestamp};
use crate::platform::db::{self, Conn};

impl Row {
    /// Returns the pagination cursor: the row's number, or its id if it is from before the chains.
    pub fn key(&self) -> String {
        self.seq.map_or_else(|| self.id.to_string(), |seq| seq.to_string())
    }
}

/// An event that waits in a unit of work to be appended to its chain.
pub struct Event {
    pub id: AuditEventId,
    /// `None` for an event without a practice, such as the operator's.
    pub practice_id: Option<PracticeId>,
    pub actor: Actor,
    pub action: Action,
    /// The id of the object. Names, phone numbers and addresses must not be stored here.
    pub subject: String,
    /// Further facts for an auditor.
    pub detail: Value,
}

impl Event {
    /// The chain of the event. Accounts have sixteen, so that sign-ins do not all wait for one head.
    fn chain(&self) -> String {
        if let Some(practice_id) = &self.practice_id {
            return practice_id.to_string();
        }
        let digit = match &self.actor {
            Actor::Account(id) => id.as_str().chars().last().filter(char::is_ascii_hexdigit),
            _ => None,
        };
        digit.map_or_else(|| "operator".to_owned(), |digit| format!("accounts-{digit}"))
    }
}

/// Writes the recorded events, as the last statements of the transaction.
pub fn append(conn: &mut Conn, recorded: Vec<Event>, now: Timestamp) -> db::Result<()> {
    let mut chains: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in recorded {
        chains.entry(event.chain()).or_default().push(event);
    }
    for (chain, events) in chains {
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let head = store::take_head(conn, &chain, count)?;
        let (mut seq, mut before) = (head.seq - count, head.hash);
        for event in events {
            seq += 1;
            let row = Row {
                id: event.id,
                practice_id: event.practice_id,
                actor: event.actor.to_string(),
                action: event.action.to_string(),
                subject: event.subject,
                detail: event.detail.to_string(),
                created_at: now,
                chain: Some(chain.clone()),
                seq: Some(seq),
                hash: None,
            };
            before = verify::hash(&before, &row);
            store::insert(conn, &Row { hash: Some(before.clone()), ..row })?;
        }
        store::set_head(conn, &chain, &before)?;
    }
    Ok(())
}

/// Lists up to `limit` of a practice's events, newest first: those before the event whose [`Row::key`] is
/// `before`, or all if that is empty.
pub fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    filter: &Filter,
    before: &str,
    limit: i64,
) -> db::Result<Vec<Row>> {
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
