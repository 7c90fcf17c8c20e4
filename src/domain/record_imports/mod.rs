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

pub mod columns;
pub mod draft;
pub mod fhir;
pub mod pieces;
pub mod resources;
pub mod retire;
pub mod rows;
pub mod store;
pub mod survey;
pub mod table;
pub mod topic;

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use columns::Field;
pub use retire::HAS_UNREAD_ROWS;
pub use store::Import;
pub use survey::Survey;
pub use topic::ImportTopic;

use crate::domain::identity::grading;
use crate::kit::ids::{ImportId, PracticeId, StaffId};
use crate::kit::{Timestamp, csv};
use crate::platform::audit::Event;
use crate::platform::db;
use crate::platform::tx::Tx;
use columns::Columns;
use draft::Read;
use rows::HEADINGS;
use topic::Step;

/// Maximum size of a file.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// States of an import that is not over.
const OPEN: [&str; 2] = ["queued", "running"];
/// How many conversations one job grades.
const GRADED_AT_ONCE: i64 = 50;
/// How long results are stored.
const KEPT: std::time::Duration = std::time::Duration::from_hours(90 * 24);

/// File format of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table with headings.
    Csv,
    /// FHIR resources, one per line.
    Ndjson,
    /// FHIR resources in a Bundle.
    Bundle,
}

impl Format {
    /// The name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Bundle => "bundle",
        }
    }

    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "text/csv" => Some(Self::Csv),
            "application/fhir+ndjson" | "application/x-ndjson" | "application/ndjson" => Some(Self::Ndjson),
            "application/fhir+json" => Some(Self::Bundle),
            _ => None,
        }
    }
}

/// What happens to records that a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportMode)]
pub enum Mode {
    /// They stay as they are.
    Merge,
    /// They become inactive: the file is the complete list.
    Replace,
}

impl Mode {
    /// The name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

/// Character encoding of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportEncoding)]
pub enum Encoding {
    /// Detected row by row: Windows-1252 if it is not UTF-8.
    #[serde(rename = "auto")]
    Detect,
    /// Every row is UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Every row is Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// How the rows of a file are parsed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    /// What happens to records that the file does not name.
    pub mode: Mode,
    /// Whether records may become inactive even if that is most of all records.
    #[serde(default)]
    pub may_retire_most: bool,
    /// Whether records may become inactive even if rows were refused whose patient is unknown.
    #[serde(default)]
    pub may_skip_unread: bool,
    /// Region of phone numbers written without a plus.
    pub region: String,
    /// Whether dates begin with the day instead of the month.
    pub day_first: bool,
    /// Character encoding of a table.
    pub encoding: Encoding,
    /// Delimiter of a table; 0 detects it from the headings.
    pub delimiter: u8,
    /// Which column of a table holds which field.
    pub columns: Columns,
    /// System of the FHIR identifier that holds the record number.
    pub system: Option<String>,
}

impl Options {
    /// Defaults for a file without any options.
    pub fn plain(region: &str) -> Self {
        Self {
            mode: Mode::Merge,
            may_retire_most: false,
            may_skip_unread: false,
            region: region.to_owned(),
            day_first: false,
            encoding: Encoding::Detect,
            delimiter: 0,
            columns: Columns::default(),
            system: None,
        }
    }
}

/// An uploaded file's format and options.
pub struct Asked {
    pub format: Format,
    pub options: Options,
    /// The practice's own mapping of fields to headings.
    pub said: Vec<(Field, String)>,
}

/// The practice and the staff member who imports.
pub struct By<'a> {
    pub practice_id: &'a PracticeId,
    pub actor: &'a StaffId,
}

/// Why a file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
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

impl Refusal {
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
pub fn begin(tx: &mut Tx, by: &By<'_>, survey: &mut Survey) -> Result<Import, Refusal> {
    let id = tx.id::<ImportId>();
    let options = serde_json::to_string(&survey.options).unwrap_or_default();
    if store::insert(tx.conn, &id, by, survey, &options, tx.now)? == 0 {
        return Err(Refusal::Running);
    }
    for (position, chunk) in (0..).zip(survey.chunks()) {
        let (piece, source) = chunk?;
        store::insert_chunk(tx.conn, &id, position, piece, &source)?;
    }
    if survey.options.mode == Mode::Replace {
        store::count_active(tx.conn, by.practice_id, &id)?;
    }
    topic::queue(tx, &id, &Step::Chunk(0))?;
    let import = find(tx, by.practice_id, &id)?;
    let detail = json!({ "format": import.format, "mode": import.mode, "rows": import.rows_total });
    record(tx, &import, by.actor.as_str(), "records.import_begun", detail)?;
    Ok(import)
}

/// Cancels an import; rows that were already processed stay imported.
pub fn cancel(tx: &mut Tx, by: &By<'_>, id: &ImportId) -> Result<Import, Refusal> {
    find(tx, by.practice_id, id)?;
    end(tx, id, by.actor.as_str(), "cancelled")?.ok_or(Refusal::Over)
}

/// Parses a chunk before the write transaction: phone numbers take the most time, and on SQLite all writers
/// wait for each other.
fn read_ahead(tx: &mut Tx, import_id: &ImportId, position: i64) -> db::Result<Vec<Read>> {
    let found = store::unread(tx.conn, import_id, position)?;
    Ok(found.map(|(import, source)| read(tx, &import, &source.unwrap_or_default())).unwrap_or_default())
}

/// Processes one chunk and queues the next step. `ready` holds its rows if they were parsed ahead; `is_again`
/// is set on a retry.
fn work(
    tx: &mut Tx,
    (import_id, position): (&ImportId, i64),
    ready: Option<Vec<Read>>,
    is_again: bool,
) -> db::Result<()> {
    let Some(import) = store::hold_open(tx.conn, import_id)? else { return Ok(()) };
    let Some(chunk) = store::take_chunk(tx.conn, import_id, position)? else { return Ok(()) };
    let rows = ready.unwrap_or_else(|| read(tx, &import, &chunk.source.unwrap_or_default()));
    let (counts, results) = rows::put(tx, &import, &rows, chunk.first_row, is_again)?;
    store::keep_results(tx.conn, import_id, position, &results)?;
    let import = store::add(tx.conn, import_id, &counts)?;
    let next = match import.rows_done < import.rows_total {
        true => Step::Chunk(position + 1),
        false if import.mode == Mode::Replace.as_str() => Step::Retire(0),
        false => return finish(tx, &import),
    };
    topic::queue(tx, import_id, &next)
}

fn read(tx: &Tx, import: &Import, source: &[u8]) -> Vec<Read> {
    let Some(options) = import.options() else { return Vec::new() };
    let today = tx.now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    match import.format == Format::Csv.as_str() {
        true => table::read(source, &options, today),
        false => fhir::read(source, &options, today),
    }
}

fn finish(tx: &mut Tx, import: &Import) -> db::Result<()> {
    end(tx, &import.id, import.actor.as_str(), "done").map(drop)
}

/// Ends an import in any state: unread rows are deleted, and open identity checks are graded again.
fn end(tx: &mut Tx, id: &ImportId, actor: &str, state: &str) -> db::Result<Option<Import>> {
    let Some(import) = store::finish(tx.conn, id, state, tx.now)? else { return Ok(None) };
    store::drop_sources(tx.conn, id)?;
    topic::queue(tx, id, &Step::Grade { practice: import.practice_id.clone(), after: String::new() })?;
    let Import { rows_done, created, changed, unchanged, refused, retired, left_out, unread, .. } = &import;
    let detail = json!({
        "state": state, "rows": rows_done, "created": created, "changed": changed, "unchanged": unchanged,
        "refused": refused, "unread": unread, "retired": retired, "left_out": left_out,
    });
    record(tx, &import, actor, "records.import_ended", detail)?;
    Ok(Some(import))
}

/// Grades a batch of open identity checks and queues the next.
fn grade(tx: &mut Tx, import_id: &ImportId, practice_id: &PracticeId, after: &str) -> db::Result<()> {
    let undecided = grading::undecided(tx, practice_id, after, GRADED_AT_ONCE)?;
    for conversation_id in &undecided {
        grading::regrade(tx, conversation_id)?;
    }
    match undecided.last() {
        Some(last) => {
            let step = Step::Grade { practice: practice_id.to_owned(), after: last.to_string() };
            topic::queue(tx, import_id, &step)
        }
        None => Ok(()),
    }
}

fn record(
    tx: &mut Tx,
    import: &Import,
    actor: &str,
    action: &str,
    detail: serde_json::Value,
) -> db::Result<()> {
    let practice_id = Some(&import.practice_id);
    tx.audit(&Event { practice_id, actor, action, subject: import.id.as_str(), detail })
}

pub fn find(tx: &mut Tx, practice_id: &PracticeId, id: &ImportId) -> Result<Import, Refusal> {
    store::find(tx.conn, practice_id, id)?.ok_or(Refusal::NotFound)
}

/// Up to `limit` imports of a practice, newest first, before the id `before`.
pub fn list(tx: &mut Tx, practice_id: &PracticeId, before: &str, limit: i64) -> db::Result<Vec<Import>> {
    store::list(tx.conn, practice_id, before, limit)
}

/// Results of all rows processed so far, as a CSV file.
pub fn results(tx: &mut Tx, practice_id: &PracticeId, id: &ImportId) -> Result<String, Refusal> {
    find(tx, practice_id, id)?;
    Ok(csv::row(&HEADINGS) + &store::results(tx.conn, id)?.concat())
}

/// Deletes results after their retention.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    let before: Timestamp = tx.now - KEPT;
    store::delete_results(tx.conn, before)
}
