//! The practice's records, taken in from a file: looked through at once, worked off in the background.
//!
//! A file is surveyed while whoever sent it waits: what cannot be read as a whole is refused with what was found.
//! Then it is cut into chunks, and the chunks are kept in one transaction with the import and its first task. Each
//! task of the outbox works off one chunk: its records, its results, the progress and the next task commit together.
//! So an import that is killed anywhere goes on where it committed, and no row is taken twice. Behind the last chunk
//! come, again in small tasks, the records that a whole list left out, and new grades for whoever is undecided.
//!
//! The file itself is kept no longer than its rows take. What stays says of every row what became of it, and of what
//! the row said nothing but the record number.

mod columns;
mod draft;
mod fhir;
mod pieces;
mod resources;
mod retire;
mod rows;
mod store;
mod survey;
mod table;
mod topic;

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use columns::Field;
pub use retire::HAS_UNREAD_ROWS;
pub use store::Import;
pub use survey::Survey;
pub use topic::ImportTopic;

use crate::app::Ctx;
use crate::audit::{self, Event};
use crate::db::{self, Conn};
use crate::identity;
use crate::kit::{Timestamp, csv};
use columns::Columns;
use draft::Read;
use rows::HEADINGS;
use topic::Step;

/// A file may have this many bytes.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The states of an import that goes on.
const OPEN: [&str; 2] = ["queued", "running"];
/// How many conversations one task grades.
const GRADED_AT_ONCE: i64 = 50;
/// How long results are kept.
const KEPT: std::time::Duration = std::time::Duration::from_hours(90 * 24);

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table.
    Csv,
    /// FHIR resources, one a line.
    Ndjson,
    /// FHIR resources in a Bundle.
    Bundle,
}

impl Format {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Bundle => "bundle",
        }
    }

    /// The format of a media type.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "text/csv" => Some(Self::Csv),
            "application/fhir+ndjson" | "application/x-ndjson" | "application/ndjson" => Some(Self::Ndjson),
            "application/fhir+json" => Some(Self::Bundle),
            _ => None,
        }
    }
}

/// What the records become that a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportMode)]
pub enum Mode {
    /// They stay as they are.
    Merge,
    /// They become inactive: the file is the whole list.
    Replace,
}

impl Mode {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

/// How a table's letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportEncoding)]
pub enum Encoding {
    /// Row by row: Windows-1252 where it is no UTF-8.
    #[serde(rename = "auto")]
    Detect,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// How a file's rows are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    /// What becomes of records that it does not name.
    pub mode: Mode,
    /// Whether they may become inactive even where they are most of all.
    #[serde(default)]
    pub may_retire_most: bool,
    /// Whether they may become inactive even where rows were refused of which nobody knows whom they are about.
    #[serde(default)]
    pub may_skip_unread: bool,
    /// The region of a number that is written without a plus.
    pub region: String,
    /// Whether a date begins with the day, and not with the month.
    pub day_first: bool,
    /// How a table's letters are written.
    pub encoding: Encoding,
    /// What parts a table's columns; 0 is whatever parts the headings.
    pub delimiter: u8,
    /// What its columns hold.
    pub columns: Columns,
    /// The system of the FHIR identifier that is the record number.
    pub system: Option<String>,
}

impl Options {
    /// Those of a file of which nothing is said.
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

/// A file as somebody hands it in.
pub struct Asked {
    /// What it is.
    pub format: Format,
    /// How it is read.
    pub options: Options,
    /// Which columns hold what, where the practice says so, by their headings.
    pub said: Vec<(Field, String)>,
}

/// Who imports.
pub struct By<'a> {
    /// For which practice.
    pub practice_id: &'a str,
    /// The staff member.
    pub actor: &'a str,
}

/// Why a file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read, and why.
    #[error("{code}")]
    File {
        /// Why, for machines.
        code: &'static str,
        /// Why, for people.
        detail: String,
    },
    /// Columns are missing.
    #[error("columns missing")]
    Columns {
        /// What no column holds.
        missing: Vec<Field>,
        /// What there is.
        detail: String,
    },
    /// Another import of the practice is not over.
    #[error("import running")]
    Running,
    /// There is no such import.
    #[error("no such import")]
    NotFound,
    /// It is over.
    #[error("import over")]
    Over,
    /// The file could not be looked through.
    #[error("the file was lost")]
    Io(#[from] io::Error),
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

impl Refusal {
    fn file(code: &'static str, detail: impl Into<String>) -> Self {
        Self::File { code, detail: detail.into() }
    }
}

impl Import {
    /// How its rows are read.
    fn options(&self) -> Option<Options> {
        serde_json::from_str(&self.options).ok()
    }
}

/// Keeps a surveyed file and queues its first chunk.
pub fn begin(ctx: &Ctx, conn: &mut Conn, by: &By<'_>, survey: &mut Survey) -> Result<Import, Refusal> {
    let id = ctx.id("imp");
    let options = serde_json::to_string(&survey.options).unwrap_or_default();
    if store::insert(conn, &id, by, survey, &options, ctx.now)? == 0 {
        return Err(Refusal::Running);
    }
    for (position, chunk) in (0..).zip(survey.chunks()) {
        let (piece, source) = chunk?;
        store::insert_chunk(conn, &id, position, piece, &source)?;
    }
    if survey.options.mode == Mode::Replace {
        store::count_active(conn, by.practice_id, &id)?;
    }
    topic::queue(ctx, conn, &id, &Step::Chunk(0))?;
    let import = find(conn, by.practice_id, &id)?;
    let detail = json!({ "format": import.format, "mode": import.mode, "rows": import.rows_total });
    record(ctx, conn, &import, by.actor, "records.import_begun", detail)?;
    Ok(import)
}

/// Ends an import before its last row; what is taken in stays.
pub fn cancel(ctx: &Ctx, conn: &mut Conn, by: &By<'_>, id: &str) -> Result<Import, Refusal> {
    find(conn, by.practice_id, id)?;
    end(ctx, conn, id, by.actor, "cancelled")?.ok_or(Refusal::Over)
}

/// Reads a chunk before the writer's turn: numbers take longest of all, and on SQLite everybody waits for the turn.
fn read_ahead(ctx: &Ctx, conn: &mut Conn, import_id: &str, position: i64) -> db::Result<Vec<Read>> {
    let found = store::unread(conn, import_id, position)?;
    Ok(found.map(|(import, source)| read(ctx, &import, &source.unwrap_or_default())).unwrap_or_default())
}

/// Works off one chunk, and queues what comes next. `ready`: its rows, where they were read ahead; `is_again`: whether
/// it was tried before.
fn work(
    ctx: &Ctx,
    conn: &mut Conn,
    (import_id, position): (&str, i64),
    ready: Option<Vec<Read>>,
    is_again: bool,
) -> db::Result<()> {
    let Some(import) = store::hold_open(conn, import_id)? else { return Ok(()) };
    let Some(chunk) = store::take_chunk(conn, import_id, position)? else { return Ok(()) };
    let rows = ready.unwrap_or_else(|| read(ctx, &import, &chunk.source.unwrap_or_default()));
    let (counts, results) = rows::put(ctx, conn, &import, &rows, chunk.first_row, is_again)?;
    store::keep_results(conn, import_id, position, &results)?;
    let import = store::add(conn, import_id, &counts)?;
    let next = match import.rows_done < import.rows_total {
        true => Step::Chunk(position + 1),
        false if import.mode == Mode::Replace.as_str() => Step::Retire(0),
        false => return finish(ctx, conn, &import),
    };
    topic::queue(ctx, conn, import_id, &next)
}

fn read(ctx: &Ctx, import: &Import, source: &[u8]) -> Vec<Read> {
    let Some(options) = import.options() else { return Vec::new() };
    let today = ctx.now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    match import.format == Format::Csv.as_str() {
        true => table::read(source, &options, today),
        false => fhir::read(source, &options, today),
    }
}

fn finish(ctx: &Ctx, conn: &mut Conn, import: &Import) -> db::Result<()> {
    end(ctx, conn, &import.id, &import.actor, "done").map(drop)
}

/// Ends an import, however it went: what is not read is not kept, and who is undecided is graded again.
fn end(ctx: &Ctx, conn: &mut Conn, id: &str, actor: &str, state: &str) -> db::Result<Option<Import>> {
    let Some(import) = store::finish(conn, id, state, ctx.now)? else { return Ok(None) };
    store::drop_sources(conn, id)?;
    topic::queue(ctx, conn, id, &Step::Grade { practice: import.practice_id.clone(), after: String::new() })?;
    let Import { rows_done, created, changed, unchanged, refused, retired, left_out, unread, .. } = &import;
    let detail = json!({
        "state": state, "rows": rows_done, "created": created, "changed": changed, "unchanged": unchanged,
        "refused": refused, "unread": unread, "retired": retired, "left_out": left_out,
    });
    record(ctx, conn, &import, actor, "records.import_ended", detail)?;
    Ok(Some(import))
}

/// Grades some who are undecided, and queues the next.
fn grade(ctx: &Ctx, conn: &mut Conn, import_id: &str, practice_id: &str, after: &str) -> db::Result<()> {
    let undecided = identity::undecided(conn, practice_id, after, GRADED_AT_ONCE)?;
    for conversation_id in &undecided {
        identity::regrade(ctx, conn, conversation_id)?;
    }
    match undecided.last() {
        Some(last) => {
            let step = Step::Grade { practice: practice_id.to_owned(), after: last.clone() };
            topic::queue(ctx, conn, import_id, &step)
        }
        None => Ok(()),
    }
}

fn record(
    ctx: &Ctx,
    conn: &mut Conn,
    import: &Import,
    actor: &str,
    action: &str,
    detail: serde_json::Value,
) -> db::Result<()> {
    let practice_id = Some(import.practice_id.as_str());
    audit::record(ctx, conn, &Event { practice_id, actor, action, subject: &import.id, detail })
}

/// One import of a practice.
pub fn find(conn: &mut Conn, practice_id: &str, id: &str) -> Result<Import, Refusal> {
    store::find(conn, practice_id, id)?.ok_or(Refusal::NotFound)
}

/// Up to `limit` imports of a practice, newest first, before the one of the id `before`.
pub fn list(conn: &mut Conn, practice_id: &str, before: &str, limit: i64) -> db::Result<Vec<Import>> {
    store::list(conn, practice_id, before, limit)
}

/// What became of each row so far, as a file.
pub fn results(conn: &mut Conn, practice_id: &str, id: &str) -> Result<String, Refusal> {
    find(conn, practice_id, id)?;
    Ok(csv::row(&HEADINGS) + &store::results(conn, id)?.concat())
}

/// Deletes results that nobody will ask for any more.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    let before: Timestamp = ctx.now - KEPT;
    store::delete_results(conn, before)
}
