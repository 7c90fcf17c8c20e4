//! Queries on `patient_records` and `record_values`.

use diesel::prelude::*;
use diesel::update;
use serde::Serialize;
use utoipa::ToSchema;

use super::Kind;
use crate::kit::{ImportId, PracticeId, RecordId, Timestamp};
use crate::platform::db::schema::{patient_records, record_values};
use crate::platform::db::{Cell, Conn, OnConflict, Result, columns, many_insert_into};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = patient_records)]
pub(super) struct Row {
    pub id: RecordId,
    pub practice_id: PracticeId,
    pub number: String,
    pub given_name: String,
    pub family_name: String,
    pub birth_date: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub active: bool,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub import_id: Option<ImportId>,
    pub search: String,
}

const ROW: [&str; 13] = [
    "id",
    "practice_id",
    "number",
    "given_name",
    "family_name",
    "birth_date",
    "phone",
    "email",
    "active",
    "created_at",
    "changed_at",
    "import_id",
    "search",
];

impl Row {
    /// Whether both rows say the same about the patient.
    pub(super) fn has_same_values(&self, other: &Self) -> bool {
        let values = |row: &Self| {
            let Self { given_name, family_name, birth_date, phone, email, active, .. } = row.clone();
            (given_name, family_name, birth_date, phone, email, active)
        };
        values(self) == values(other)
    }

    fn cells(&self) -> Vec<Cell> {
        let text = |text: &str| Cell::Text(Some(text.to_owned()));
        vec![
            text(self.id.as_str()),
            text(self.practice_id.as_str()),
            text(&self.number),
            text(&self.given_name),
            text(&self.family_name),
            Cell::Text(self.birth_date.clone()),
            Cell::Text(self.phone.clone()),
            Cell::Text(self.email.clone()),
            Cell::Flag(self.active),
            Cell::Number(self.created_at.millis()),
            Cell::Number(self.changed_at.millis()),
            Cell::Text(self.import_id.as_ref().map(ToString::to_string)),
            text(&self.search),
        ]
    }
}

/// A current or earlier value of a record.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = record_values)]
pub struct RecordValue {
    #[serde(skip)]
    pub record_id: RecordId,
    /// The kind of value.
    pub kind: Kind,
    /// The value; for a name, given and family name.
    #[schema(example = "+14155552671")]
    pub value: String,
    /// Whether the value is current. Earlier values count too when a patient is matched with the record.
    pub current: bool,
    /// Since when the value is known.
    pub since: Timestamp,
}

/// A patient in the practice's own records.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = patient_records)]
#[schema(as = PatientRecord)]
pub struct Record {
    /// Id of the record.
    pub id: RecordId,
    /// The practice's own record number.
    #[schema(example = "MRN-10042")]
    pub number: String,
    /// Given name of the patient.
    #[schema(example = "Alex")]
    pub given_name: String,
    /// Family name of the patient.
    #[schema(example = "Rivera")]
    pub family_name: String,
    /// The patient's birth date, ISO 8601.
    #[schema(required = true, example = "1987-05-31")]
    pub birth_date: Option<String>,
    /// The phone number on record, E.164: the one to call, whatever number the patient just gave.
    #[schema(required = true, example = "+14155552671")]
    pub phone: Option<String>,
    /// E-mail address on record.
    #[schema(required = true, example = "alex@example.com")]
    pub email: Option<String>,
}

/// A patient in the practice's own records, as listed.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = patient_records)]
pub struct ListedRecord {
    // No doc comment: it would appear in the OpenAPI document as a schema of its own, though
    // the members are flattened.
    #[diesel(embed)]
    #[serde(flatten)]
    #[schema(inline)]
    pub(crate) record: Record,
    /// Whether the practice still has this patient; an inactive record never matches.
    pub active: bool,
    /// When the record's values last changed.
    pub changed_at: Timestamp,
    #[serde(skip)]
    search: String,
}

impl ListedRecord {
    /// The cursor of a page that ends with this record.
    pub fn cursor(&self) -> Cursor {
        Cursor { search: self.search.clone(), id: self.record.id.clone() }
    }
}

/// Pagination cursor of the record list.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Search key of the last record.
    pub search: String,
    pub id: RecordId,
}

pub(super) fn by_number(conn: &mut Conn, practice_id: &PracticeId, numbers: &[&str]) -> Result<Vec<Row>> {
    let rows = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .filter(patient_records::number.eq_any(numbers));
    Ok(rows.select(columns::<Row>()).load(conn)?)
}

/// Current and former values of records.
pub(super) fn values(conn: &mut Conn, record_ids: &[&RecordId]) -> Result<Vec<RecordValue>> {
    let rows = record_values::table.filter(record_values::record_id.eq_any(record_ids));
    Ok(rows.select(columns::<RecordValue>()).load(conn)?)
}

/// Upserts records by practice and record number.
pub(super) fn upsert_rows(conn: &mut Conn, rows: &[Row]) -> Result<()> {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let update = &[
        "given_name",
        "family_name",
        "birth_date",
        "phone",
        "email",
        "active",
        "changed_at",
        "import_id",
        "search",
    ];
    let on_conflict = OnConflict { key: &["practice_id", "number"], update };
    many_insert_into(patient_records::table, conn, &ROW, &cells, on_conflict)
}

/// Upserts values and whether they are current; the time they were first known does not change.
pub(super) fn upsert_values(conn: &mut Conn, practice_id: &PracticeId, values: &[RecordValue]) -> Result<()> {
    let text = |text: &str| Cell::Text(Some(text.to_owned()));
    let cells = |value: &RecordValue| {
        vec![
            text(value.record_id.as_str()),
            text(value.kind.as_str()),
            text(&value.value),
            text(practice_id.as_str()),
            Cell::Flag(value.current),
            Cell::Number(value.since.millis()),
        ]
    };
    let cells: Vec<_> = values.iter().map(cells).collect();
    let names = &["record_id", "kind", "value", "practice_id", "current", "since"];
    let on_conflict = OnConflict { key: &["record_id", "kind", "value"], update: &["current"] };
    many_insert_into(record_values::table, conn, names, &cells, on_conflict)
}

/// Marks records as named by an import.
pub(super) fn mark_named(
    conn: &mut Conn,
    practice_id: &PracticeId,
    numbers: &[&str],
    import_id: &ImportId,
) -> Result<usize> {
    if numbers.is_empty() {
        return Ok(0);
    }
    let rows = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .filter(patient_records::number.eq_any(numbers));
    Ok(update(rows).set(patient_records::import_id.eq(import_id)).execute(conn)?)
}

/// Makes active records inactive that an import did not name.
pub(super) fn retire_unnamed(
    conn: &mut Conn,
    practice_id: &PracticeId,
    import_id: &ImportId,
    limit: i64,
    now: Timestamp,
) -> Result<usize> {
    let unnamed = patient_records::import_id.ne(import_id).or(patient_records::import_id.is_null());
    let ids: Vec<RecordId> = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .filter(patient_records::active.eq(true))
        .filter(unnamed)
        .limit(limit)
        .select(patient_records::id)
        .load(conn)?;
    let rows = patient_records::table
        .filter(patient_records::id.eq_any(&ids))
        .filter(patient_records::active.eq(true));
    let change = (patient_records::active.eq(false), patient_records::changed_at.eq(now));
    Ok(update(rows).set(change).execute(conn)?)
}

/// Records by name; every word of the search must be the beginning of one of the record's words.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    words: &[String],
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<ListedRecord>> {
    let mut rows = patient_records::table
        .filter(patient_records::practice_id.eq(practice_id))
        .select(columns::<ListedRecord>())
        .into_boxed();
    // Folded words contain no wildcard of LIKE.
    for word in words {
        rows = rows.filter(patient_records::search.like(format!("% {word}%")));
    }
    if let Some(Cursor { search, id }) = after {
        let same = patient_records::search.eq(search).and(patient_records::id.gt(id));
        rows = rows.filter(patient_records::search.gt(search).or(same));
    }
    Ok(rows.order((patient_records::search, patient_records::id)).limit(limit).load(conn)?)
}

/// Records that have or had a value.
pub(super) fn having(
    conn: &mut Conn,
    practice_id: &PracticeId,
    kind: Kind,
    value: &str,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<ListedRecord>> {
    let mut rows = patient_records::table
        .inner_join(record_values::table)
        .filter(record_values::practice_id.eq(practice_id))
        .filter(record_values::kind.eq(kind))
        .filter(record_values::value.eq(value))
        .select(columns::<ListedRecord>())
        .into_boxed();
    if let Some(Cursor { search, id }) = after {
        let same = patient_records::search.eq(search).and(patient_records::id.gt(id));
        rows = rows.filter(patient_records::search.gt(search).or(same));
    }
    Ok(rows.order((patient_records::search, patient_records::id)).limit(limit).load(conn)?)
}

pub(super) fn find(conn: &mut Conn, practice_id: &PracticeId, id: &RecordId) -> Result<Option<ListedRecord>> {
    let row = patient_records::table.find(id).filter(patient_records::practice_id.eq(practice_id));
    Ok(row.select(columns::<ListedRecord>()).first(conn).optional()?)
}

/// Current and former values of a record, current ones first.
pub(super) fn values_in_order(conn: &mut Conn, id: &RecordId) -> Result<Vec<RecordValue>> {
    let rows = record_values::table.filter(record_values::record_id.eq(id));
    let order = (record_values::kind, record_values::current.desc(), record_values::value);
    Ok(rows.order(order).select(columns::<RecordValue>()).load(conn)?)
}
