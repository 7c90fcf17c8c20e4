//! Verifies the event log: no number is missing, and every event is as it was written.

use std::time::Duration;

use super::store::{self, Head};
use super::{chain, reaction};
use crate::kit::{EventId, PracticeId, Timestamp};
use crate::platform::{Tx, db};

/// Rows read per query.
const PAGE: i64 = 1_000;
/// An event without a number that is so much older than the last one with a number was passed over by the
/// sequencer, or lost its number. Younger ones wait for a server.
const NUMBERED_WITHIN: Duration = Duration::from_mins(1);

/// The first error in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The row with this number is missing.
    Missing { seq: i64 },
    /// A row differs from what was written.
    Changed { seq: i64, id: EventId },
    /// The chain's head is missing, or is not its last row.
    Head,
}

/// The result for one chain.
#[derive(Debug, Clone)]
pub struct Report {
    pub chain: String,
    /// Number of rows before the first error.
    pub rows: i64,
    pub finding: Option<Finding>,
}

/// The result of a verification.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub chains: Vec<Report>,
    /// Number of events from before the chains, which no hash protects.
    pub unchained: i64,
    /// Time of the last of those events.
    pub unchained_until: Option<Timestamp>,
    /// Events that have no number, though others have that came more than a minute later.
    pub never_numbered: i64,
    /// Events that a server has yet to number, and since when the oldest waits.
    pub waiting: i64,
    pub waiting_since: Option<Timestamp>,
    /// How many numbers of the log no event has.
    pub missing_numbers: i64,
    /// How far numbers go beyond what the sequencer has given.
    pub forged_numbers: i64,
}

impl Verdict {
    /// Whether every event is there, unchanged, and in its place.
    pub fn is_sound(&self) -> bool {
        self.never_numbered == 0
            && self.missing_numbers == 0
            && self.forged_numbers == 0
            && self.chains.iter().all(|report| report.finding.is_none())
    }
}

/// Verifies the numbers of the log and all chains, or only the chain of one practice.
pub fn verify(tx: &mut Tx, practice_id: Option<&PracticeId>) -> db::Result<Verdict> {
    let mut reports = Vec::new();
    let only = practice_id.map(|id| vec![id.as_str()]);
    let heads = store::heads(tx.conn, only.as_deref())?;
    for head in &heads {
        reports.push(walk(tx, head)?);
    }
    let is_headed = |chain: &String| heads.iter().any(|head| head.chain == *chain);
    for chain in store::chains(tx.conn)? {
        // A chain that began after the heads were read has a head by now.
        let is_wanted = practice_id.is_none_or(|id| id.as_str() == chain) && !is_headed(&chain);
        if is_wanted && store::heads(tx.conn, Some(&[chain.as_str()]))?.is_empty() {
            reports.push(Report { chain, rows: 0, finding: Some(Finding::Head) });
        }
    }
    let (unchained, unchained_until) = store::unchained(tx.conn, practice_id)?;
    let never_numbered = match store::last_moment(tx.conn)? {
        Some(last) => store::never_numbered(tx.conn, last - NUMBERED_WITHIN)?,
        None => 0,
    };
    let waiting = (store::unnumbered(tx.conn)? - never_numbered).max(0);
    let waiting_since = if waiting > 0 { store::oldest_unnumbered(tx.conn)? } else { None };
    // In this order: what is numbered in between is there as well.
    let sequence = reaction::sequence(tx)?;
    let (count, last) = store::numbered(tx.conn)?;
    let missing_numbers = last.max(sequence) - count;
    let forged_numbers = (last - reaction::sequence(tx)?).max(0);
    Ok(Verdict {
        chains: reports,
        unchained,
        unchained_until,
        never_numbered,
        waiting,
        waiting_since,
        missing_numbers,
        forged_numbers,
    })
}

fn walk(tx: &mut Tx, head: &Head) -> db::Result<Report> {
    let (mut rows, mut before) = (0, String::new());
    let report = |rows, finding| Report { chain: head.chain.clone(), rows, finding };
    while rows < head.seq {
        let page = store::links(tx.conn, &head.chain, (rows, head.seq), PAGE)?;
        if page.is_empty() {
            break;
        }
        for row in page {
            if row.chain_seq != Some(rows + 1) {
                return Ok(report(rows, Some(Finding::Missing { seq: rows + 1 })));
            }
            let hash = chain::hash(&before, &row);
            if row.chain_hash.as_ref() != Some(&hash) {
                return Ok(report(rows, Some(Finding::Changed { seq: rows + 1, id: row.id })));
            }
            (rows, before) = (rows + 1, hash);
        }
    }
    let finding = match (rows < head.seq, before == head.hash) {
        (true, _) => Some(Finding::Missing { seq: rows + 1 }),
        (false, false) => Some(Finding::Head),
        (false, true) => {
            // In this order: a sequencer that runs meanwhile moves the head with the rows.
            let last = store::last_place(tx.conn, &head.chain)?;
            let now = store::heads(tx.conn, Some(&[head.chain.as_str()]))?.pop();
            now.is_none_or(|now| now.seq < last).then_some(Finding::Head)
        }
    };
    Ok(report(rows, finding))
}
