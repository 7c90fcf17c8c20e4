//! Verifies the hash chains: no number is missing and every row is as it was written.

use super::store::{self, Head, Row};
use crate::kit::secret::sha256;
use crate::kit::{AuditEventId, PracticeId, Timestamp};
use crate::platform::db::{self, Conn};

/// Rows read per query.
const PAGE: i64 = 1_000;

/// The first error in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The row with this number is missing.
    Missing { seq: i64 },
    /// A row differs from what was written.
    Changed { seq: i64, id: AuditEventId },
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
    /// Number of rows from before the chains, which no hash protects.
    pub unchained: i64,
    /// Time of the last of those rows.
    pub unchained_until: Option<Timestamp>,
}

/// Verifies all chains, or only that of one practice.
pub fn verify(conn: &mut Conn, practice_id: Option<&PracticeId>) -> db::Result<Verdict> {
    let mut reports = Vec::new();
    let heads = store::heads(conn, practice_id.map(PracticeId::as_str))?;
    for head in &heads {
        reports.push(walk(conn, head)?);
    }
    let is_headed = |chain: &String| heads.iter().any(|head| head.chain == *chain);
    for chain in store::chains(conn)? {
        // A chain that began after the heads were read has a head by now.
        let is_wanted = practice_id.is_none_or(|id| id.as_str() == chain) && !is_headed(&chain);
        if is_wanted && store::heads(conn, Some(&chain))?.is_empty() {
            reports.push(Report { chain, rows: 0, finding: Some(Finding::Head) });
        }
    }
    let (unchained, unchained_until) = store::unchained(conn, practice_id)?;
    Ok(Verdict { chains: reports, unchained, unchained_until })
}

fn walk(conn: &mut Conn, head: &Head) -> db::Result<Report> {
    let (mut rows, mut before) = (0, String::new());
    let report = |rows, finding| Report { chain: head.chain.clone(), rows, finding };
    while rows < head.seq {
        let page = store::links(conn, &head.chain, (rows, head.seq), PAGE)?;
        if page.is_empty() {
            break;
        }
        for row in page {
            if row.seq != Some(rows + 1) {
                return Ok(report(rows, Some(Finding::Missing { seq: rows + 1 })));
            }
            let hash = hash(&before, &row);
            if row.hash.as_ref() != Some(&hash) {
                return Ok(report(rows, Some(Finding::Changed { seq: rows + 1, id: row.id })));
            }
            (rows, before) = (rows + 1, hash);
        }
    }
    let finding = match (rows < head.seq, before == head.hash) {
        (true, _) => Some(Finding::Missing { seq: rows + 1 }),
        (false, false) => Some(Finding::Head),
        (false, true) => None,
    };
    Ok(report(rows, finding))
}

/// SHA-256 over the previous hash and the row. JSON has only one reading, so no two rows
/// are encoded in the same way.
pub(super) fn hash(before: &str, row: &Row) -> String {
    let canonical = serde_json::json!([
        before,
        row.chain,
        row.seq,
        row.id,
        row.practice_id,
        row.actor,
        row.action,
        row.subject,
        row.detail,
        row.created_at.millis(),
    ]);
    sha256(canonical.to_string().as_bytes())
}
