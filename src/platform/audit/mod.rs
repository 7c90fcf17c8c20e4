//! The audit log: who did what to which object. Appended in the transaction of the action, never changed or
//! deleted.
//!
//! Each practice's events form a hash chain: they are numbered, and the hash of each covers the previous
//! hash, so that a missing or changed row is detected ([`verify`]). Events without a practice are chained
//! too: the operator's own in one chain, and those of patients' accounts in sixteen chains by account id.
//!
//! A chain has one head, which an append locks until the commit. So the events of a request are kept in its
//! a unit of work and written at the end, chain by chain in the order of their names: the heads are always the
//! last locks of a transaction, in one order, so they cannot deadlock. The price is that two transactions
//! of one practice commit one after the other. Numbering the rows later, in a background job, would avoid
//! that, but would leave every row without a number for a while, and a missing one would go undetected.

pub mod store;
pub mod verify;

pub use store::{Filter, Row};
pub use verify::{Finding, Report, Verdict, verify};

use std::collections::BTreeMap;

use serde_json::Value;
use store::Before;

use crate::kit::Timestamp;
use crate::kit::ids::{AuditEventId, PracticeId};
use crate::platform::db::{self, Conn};

/// An event to record. Subjects are ids; names, phone numbers and addresses must not be stored here.
pub struct Event<'a> {
    /// `None` for an event without a practice, such as the operator's.
    pub practice_id: Option<&'a PracticeId>,
    /// The id of an account or a staff member, or `operator` or `system`.
    pub actor: &'a str,
    /// The action, e.g. `pairing.created`.
    pub action: &'a str,
    /// The id of the object.
    pub subject: &'a str,
    /// Further facts for an auditor, as JSON.
    pub detail: Value,
}

impl Row {
    /// Returns the pagination cursor: the row's number, or its id if it is from before the chains.
    pub fn key(&self) -> String {
        self.seq.map_or_else(|| self.id.to_string(), |seq| seq.to_string())
    }
}

/// An event that waits in a unit of work to be appended to its chain.
pub struct Recorded {
    id: AuditEventId,
    practice_id: Option<PracticeId>,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl Recorded {
    /// `event` under a fresh `id`.
    pub fn new(id: AuditEventId, event: &Event<'_>) -> Self {
        Self {
            id,
            practice_id: event.practice_id.cloned(),
            actor: event.actor.to_owned(),
            action: event.action.to_owned(),
            subject: event.subject.to_owned(),
            detail: event.detail.to_string(),
        }
    }

    /// The chain of the event. Accounts have sixteen, so that sign-ins do not all wait for one head.
    fn chain(&self) -> String {
        if let Some(practice_id) = &self.practice_id {
            return practice_id.to_string();
        }
        let digit = self.actor.strip_prefix("acc_").and_then(|id| id.chars().last());
        match digit.filter(char::is_ascii_hexdigit) {
            Some(digit) => format!("accounts-{digit}"),
            None => "operator".to_owned(),
        }
    }
}

/// Writes the recorded events, as the last statements of the transaction.
pub fn append(conn: &mut Conn, recorded: Vec<Recorded>, now: Timestamp) -> db::Result<()> {
    let mut chains: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
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
                actor: event.actor,
                action: event.action,
                subject: event.subject,
                detail: event.detail,
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
