//! What was done, by whom and to what: appended in the transaction of the fact, never changed, never deleted.
//!
//! Each practice's events are a chain: they are numbered, and the hash of each covers the hash of the one before
//! it, so that a row which is gone or was changed shows ([`verify`]). Events that no practice has are chained too:
//! the operator's own, and those of patients' accounts in sixteen chains by the account's id.
//!
//! A chain has one head, and whoever appends holds it until the commit. So a rule's events are kept in its
//! [`Ctx`] and written when the rule is done, chain by chain in the order of their names: the heads are always
//! the last locks of a transaction, in one order, and no deadlock can come of them. The price is that two
//! transactions of one practice commit one after the other. To number the rows afterwards, in the background,
//! would spare that, and leave every row for a while without a number: one that is gone would not show.

mod store;
mod verify;

pub use store::{Filter, Row};
pub use verify::{Finding, Report, Verdict, verify};

use std::collections::BTreeMap;
use std::mem;

use serde_json::Value;
use store::Before;

use crate::app::Ctx;
use crate::db::{self, Conn};

/// One fact. Subjects are ids; names, numbers and addresses have no place here.
pub struct Event<'a> {
    /// The practice it concerns.
    pub practice_id: Option<&'a str>,
    /// Who did it: an account, a staff member, `operator`, `system`.
    pub actor: &'a str,
    /// What was done, e.g. `pairing.created`.
    pub action: &'a str,
    /// To what, by id.
    pub subject: &'a str,
    /// What else an auditor will ask.
    pub detail: Value,
}

impl Row {
    /// What a list goes on behind: its number, or its id where it is from before the chains.
    pub fn key(&self) -> String {
        self.seq.map_or_else(|| self.id.clone(), |seq| seq.to_string())
    }
}

/// An event on its way to its chain.
pub struct Recorded {
    id: String,
    practice_id: Option<String>,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl Recorded {
    /// The chain it belongs to. Accounts have sixteen, so that sign-ins do not all wait for one head.
    fn chain(&self) -> String {
        if let Some(practice_id) = &self.practice_id {
            return practice_id.clone();
        }
        let digit = self.actor.strip_prefix("acc_").and_then(|id| id.chars().last());
        match digit.filter(char::is_ascii_hexdigit) {
            Some(digit) => format!("accounts-{digit}"),
            None => "operator".to_owned(),
        }
    }
}

/// Appends `event` when the rule that has `conn` is done, in its transaction.
pub fn record(ctx: &Ctx, _conn: &mut Conn, event: &Event<'_>) -> db::Result<()> {
    ctx.recorded.borrow_mut().push(Recorded {
        id: ctx.id("aud"),
        practice_id: event.practice_id.map(str::to_owned),
        actor: event.actor.to_owned(),
        action: event.action.to_owned(),
        subject: event.subject.to_owned(),
        detail: event.detail.to_string(),
    });
    Ok(())
}

/// Writes what a rule recorded; the last thing in its transaction.
pub fn append(ctx: &Ctx, conn: &mut Conn) -> db::Result<()> {
    let mut chains: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for event in mem::take(&mut *ctx.recorded.borrow_mut()) {
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
                created_at: ctx.now,
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

/// Up to `limit` of a practice's events, newest first: those before the event whose [`Row::key`] is `before`, or
/// all where that is empty.
pub fn list(
    conn: &mut Conn,
    practice_id: &str,
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
