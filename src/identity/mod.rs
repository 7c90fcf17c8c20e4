//! The practice's own patient records, and how far the person behind a conversation agrees with one of them.
//!
//! Anyone with a link can pair, so a practice must know whom it talks to before it shares health information.
//! A pairing asks for a grade in its own transaction, and the outbox's worker gives it afterwards: what a patient
//! is told, and how fast, depends on no record. A grade is advice. Nothing is linked by it, least of all where two
//! records could be meant; what was decided, by whom and how, is in [`crate::conversations::identity`].

pub mod matching;
pub mod records;
mod store;
mod topic;

pub use records::Record;
pub use store::{Grading, Subject};
pub use topic::GradeTopic;

use matching::{Agreement, Comparison, Grade, Known, Verdict};
use serde_json::{Value, json};

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::Language;

/// A number or an address that more records share than this says nothing of anybody: the rest is not read.
const MOST_CANDIDATES: i64 = 20;
/// Of one day at most this many of a practice's records are. Where more are, the day stands for "not known", as
/// 1900-01-01 does; a practice of a million patients has some thirty of each real one.
const MOST_OF_A_DAY: i64 = 400;

/// What a practice's records say of the person behind a conversation.
pub struct Finding {
    /// The person, as they gave themselves.
    pub subject: Subject,
    /// How far they agree, and with which records.
    pub verdict: Verdict,
    /// Those records, in the verdict's order.
    pub records: Vec<Record>,
}

/// Holds the person behind a conversation against the practice's records as they are now; `None` where there is no
/// such conversation.
pub fn look(conn: &mut Conn, conversation_id: &str) -> db::Result<Option<Finding>> {
    let Some(subject) = store::subject(conn, conversation_id)? else { return Ok(None) };
    let known = known(conn, &subject)?;
    let verdict = matching::grade(&subject.given(), &known);
    let ids: Vec<&str> = verdict.candidates.iter().map(|found| found.record_id.as_str()).collect();
    let records = store::records(conn, &ids)?;
    Ok(Some(Finding { subject, verdict, records }))
}

/// Every active record that could be meant: those with the number or the address, and those of the birth date, which
/// the comparison sifts. A day that stands for "not known" is on none of them.
fn known(conn: &mut Conn, subject: &Subject) -> db::Result<Vec<Known>> {
    let mut ids = store::reached(conn, subject, MOST_CANDIDATES)?;
    let Some(day) = &subject.birth_date else { return store::known(conn, &ids) };
    let born = store::born(conn, &subject.practice_id, day, MOST_OF_A_DAY + 1)?;
    let is_placeholder = i64::try_from(born.len()).is_ok_and(|found| found > MOST_OF_A_DAY);
    if !is_placeholder {
        ids.extend(born);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut known = store::known(conn, &ids)?;
    for record in known.iter_mut().filter(|_| is_placeholder) {
        record.birth_dates.retain(|written| written != day);
    }
    Ok(known)
}

/// Grades a conversation (again), and keeps the grade.
pub fn regrade(ctx: &Ctx, conn: &mut Conn, conversation_id: &str) -> db::Result<Option<Grade>> {
    let Some(finding) = look(conn, conversation_id)? else { return Ok(None) };
    store::keep_grade(conn, conversation_id, &finding.verdict, ctx.now)?;
    Ok(Some(finding.verdict.grade))
}

/// Up to `limit` open conversations of a practice about whose person nothing is decided, by id, after the one of the id
/// `after`.
pub fn undecided(conn: &mut Conn, practice_id: &str, after: &str, limit: i64) -> db::Result<Vec<String>> {
    store::undecided(conn, practice_id, after, limit)
}

/// The grades that were kept of these conversations.
pub fn gradings(conn: &mut Conn, conversation_ids: &[String]) -> db::Result<Vec<Grading>> {
    store::gradings(conn, conversation_ids)
}

/// What staff read for as long as nobody has confirmed who it is.
pub fn advice(language: Language) -> &'static str {
    match language {
        Language::En => {
            "Compare number and e-mail with your records. If they differ, contact the patient through the number in \
             your records, not the one just given."
        }
        Language::Es => {
            "Compare el número y el correo con sus fichas. Si no coinciden, comuníquese con el paciente por el número \
             que consta en sus fichas, no por el que acaba de dar."
        }
    }
}

/// One field, as the person gave it and as the record has it.
pub struct FieldView<'a> {
    /// Its name.
    pub field: &'static str,
    /// What the person gave.
    pub given: Option<&'a str>,
    /// What the record says now.
    pub on_record: Option<&'a str>,
    /// How far they agree.
    pub agrees: Agreement,
    /// Whether what the person gave is proven to be theirs.
    pub proven: bool,
}

/// A person and a record, field by field, for people to read.
pub fn compared<'a>(subject: &'a Subject, record: &'a Record, found: &Comparison) -> [FieldView<'a>; 5] {
    let field =
        |field, given, on_record, agrees, proven| FieldView { field, given, on_record, agrees, proven };
    let (given, family) = (Some(subject.given_name.as_str()), Some(subject.family_name.as_str()));
    let (born, phone, email) =
        (subject.birth_date.as_deref(), subject.phone.as_deref(), subject.email.as_deref());
    [
        field("given_name", given, Some(record.given_name.as_str()), found.given_name, false),
        field("family_name", family, Some(record.family_name.as_str()), found.family_name, false),
        field("birth_date", born, record.birth_date.as_deref(), found.birth_date, false),
        field("phone", phone, record.phone.as_deref(), found.phone, phone.is_some()),
        field("email", email, record.email.as_deref(), found.email, found.email_is_proven),
    ]
}

/// The same for the decision's own memory: how far each field agreed, and no value of any.
pub fn fields(found: &Comparison) -> Value {
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
