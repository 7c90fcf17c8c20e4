//! Queries on `record_imports` and `import_chunks`, and counts of patient records.

use diesel::prelude::*;
use diesel::{insert_into, update};

use super::pieces::Piece;
use super::rows::Counts;
use super::survey::Survey;
use super::{Format, Mode, State};
use crate::domain::staff::Staff;
use crate::kit::{ImportId, PracticeId, StaffId, Timestamp};
use crate::platform::db::schema::{import_chunks, patient_records, record_imports};
use crate::platform::db::{Both, Conn, Result, columns};

/// An import with its progress.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = record_imports)]
pub struct Import {
    /// Id of the form `imp_…`.
    pub id: ImportId,
    pub practice_id: PracticeId,
    /// The staff member who uploaded the file.
    pub actor: StaffId,
    pub format: Format,
    pub mode: Mode,
    /// The [`super::Options`] as JSON.
    pub options: String,
    pub state: State,
    pub rows_total: i64,
    /// Rows processed so far.
    pub rows_done: i64,
    /// Records that are new.
    pub created: i64,
    /// Records with other values than before.
    pub changed: i64,
    /// Records with the same values as before.
    pub unchanged: i64,
    /// Rows that became no record.
    pub refused: i64,
    /// Records that became inactive because the list left them out.
    pub retired: i64,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Number of active records at the upload; only for a complete list.
    pub active_before: Option<i64>,
    /// Records that a complete list left out and that stay active, see [`Import::problem`].
    pub left_out: i64,
    /// Refused rows whose patient is unknown.
    pub unread: i64,
}

/// Unprocessed rows as uploaded.
#[derive(Queryable, Selectable)]
#[diesel(table_name = import_chunks)]
pub(super) struct Chunk {
    /// Number of the first row, from 1.
    pub first_row: i64,
    pub source: Option<Vec<u8>>,
}

/// Inserts an import, unless the practice has an open one.
pub(super) fn insert(
    conn: &mut Conn,
    id: &ImportId,
    who: &Staff,
    survey: &Survey,
    options: &str,
    now: Timestamp,
) -> Result<usize> {
    let row = (
        record_imports::id.eq(id),
        record_imports::practice_id.eq(&who.practice_id),
        record_imports::actor.eq(&who.staff_id),
        record_imports::format.eq(survey.format),
        record_imports::mode.eq(survey.options.mode),
        record_imports::options.eq(options),
        record_imports::state.eq(State::Queued),
        record_imports::open_key.eq(&who.practice_id),
        record_imports::rows_total.eq(survey.rows),
        (
            record_imports::rows_done.eq(0),
            record_imports::created.eq(0),
            record_imports::changed.eq(0),
            record_imports::unchanged.eq(0),
            record_imports::refused.eq(0),
            record_imports::retired.eq(0),
        ),
        record_imports::created_at.eq(now),
    );
    let insert = insert_into(record_imports::table).values(row);
    Ok(Both(insert.on_conflict(record_imports::open_key).do_nothing()).execute(conn)?)
}

/// Stores the number of active records before an import.
pub(super) fn count_active(conn: &mut Conn, practice_id: &PracticeId, id: &ImportId) -> Result<()> {
    let active = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .filter(patient_records::active.eq(true))
        .count()
        .get_result::<i64>(conn)?;
    update(record_imports::table.find(id)).set(record_imports::active_before.eq(active)).execute(conn)?;
    Ok(())
}

/// Number of active records that an import did not name.
pub(super) fn count_left_out(conn: &mut Conn, practice_id: &PracticeId, import_id: &ImportId) -> Result<i64> {
    let unnamed = patient_records::import_id.ne(import_id).or(patient_records::import_id.is_null());
    let rows = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .filter(patient_records::active.eq(true))
        .filter(unnamed);
    Ok(rows.count().get_result(conn)?)
}

/// Stores how many records a complete list left out that stay active.
pub(super) fn set_left_out(conn: &mut Conn, id: &ImportId, left_out: i64) -> Result<()> {
    let row = update(record_imports::table.find(id));
    row.set(record_imports::left_out.eq(left_out)).execute(conn)?;
    Ok(())
}

/// Stores a chunk of rows as uploaded.
pub(super) fn insert_chunk(
    conn: &mut Conn,
    import_id: &ImportId,
    position: i64,
    piece: Piece,
    source: &[u8],
) -> Result<()> {
    let row = (
        import_chunks::import_id.eq(import_id),
        import_chunks::position.eq(position),
        import_chunks::first_row.eq(piece.first_row),
        import_chunks::row_count.eq(piece.rows),
        import_chunks::is_done.eq(false),
        import_chunks::source.eq(source),
    );
    insert_into(import_chunks::table).values(row).execute(conn)?;
    Ok(())
}

/// Locks an open import until the end of the transaction.
pub(super) fn lock_open(conn: &mut Conn, id: &ImportId) -> Result<Option<Import>> {
    let row = record_imports::table.find(id).filter(record_imports::state.eq_any(State::OPEN));
    let change = record_imports::state.eq(State::Running);
    Ok(update(row).set(change).returning(columns::<Import>()).get_result(conn).optional()?)
}

/// Claims an unprocessed chunk and marks it as processed.
pub(super) fn take_chunk(conn: &mut Conn, import_id: &ImportId, position: i64) -> Result<Option<Chunk>> {
    let row = import_chunks::table.find((import_id, position)).filter(import_chunks::is_done.eq(false));
    let change = import_chunks::is_done.eq(true);
    Ok(update(row).set(change).returning(columns::<Chunk>()).get_result(conn).optional()?)
}

/// The rows of an unprocessed chunk, with their import.
pub(super) fn unprocessed_rows(
    conn: &mut Conn,
    import_id: &ImportId,
    position: i64,
) -> Result<Option<(Import, Option<Vec<u8>>)>> {
    let row = import_chunks::table
        .inner_join(record_imports::table)
        .filter(import_chunks::import_id.eq(import_id))
        .filter(import_chunks::position.eq(position))
        .filter(import_chunks::is_done.eq(false));
    Ok(row.select((columns::<Import>(), import_chunks::source)).first(conn).optional()?)
}

/// Stores the results of a chunk's rows and deletes the rows.
pub(super) fn insert_results(
    conn: &mut Conn,
    import_id: &ImportId,
    position: i64,
    results: &str,
) -> Result<()> {
    let change = (import_chunks::results.eq(results), import_chunks::source.eq(None::<Vec<u8>>));
    update(import_chunks::table.find((import_id, position))).set(change).execute(conn)?;
    Ok(())
}

/// Adds to the counts of an import and returns it.
pub(super) fn add(conn: &mut Conn, id: &ImportId, counts: &Counts) -> Result<Import> {
    let change = (
        record_imports::rows_done.eq(record_imports::rows_done + counts.rows),
        record_imports::created.eq(record_imports::created + counts.created),
        record_imports::changed.eq(record_imports::changed + counts.changed),
        record_imports::unchanged.eq(record_imports::unchanged + counts.unchanged),
        record_imports::refused.eq(record_imports::refused + counts.refused),
        record_imports::retired.eq(record_imports::retired + counts.retired),
        record_imports::unread.eq(record_imports::unread + counts.unread),
    );
    let row = update(record_imports::table.find(id)).set(change);
    Ok(row.returning(columns::<Import>()).get_result(conn)?)
}

/// Ends an open import and returns it.
pub(super) fn finish(conn: &mut Conn, id: &ImportId, state: State, now: Timestamp) -> Result<Option<Import>> {
    let row = record_imports::table.find(id).filter(record_imports::state.eq_any(State::OPEN));
    let change = (
        record_imports::state.eq(state),
        record_imports::open_key.eq(None::<String>),
        record_imports::finished_at.eq(now),
    );
    Ok(update(row).set(change).returning(columns::<Import>()).get_result(conn).optional()?)
}

/// Deletes unread rows of an import that is over.
pub(super) fn delete_sources(conn: &mut Conn, import_id: &ImportId) -> Result<usize> {
    let rows = import_chunks::table
        .filter(import_chunks::import_id.eq(import_id))
        .filter(import_chunks::source.is_not_null());
    Ok(update(rows).set(import_chunks::source.eq(None::<Vec<u8>>)).execute(conn)?)
}

pub(super) fn find(conn: &mut Conn, practice_id: &PracticeId, id: &ImportId) -> Result<Option<Import>> {
    let row = record_imports::table.find(id).filter(record_imports::practice_id.eq(practice_id));
    Ok(row.select(columns::<Import>()).first(conn).optional()?)
}

/// Imports of a practice, newest first, before the id `before`, or from the newest if that is empty.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    before: &str,
    limit: i64,
) -> Result<Vec<Import>> {
    let mut rows = record_imports::table
        .filter(record_imports::practice_id.eq(practice_id))
        .select(columns::<Import>())
        .into_boxed();
    if !before.is_empty() {
        rows = rows.filter(record_imports::id.lt(before));
    }
    Ok(rows.order(record_imports::id.desc()).limit(limit).load(conn)?)
}

/// Results of an import so far, in row order.
pub(super) fn results(conn: &mut Conn, import_id: &ImportId) -> Result<Vec<String>> {
    let rows = import_chunks::table
        .filter(import_chunks::import_id.eq(import_id))
        .filter(import_chunks::results.is_not_null());
    Ok(rows.order(import_chunks::position).select(import_chunks::results.assume_not_null()).load(conn)?)
}

/// Deletes the results of imports that finished earlier than `before`.
pub(super) fn delete_results(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = record_imports::table.filter(record_imports::finished_at.lt(before)).select(record_imports::id);
    let rows = import_chunks::table.filter(import_chunks::import_id.eq_any(old));
    Ok(diesel::delete(rows).execute(conn)?)
}
