//! Import of the practice's patient records from a file: surveyed at once, processed in the background.
//!
//! The survey runs within the request, so a file that cannot be read as a whole is refused with the reason.
//! Then the file is cut into chunks, which are stored in one transaction with the import and its first
//! background job. Each job processes one chunk: its records, results, progress and the next job commit
//! together. So an import that is killed at any point continues from its last commit, and no row is processed
//! twice. After the last chunk, again in small jobs, records that are missing from a complete list become
//! inactive, and open identity checks are graded again.
//!
//! The file itself is deleted as its rows are processed. Only the result of each row stays, and from the
//! row's data only the record number.

mod columns;
mod draft;
mod fhir;
mod options;
mod pieces;
mod resources;
mod retire;
mod rows;
mod steps;
mod store;
mod survey;
mod table;
mod topic;

use std::io;

use serde_json::json;

pub use columns::Field;
pub use options::{Encoding, Format, ImportRequest, Mode, Options};
pub use retire::ImportProblem;
pub use store::Import;
pub use survey::Survey;
pub use topic::ImportTopic;

use crate::domain::events::EventKind;
use crate::domain::identity::grading;
use crate::domain::staff::Staff;
use crate::kit::{ImportId, PracticeId, csv};
use crate::platform::event_log::Actor;
use crate::platform::{Tx, db};
use draft::ParsedRow;
use rows::HEADINGS;
use steps::Step;

/// Maximum size of a file.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// How many conversations one job grades.
const GRADED_AT_ONCE: i64 = 50;
/// How long results are stored.
const KEPT: std::time::Duration = std::time::Duration::from_hours(90 * 24);

crate::text_enum! {
    /// State of an import.
    #[schema(as = ImportState)]
    pub enum State {
        /// No row has been processed yet.
        Queued = "queued",
        /// Rows are being processed.
        Running = "running",
        /// All rows were processed.
        Done = "done",
        /// A step kept failing; rows processed before stay imported.
        Failed = "failed",
        /// Staff ended the import; rows processed before stay imported.
        Cancelled = "cancelled",
    }
}

impl State {
    /// The states of an import that is not over.
    pub const OPEN: [Self; 2] = [Self::Queued, Self::Running];

    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
}

/// Why a file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{code}")]
    File { code: &'static str, detail: String },
    /// Required columns are missing.
    #[error("columns missing")]
    Columns {
        missing: Vec<Field>,
        /// Headings found in the file.
        detail: String,
    },
    /// Another import of the practice is running.
    #[error("import running")]
    Running,
    #[error("no such import")]
    NotFound,
    /// The import has already ended.
    #[error("import over")]
    Over,
    #[error("the file was lost")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

impl Error {
    fn file(code: &'static str, detail: impl Into<String>) -> Self {
        Self::File { code, detail: detail.into() }
    }
}

impl Import {
    fn options(&self) -> Option<Options> {
        serde_json::from_str(&self.options).ok()
    }
}

/// Stores a surveyed file and queues its first chunk.
pub fn begin(tx: &mut Tx, who: &Staff, survey: &mut Survey) -> Result<Import, Error> {
    let id = tx.id::<ImportId>();
    let options = serde_json::to_string(&survey.options).unwrap_or_default();
    if store::insert(tx.conn, &id, who, survey, &options, tx.now)? == 0 {
        return Err(Error::Running);
    }
    for (position, chunk) in (0..).zip(survey.chunks()) {
        let (piece, source) = chunk?;
        store::insert_chunk(tx.conn, &id, position, piece, &source)?;
    }
    if survey.options.mode == Mode::Replace {
        store::count_active(tx.conn, &who.practice_id, &id)?;
    }
    steps::queue(tx, &id, &Step::Chunk(0))?;
    let import = find(tx, who, &id)?;
    let detail = json!({ "format": import.format, "mode": import.mode, "rows": import.rows_total });
    who.note(tx, EventKind::RecordsImportBegun, &import.id, detail);
    Ok(import)
}

/// Cancels an import; rows that were already processed stay imported.
pub fn cancel(tx: &mut Tx, who: &Staff, id: &ImportId) -> Result<Import, Error> {
    find(tx, who, id)?;
    end(tx, id, &who.staff_id, State::Cancelled)?.ok_or(Error::Over)
}

/// Parses a chunk before the write transaction: phone numbers take the most time, and on SQLite all writers
/// wait for each other.
fn parse_ahead(tx: &mut Tx, import_id: &ImportId, position: i64) -> db::Result<Vec<ParsedRow>> {
    let found = store::unprocessed_rows(tx.conn, import_id, position)?;
    Ok(found.map(|(import, source)| parse(tx, &import, &source.unwrap_or_default())).unwrap_or_default())
}

/// Processes one chunk and queues the next step. `ready` holds its rows if they were parsed ahead; `is_again`
/// is set on a retry.
fn process_chunk(
    tx: &mut Tx,
    (import_id, position): (&ImportId, i64),
    ready: Option<Vec<ParsedRow>>,
    is_again: bool,
) -> db::Result<()> {
    let Some(import) = store::lock_open(tx.conn, import_id)? else { return Ok(()) };
    let Some(chunk) = store::take_chunk(tx.conn, import_id, position)? else { return Ok(()) };
    let rows = ready.unwrap_or_else(|| parse(tx, &import, &chunk.source.unwrap_or_default()));
    let (counts, results) = rows::write(tx, &import, &rows, chunk.first_row, is_again)?;
    store::insert_results(tx.conn, import_id, position, &results)?;
    let import = store::add(tx.conn, import_id, &counts)?;
    let next = match import.rows_done < import.rows_total {
        true => Step::Chunk(position + 1),
        false if import.mode == Mode::Replace => Step::Retire(0),
        false => return finish(tx, &import),
    };
    steps::queue(tx, import_id, &next)
}

fn parse(tx: &Tx, import: &Import, source: &[u8]) -> Vec<ParsedRow> {
    let Some(options) = import.options() else { return Vec::new() };
    let today = tx.now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    match import.format {
        Format::Csv => table::parse(source, &options, today),
        Format::Ndjson | Format::Bundle => fhir::parse(source, &options, today),
    }
}

fn finish(tx: &mut Tx, import: &Import) -> db::Result<()> {
    end(tx, &import.id, &import.actor, State::Done).map(drop)
}

/// Ends an import in any state: unread rows are deleted, and open identity checks are graded again.
fn end(tx: &mut Tx, id: &ImportId, actor: impl Into<Actor>, state: State) -> db::Result<Option<Import>> {
    let Some(import) = store::finish(tx.conn, id, state, tx.now)? else { return Ok(None) };
    store::delete_sources(tx.conn, id)?;
    steps::queue(tx, id, &Step::Grade { practice: import.practice_id.clone(), after: String::new() })?;
    let Import { rows_done, created, changed, unchanged, refused, retired, left_out, unread, .. } = &import;
    let detail = json!({
        "state": state, "rows": rows_done, "created": created, "changed": changed, "unchanged": unchanged,
        "refused": refused, "unread": unread, "retired": retired, "left_out": left_out,
    });
    tx.emit(Some(&import.practice_id), actor, EventKind::RecordsImportEnded, &import.id, detail);
    Ok(Some(import))
}

/// Grades a batch of open identity checks and queues the next.
fn grade(tx: &mut Tx, import_id: &ImportId, practice_id: &PracticeId, after: &str) -> db::Result<()> {
    let undecided = grading::undecided(tx, practice_id, after, GRADED_AT_ONCE)?;
    grading::regrade(tx, &undecided.iter().collect::<Vec<_>>())?;
    match undecided.last() {
        Some(last) => {
            let step = Step::Grade { practice: practice_id.to_owned(), after: last.to_string() };
            steps::queue(tx, import_id, &step)
        }
        None => Ok(()),
    }
}

pub fn find(tx: &mut Tx, who: &Staff, id: &ImportId) -> Result<Import, Error> {
    store::find(tx.conn, &who.practice_id, id)?.ok_or(Error::NotFound)
}

/// Up to `limit` imports of the practice, newest first, before the id `before`.
pub fn list(tx: &mut Tx, who: &Staff, before: &str, limit: i64) -> db::Result<Vec<Import>> {
    store::list(tx.conn, &who.practice_id, before, limit)
}

/// Exports the results of all rows processed so far as CSV, and records the export in the audit log.
pub fn export_results(tx: &mut Tx, who: &Staff, id: &ImportId) -> Result<String, Error> {
    find(tx, who, id)?;
    let file = csv::row(&HEADINGS) + &store::results(tx.conn, id)?.concat();
    who.note(tx, EventKind::RecordsResultsExported, id, json!({}));
    Ok(file)
}

/// Deletes results after their retention.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_results(tx.conn, tx.now - KEPT)
}
