//! The rows of `identity_grades`; what grading reads of the records, and of whom they are held against.

use std::collections::HashMap;

use diesel::insert_into;
use diesel::prelude::*;

use super::matching::{Given, Known, Verdict};
use super::records::Record;
use crate::conversations::{by_stranger, own_address};
use crate::db::schema::{
    accounts, conversations, identity_grades, pairings, patient_records, patients, record_values,
};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

/// The person behind a conversation, as they gave themselves.
pub struct Subject {
    /// The practice.
    pub practice_id: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Birth date, ISO 8601.
    pub birth_date: Option<String>,
    /// The proven number, E.164, unless the account was deleted.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether that is proven.
    pub email_is_proven: bool,
}

impl Subject {
    /// The same for the comparison.
    pub fn given(&self) -> Given<'_> {
        Given {
            given_name: &self.given_name,
            family_name: &self.family_name,
            birth_date: self.birth_date.as_deref(),
            phone: self.phone.as_deref(),
            email: self.email.as_deref(),
            email_is_proven: self.email_is_proven,
        }
    }
}

/// The grade of a conversation, as of the last look.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identity_grades)]
pub struct Grading {
    /// The conversation.
    pub conversation_id: String,
    /// The grade.
    pub grade: String,
    /// How many records could be meant.
    pub candidates: i32,
    /// When it was given.
    pub graded_at: Timestamp,
}

/// The grades of conversations.
pub fn gradings(conn: &mut Conn, conversation_ids: &[String]) -> Result<Vec<Grading>> {
    let rows = identity_grades::table.filter(identity_grades::conversation_id.eq_any(conversation_ids));
    Ok(rows.select(columns::<Grading>()).load(conn)?)
}

/// Open conversations about whose person nothing is decided.
pub fn undecided(conn: &mut Conn, practice_id: &str, after: &str, limit: i64) -> Result<Vec<String>> {
    let rows = conversations::table
        .filter(conversations::practice_id.eq(practice_id))
        .filter(conversations::to_verify.eq(true))
        .filter(conversations::id.gt(after));
    Ok(rows.order(conversations::id).limit(limit).select(conversations::id).load(conn)?)
}

/// The columns of a [`Subject`].
type Person =
    (String, String, String, Option<String>, Option<String>, Option<String>, Option<Timestamp>, bool);

fn person(found: Person) -> Subject {
    let (practice_id, given_name, family_name, birth_date, phone, email, proven_at, is_stranger) = found;
    let (email, email_is_proven) = own_address(email, proven_at.is_some(), is_stranger);
    Subject { practice_id, given_name, family_name, birth_date, phone, email, email_is_proven }
}

/// The person behind a conversation.
pub fn subject(conn: &mut Conn, conversation_id: &str) -> Result<Option<Subject>> {
    let row = conversations::table
        .inner_join(pairings::table.inner_join(patients::table).inner_join(accounts::table))
        .filter(conversations::id.eq(conversation_id));
    let found: Option<Person> = row
        .select((
            conversations::practice_id,
            patients::given_name,
            patients::family_name,
            patients::birth_date,
            accounts::phone,
            accounts::email,
            accounts::email_proven_at,
            by_stranger(),
        ))
        .first(conn)
        .optional()?;
    Ok(found.map(person))
}

/// Active records that have a person's number or address, or ever had; of each at most one more than `most`.
pub fn reached(conn: &mut Conn, subject: &Subject, most: i64) -> Result<Vec<String>> {
    let given = [("phone", &subject.phone), ("email", &subject.email)];
    let mut ids = Vec::new();
    for (kind, value) in given.into_iter().filter_map(|(kind, value)| Some((kind, value.as_ref()?))) {
        ids.extend(having(&subject.practice_id, kind, value).limit(most + 1).load::<String>(conn)?);
    }
    Ok(ids)
}

/// Active records of a birth date, up to `limit`.
pub fn born(conn: &mut Conn, practice_id: &str, day: &str, limit: i64) -> Result<Vec<String>> {
    Ok(having(practice_id, "birth_date", day).limit(limit).load(conn)?)
}

/// Ids of active records that have a value, or ever had, in their order.
#[diesel::dsl::auto_type(no_type_alias)]
fn having<'a>(practice_id: &'a str, kind: &'a str, value: &'a str) -> _ {
    record_values::table
        .inner_join(patient_records::table)
        .filter(record_values::practice_id.eq(practice_id))
        .filter(record_values::kind.eq(kind))
        .filter(record_values::value.eq(value))
        .filter(patient_records::active.eq(true))
        .order(record_values::record_id)
        .select(record_values::record_id)
}

/// What records say, and ever said.
pub fn known(conn: &mut Conn, ids: &[String]) -> Result<Vec<Known>> {
    let rows = record_values::table.filter(record_values::record_id.eq_any(ids));
    let order = (record_values::record_id, record_values::current.desc(), record_values::value);
    let rows: Vec<(String, String, String)> = rows
        .order(order)
        .select((record_values::record_id, record_values::kind, record_values::value))
        .load(conn)?;
    let mut found: HashMap<String, Known> = HashMap::new();
    for (record_id, kind, value) in rows {
        let known = found.entry(record_id.clone()).or_insert_with(|| Known { record_id, ..Known::default() });
        match kind.as_str() {
            "phone" => known.phones.push(value),
            "email" => known.emails.push(value),
            "birth_date" => known.birth_dates.push(value),
            _ => known
                .names
                .extend(value.split_once('\t').map(|(given, family)| (given.to_owned(), family.to_owned()))),
        }
    }
    Ok(found.into_values().collect())
}

/// Records by their ids, in that order.
pub fn records(conn: &mut Conn, ids: &[&str]) -> Result<Vec<Record>> {
    let rows = patient_records::table.filter(patient_records::id.eq_any(ids));
    let mut found: Vec<Record> = rows.select(columns::<Record>()).load(conn)?;
    found.sort_by_key(|record| ids.iter().position(|id| *id == record.id));
    Ok(found)
}

/// Keeps a conversation's grade, in place of an older one.
pub fn keep_grade(conn: &mut Conn, conversation_id: &str, verdict: &Verdict, now: Timestamp) -> Result<()> {
    let single = match verdict.candidates.as_slice() {
        [one] => Some(&one.record_id),
        _ => None,
    };
    let change = (
        identity_grades::grade.eq(verdict.grade.as_str()),
        identity_grades::candidates.eq(i32::try_from(verdict.candidates.len()).unwrap_or(i32::MAX)),
        identity_grades::record_id.eq(single),
        identity_grades::graded_at.eq(now),
    );
    let row = (identity_grades::conversation_id.eq(conversation_id), change);
    let upsert = insert_into(identity_grades::table)
        .values(row)
        .on_conflict(identity_grades::conversation_id)
        .do_update()
        .set(change);
    Both(upsert).execute(conn)?;
    Ok(())
}
