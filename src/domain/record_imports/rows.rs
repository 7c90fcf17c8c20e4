//! Writes the rows of a chunk: records, counts, and a result line for each row.

use super::Import;
use super::draft::{Note, ParsedRow};
use crate::domain::records::{self, IncomingRecord, Outcome};
use crate::kit::csv;
use crate::platform::{Tx, db};

/// Headings of the result file.
pub(super) const HEADINGS: [&str; 5] = ["row", "record_number", "outcome", "code", "detail"];

/// What a job adds to the counts of an import.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub rows: i64,
    /// Records that are new.
    pub created: i64,
    /// Records with other values than before.
    pub changed: i64,
    /// Records with the same values as before.
    pub unchanged: i64,
    /// Rows that became no record.
    pub refused: i64,
    /// Refused rows whose patient is unknown.
    pub unread: i64,
    /// Records that became inactive because the list left them out.
    pub retired: i64,
}

impl Counts {
    fn count(&mut self, row: &ParsedRow, outcome: Option<Outcome>) {
        self.rows += 1;
        self.unread += i64::from(row.is_unidentified);
        match outcome {
            Some(Outcome::Created) => self.created += 1,
            Some(Outcome::Changed) => self.changed += 1,
            Some(Outcome::Unchanged) => self.unchanged += 1,
            Some(Outcome::Duplicate) | None => self.refused += 1,
        }
    }
}

/// Writes parsed rows and returns the counts and a result line for each row. `is_again` is set when
/// an earlier attempt failed.
pub(super) fn write(
    tx: &mut Tx,
    import: &Import,
    rows: &[ParsedRow],
    first_row: i64,
    is_again: bool,
) -> db::Result<(Counts, String)> {
    let incoming: Vec<_> = rows.iter().filter_map(|row| row.record.as_ref().ok()).collect();
    let mut outcomes = match is_again {
        true => write_one_by_one_on_failure(tx, import, &incoming)?,
        false => write_records(tx, import, &incoming)?,
    }
    .into_iter();
    let (mut counts, mut lines, mut named) = (Counts::default(), String::new(), Vec::new());
    for (number, row) in (first_row..).zip(rows) {
        let outcome = row.record.as_ref().ok().and_then(|_| outcomes.next().flatten());
        if outcome.is_none() && !row.number.is_empty() {
            named.push(row.number.as_str());
        }
        counts.count(row, outcome);
        lines += &line(number, row, outcome);
    }
    // A complete list that names a patient in an unreadable row does not leave them out.
    records::mark_named(tx, &import.practice_id, &named, &import.id)?;
    Ok((counts, lines))
}

/// The result of each record; `None` if the database rejected it.
type Outcomes = Vec<Option<Outcome>>;

fn write_records(tx: &mut Tx, import: &Import, incoming: &[&IncomingRecord]) -> db::Result<Outcomes> {
    let outcomes = records::upsert(tx, &import.practice_id, &import.id, incoming)?;
    Ok(outcomes.into_iter().map(Some).collect())
}

/// A record that the database rejects must not block the others: if the batch fails, each
/// record is written separately.
fn write_one_by_one_on_failure(
    tx: &mut Tx,
    import: &Import,
    incoming: &[&IncomingRecord],
) -> db::Result<Outcomes> {
    if let Some(outcomes) = tx.savepoint(|tx| write_records(tx, import, incoming))? {
        return Ok(outcomes);
    }
    let mut outcomes = Vec::with_capacity(incoming.len());
    for record in incoming {
        let one = tx.savepoint(|tx| write_records(tx, import, &[record]))?;
        outcomes.push(one.and_then(|one| one.into_iter().next().flatten()));
    }
    Ok(outcomes)
}

fn line(number: i64, row: &ParsedRow, outcome: Option<Outcome>) -> String {
    let word = match outcome {
        Some(Outcome::Created) => "created",
        Some(Outcome::Changed) => "changed",
        Some(Outcome::Unchanged) => "unchanged",
        Some(Outcome::Duplicate) | None => "refused",
    };
    let after = refused_after_parsing(row, outcome);
    let notes = row.record.as_ref().err().into_iter().chain(&after).chain(&row.notes);
    let (codes, details): (Vec<_>, Vec<_>) = notes
        .map(|note| match note.place.as_str() {
            "" => (note.code, note.why.clone()),
            place => (note.code, format!("{place}: {}", note.why)),
        })
        .unzip();
    csv::row(&[&*number.to_string(), &*row.number, word, &*codes.join(" "), &*details.join(" ")])
}

/// Why a readable record was refused.
fn refused_after_parsing(row: &ParsedRow, outcome: Option<Outcome>) -> Option<Note> {
    let (code, why) = match outcome {
        Some(Outcome::Duplicate) => {
            ("duplicate_number", "An earlier row has the same record number. That row was kept.")
        }
        None if row.record.is_ok() => {
            ("row_not_kept", "The database rejected this row. Try again, and tell the operator.")
        }
        _ => return None,
    };
    Some(Note::new(code, "", why))
}
