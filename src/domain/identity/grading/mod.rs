//! How well the patient of a conversation matches one of the practice's patient records.
//!
//! Anyone with a link can pair, so a practice must know who the patient is before it shares health
//! information. The grading follows the event of the pairing, after the response: neither the text nor the
//! timing of what a patient receives may reveal whether a record exists. A grade is advice. It links nothing,
//! least of all when two records are candidates; decisions, and who made them and how, are in
//! [`crate::domain::identity`].

pub mod matching;
mod reaction;
mod store;

pub use crate::domain::records::Record;
pub use reaction::Grading;
pub use store::{StoredGrade, Subject};

use matching::{Agreement, Comparison, KnownDetails, MatchResult};
use serde_json::{Value, json};

use crate::kit::{ConversationId, Language, PracticeId, RecordId};
use crate::platform::{Tx, db};

/// A phone number or e-mail address shared by more records than this says nothing about a person, so
/// no more are read.
const MOST_CANDIDATES: i64 = 20;
/// At most this many records of a practice share a real birth date. A date shared by more means "unknown", as
/// 1900-01-01 does; a practice with a million patients has about thirty of each real date.
const MOST_OF_A_DAY: i64 = 400;

/// What a practice's records say about the patient of a conversation.
pub struct Finding {
    /// The patient's own details.
    pub subject: Subject,
    pub matched: MatchResult,
    /// The candidate records, in the order of the comparison.
    pub records: Vec<Record>,
}

/// Compares the patient of a conversation with the practice's current records; `None` if the
/// conversation does not exist.
pub fn compare(tx: &mut Tx, conversation_id: &ConversationId) -> db::Result<Option<Finding>> {
    let Some((_, subject)) = store::subjects(tx.conn, &[conversation_id])?.pop() else { return Ok(None) };
    let matched = matched(tx, &subject)?;
    let ids: Vec<&RecordId> = matched.candidates.iter().map(|found| &found.record_id).collect();
    let records = store::records(tx.conn, &ids)?;
    Ok(Some(Finding { subject, matched, records }))
}

fn matched(tx: &mut Tx, subject: &Subject) -> db::Result<MatchResult> {
    Ok(matching::grade(&subject.given(), &known(tx, subject)?))
}

/// All active records that could match: those with the phone number or e-mail address, and those with the
/// birth date, which the comparison then filters. A date that means "unknown" is removed from all of them.
fn known(tx: &mut Tx, subject: &Subject) -> db::Result<Vec<KnownDetails>> {
    let mut ids = store::having_contact(tx.conn, subject, MOST_CANDIDATES)?;
    let Some(day) = &subject.birth_date else { return store::known(tx.conn, &ids) };
    let born = store::born_on(tx.conn, &subject.practice_id, day, MOST_OF_A_DAY + 1)?;
    let is_placeholder = i64::try_from(born.len()).is_ok_and(|found| found > MOST_OF_A_DAY);
    if !is_placeholder {
        ids.extend(born);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut known = store::known(tx.conn, &ids)?;
    for record in known.iter_mut().filter(|_| is_placeholder) {
        record.birth_dates.retain(|written| written != day);
    }
    Ok(known)
}

/// Grades conversations (again) and stores the grades. Most new patients are on no record: one statement
/// tells which of them any record could be about, and only those are compared.
pub fn regrade(tx: &mut Tx, conversation_ids: &[&ConversationId]) -> db::Result<()> {
    let subjects = store::subjects(tx.conn, conversation_ids)?;
    let on_record = store::on_record(tx.conn, subjects.iter().map(|(_, subject)| subject))?;
    let mut grades = Vec::with_capacity(subjects.len());
    for (conversation_id, subject) in subjects {
        let is_known = subject.values().any(|(kind, value)| on_record.has(&subject.practice_id, kind, value));
        let matched = if is_known { matched(tx, &subject)? } else { matching::grade(&subject.given(), &[]) };
        grades.push((conversation_id, matched));
    }
    store::upsert_grades(tx.conn, &grades, tx.now)
}

/// Up to `limit` open conversations of a practice that need an identity check, by id, after the id `after`.
pub fn undecided(
    tx: &mut Tx,
    practice_id: &PracticeId,
    after: &str,
    limit: i64,
) -> db::Result<Vec<ConversationId>> {
    store::undecided(tx.conn, practice_id, after, limit)
}

/// The stored grades of these conversations.
pub fn stored_grades(tx: &mut Tx, conversation_ids: &[ConversationId]) -> db::Result<Vec<StoredGrade>> {
    store::stored_grades(tx.conn, conversation_ids)
}

/// Advice to staff while the patient's identity is not confirmed.
pub fn advice(language: Language) -> &'static str {
    language.text("conversation-advice")
}

/// A field that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, serde::Serialize, utoipa::ToSchema)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = ComparedFieldName)]
pub enum Field {
    GivenName,
    FamilyName,
    BirthDate,
    Phone,
    Email,
}

/// One field, as the patient gave it and as the record has it.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct ComparedField {
    /// The compared field.
    pub field: Field,
    /// The value that the patient gave.
    #[schema(required = true, example = "+14155552671")]
    pub given: Option<String>,
    /// The current value on record. Earlier values are compared too, so a field can agree
    /// although this one differs.
    #[schema(required = true, example = "+14155552671")]
    pub on_record: Option<String>,
    /// How closely the two values agree.
    pub agrees: Agreement,
    /// Whether the patient proved this value; names and birth dates are never proven.
    pub proven: bool,
}

/// A patient and a record compared field by field, for people to read.
pub fn compared_fields(subject: &Subject, record: &Record, found: &Comparison) -> [ComparedField; 5] {
    let field = |field, given: Option<&String>, on_record: Option<&String>, agrees, proven| ComparedField {
        field,
        given: given.cloned(),
        on_record: on_record.cloned(),
        agrees,
        proven,
    };
    let Subject { given_name, family_name, birth_date, phone, email, .. } = subject;
    let (birth_date, phone, email) = (birth_date.as_ref(), phone.as_ref(), email.as_ref());
    [
        field(Field::GivenName, Some(given_name), Some(&record.given_name), found.given_name, false),
        field(Field::FamilyName, Some(family_name), Some(&record.family_name), found.family_name, false),
        field(Field::BirthDate, birth_date, record.birth_date.as_ref(), found.birth_date, false),
        field(Field::Phone, phone, record.phone.as_ref(), found.phone, phone.is_some()),
        field(Field::Email, email, record.email.as_ref(), found.email, found.email_is_proven),
    ]
}

/// The comparison as stored with a decision: how well each field agreed, without any of the values.
pub fn agreements(found: &Comparison) -> Value {
    json!({
        "record": found.record_id,
        "given_name": found.given_name,
        "family_name": found.family_name,
        "birth_date": found.birth_date,
        "phone": found.phone,
        "email": found.email,
        "email_proven": found.email_is_proven,
    })
}
