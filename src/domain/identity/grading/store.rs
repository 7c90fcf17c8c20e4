//! Queries on `identity_grades`, and what grading reads about records and patients.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;

use super::matching::{GivenDetails, Grade, KnownDetails, MatchResult};
use crate::domain::conversations::access::store::paired_by_restricted_session;
use crate::domain::conversations::visible_email;
use crate::domain::records::{Kind, NAME_SEPARATOR, Record};
use crate::kit::{ConversationId, PracticeId, RecordId, Timestamp};
use crate::platform::db::schema::{
    accounts, conversations, identity_grades, pairings, patient_records, patients, record_values,
};
use crate::platform::db::{Cell, Conn, OnConflict, Result, columns, many_insert_into};

/// The patient of a conversation with their own details.
pub struct Subject {
    pub practice_id: PracticeId,
    pub given_name: String,
    pub family_name: String,
    pub birth_date: Option<String>,
    /// Verified phone number, E.164; `None` after the account was deleted.
    pub phone: Option<String>,
    pub email: Option<String>,
    pub email_is_proven: bool,
}

impl Subject {
    pub fn given(&self) -> GivenDetails<'_> {
        GivenDetails {
            given_name: &self.given_name,
            family_name: &self.family_name,
            birth_date: self.birth_date.as_deref(),
            phone: self.phone.as_deref(),
            email: self.email.as_deref(),
            email_is_proven: self.email_is_proven,
        }
    }

    /// What records are searched by.
    pub(super) fn values(&self) -> impl Iterator<Item = (Kind, &str)> {
        let given =
            [(Kind::Phone, &self.phone), (Kind::Email, &self.email), (Kind::BirthDate, &self.birth_date)];
        given.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?)))
    }
}

/// Values that some record of a practice has or had.
pub(super) struct OnRecord(HashSet<(PracticeId, Kind, String)>);

impl OnRecord {
    pub(super) fn has(&self, practice_id: &PracticeId, kind: Kind, value: &str) -> bool {
        self.0.contains(&(practice_id.clone(), kind, value.to_owned()))
    }
}

/// Latest grade of a conversation.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identity_grades)]
pub struct StoredGrade {
    pub conversation_id: ConversationId,
    pub grade: Grade,
    /// Number of candidate records.
    pub candidates: i32,
    pub graded_at: Timestamp,
}

pub(super) fn stored_grades(
    conn: &mut Conn,
    conversation_ids: &[ConversationId],
) -> Result<Vec<StoredGrade>> {
    let rows = identity_grades::table.filter(identity_grades::conversation_id.eq_any(conversation_ids));
    Ok(rows.select(columns::<StoredGrade>()).load(conn)?)
}

/// Open conversations that need an identity check.
pub(super) fn undecided(
    conn: &mut Conn,
    practice_id: &PracticeId,
    after: &str,
    limit: i64,
) -> Result<Vec<ConversationId>> {
    let rows = conversations::table
        .filter(conversations::practice_id.eq(practice_id))
        .filter(conversations::to_verify.eq(true))
        .filter(conversations::id.gt(after));
    Ok(rows.order(conversations::id).limit(limit).select(conversations::id).load(conn)?)
}

/// The columns of a [`Subject`].
type Person = (
    ConversationId,
    PracticeId,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Timestamp>,
    bool,
);

fn person(found: Person) -> (ConversationId, Subject) {
    let (id, practice_id, given_name, family_name, birth_date, phone, email, proven_at, by_restricted) =
        found;
    let (email, email_is_proven) = visible_email(email, proven_at.is_some(), by_restricted);
    (id, Subject { practice_id, given_name, family_name, birth_date, phone, email, email_is_proven })
}

/// The patients of those conversations that exist.
pub(super) fn subjects(
    conn: &mut Conn,
    conversation_ids: &[&ConversationId],
) -> Result<Vec<(ConversationId, Subject)>> {
    let rows = conversations::table
        .inner_join(pairings::table.inner_join(patients::table).inner_join(accounts::table))
        .filter(conversations::id.eq_any(conversation_ids));
    // In order, because grades are locked in this order, and an import grades too.
    let found: Vec<Person> = rows
        .order(conversations::id)
        .select((
            conversations::id,
            conversations::practice_id,
            patients::given_name,
            patients::family_name,
            patients::birth_date,
            accounts::phone,
            accounts::email,
            accounts::email_proven_at,
            paired_by_restricted_session(),
        ))
        .load(conn)?;
    Ok(found.into_iter().map(person).collect())
}

/// Which of the patients' values are in the records of their practices, current or former.
pub(super) fn on_record<'a>(
    conn: &mut Conn,
    subjects: impl Iterator<Item = &'a Subject> + Clone,
) -> Result<OnRecord> {
    let practices: BTreeSet<&PracticeId> = subjects.clone().map(|subject| &subject.practice_id).collect();
    let given: Vec<(Kind, &str)> = subjects.flat_map(Subject::values).collect();
    let kinds: BTreeSet<Kind> = given.iter().map(|(kind, _)| *kind).collect();
    let values: BTreeSet<&str> = given.iter().map(|(_, value)| *value).collect();
    if values.is_empty() {
        return Ok(OnRecord(HashSet::new()));
    }
    let rows = record_values::table
        .filter(record_values::practice_id.eq_any(practices))
        .filter(record_values::kind.eq_any(kinds))
        .filter(record_values::value.eq_any(values));
    let columns = (record_values::practice_id, record_values::kind, record_values::value);
    let found: Vec<(PracticeId, Kind, String)> = rows.select(columns).distinct().load(conn)?;
    Ok(OnRecord(found.into_iter().collect()))
}

/// Active records that have or had the patient's phone number or e-mail address; for each at most
/// one more than `most`.
pub(super) fn having_contact(conn: &mut Conn, subject: &Subject, most: i64) -> Result<Vec<RecordId>> {
    let given = [(Kind::Phone, &subject.phone), (Kind::Email, &subject.email)];
    let mut ids = Vec::new();
    for (kind, value) in given.into_iter().filter_map(|(kind, value)| Some((kind, value.as_ref()?))) {
        ids.extend(having(&subject.practice_id, kind, value).limit(most + 1).load::<RecordId>(conn)?);
    }
    Ok(ids)
}

/// Up to `limit` active records with a birth date.
pub(super) fn born_on(
    conn: &mut Conn,
    practice_id: &PracticeId,
    day: &str,
    limit: i64,
) -> Result<Vec<RecordId>> {
    Ok(having(practice_id, Kind::BirthDate, day).limit(limit).load(conn)?)
}

/// Ids of active records that have or had a value, sorted.
#[diesel::dsl::auto_type(no_type_alias)]
fn having<'a>(practice_id: &'a PracticeId, kind: Kind, value: &'a str) -> _ {
    record_values::table
        .inner_join(patient_records::table)
        .filter(record_values::practice_id.eq(practice_id))
        .filter(record_values::kind.eq(kind))
        .filter(record_values::value.eq(value))
        .filter(patient_records::active.eq(true))
        .order(record_values::record_id)
        .select(record_values::record_id)
}

/// Current and former values of records.
pub(super) fn known(conn: &mut Conn, ids: &[RecordId]) -> Result<Vec<KnownDetails>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = record_values::table.filter(record_values::record_id.eq_any(ids));
    let order = (record_values::record_id, record_values::current.desc(), record_values::value);
    let rows: Vec<(RecordId, Kind, String)> = rows
        .order(order)
        .select((record_values::record_id, record_values::kind, record_values::value))
        .load(conn)?;
    let mut found: HashMap<RecordId, KnownDetails> = HashMap::new();
    for (record_id, kind, value) in rows {
        let known = found.entry(record_id.clone()).or_insert_with(|| KnownDetails::new(record_id));
        match kind {
            Kind::Phone => known.phones.push(value),
            Kind::Email => known.emails.push(value),
            Kind::BirthDate => known.birth_dates.push(value),
            Kind::Name => known.names.extend(
                value.split_once(NAME_SEPARATOR).map(|(given, family)| (given.to_owned(), family.to_owned())),
            ),
        }
    }
    Ok(found.into_values().collect())
}

/// Records by their ids, in that order.
pub(super) fn records(conn: &mut Conn, ids: &[&RecordId]) -> Result<Vec<Record>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = patient_records::table.filter(patient_records::id.eq_any(ids));
    let mut found: Vec<Record> = rows.select(columns::<Record>()).load(conn)?;
    found.sort_by_key(|record| ids.iter().position(|id| **id == record.id));
    Ok(found)
}

/// Stores the grades of conversations and replaces older ones.
pub(super) fn upsert_grades(
    conn: &mut Conn,
    grades: &[(ConversationId, MatchResult)],
    now: Timestamp,
) -> Result<()> {
    const COLUMNS: [&str; 5] = ["conversation_id", "grade", "candidates", "record_id", "graded_at"];
    const REPLACE: OnConflict =
        OnConflict { key: &["conversation_id"], update: &["grade", "candidates", "record_id", "graded_at"] };
    let cells = |(id, matched): &(ConversationId, MatchResult)| {
        let single = match matched.candidates.as_slice() {
            [one] => Some(one.record_id.to_string()),
            _ => None,
        };
        vec![
            Cell::Text(Some(id.to_string())),
            Cell::Text(Some(matched.grade.as_str().to_owned())),
            Cell::Number(i64::try_from(matched.candidates.len()).unwrap_or(i64::from(i32::MAX))),
            Cell::Text(single),
            Cell::Number(now.millis()),
        ]
    };
    let rows: Vec<_> = grades.iter().map(cells).collect();
    many_insert_into(identity_grades::table, conn, &COLUMNS, &rows, REPLACE)
}
