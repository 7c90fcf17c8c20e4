//! The practice's patient records as imported: upserted by record number, and never deleted.
//!
//! A record holds the latest values the practice sent. Earlier values are kept as former values, and they
//! count in a comparison: a patient who changed their phone number last year is still the same person.

mod store;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use store::{Cursor, ListedRecord, Record, RecordValue};

use crate::domain::staff::Staff;
use crate::kit::{Email, ImportId, Phone, PracticeId, RecordId, Timestamp, names};
use crate::platform::{Tx, db};
use store::Row;

crate::text_enum! {
    /// The kind of a record's value.
    #[schema(as = RecordValueKind)]
    pub enum Kind {
        /// A phone number, E.164.
        Phone = "phone",
        /// An e-mail address in lower case.
        Email = "email",
        /// Given and family name. They are stored with a tab between them.
        Name = "name",
        /// An ISO 8601 date.
        BirthDate = "birth_date",
    }
}

/// Between given and family name in a stored value of [`Kind::Name`].
pub const NAME_SEPARATOR: char = '\t';

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("record not found")]
    NotFound,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A record as the practice sends it, each value normalized for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingRecord {
    /// The practice's own record number.
    pub number: String,
    pub given_name: String,
    pub family_name: String,
    /// Birth date, phone numbers and e-mail addresses, preferred value first. If a kind is missing, the
    /// record keeps what it has; if it is present but empty, the record has none.
    pub values: BTreeMap<Kind, Vec<String>>,
    /// Former values of the record.
    pub former: Vec<(Kind, String)>,
    /// Whether the practice still has this patient.
    pub is_active: bool,
}

impl IncomingRecord {
    fn name(&self) -> String {
        format!("{}{NAME_SEPARATOR}{}", self.given_name, self.family_name)
    }

    /// All values with `name`, and whether each is current.
    fn all_values<'a>(&'a self, name: &'a str) -> BTreeMap<(Kind, &'a str), bool> {
        let former = self.former.iter().map(|(kind, value)| ((*kind, value.as_str()), false));
        let current = self
            .values
            .iter()
            .flat_map(|(kind, values)| values.iter().map(|value| ((*kind, value.as_str()), true)));
        former.chain(current).chain([((Kind::Name, name), true)]).collect()
    }

    /// Whether the record gives all its current values of a kind.
    fn lists(&self, kind: Kind) -> bool {
        kind == Kind::Name || self.values.contains_key(&kind)
    }
}

/// The result of writing a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The record is new.
    Created,
    /// The record has other values than before.
    Changed,
    /// The record has the same values as before.
    Unchanged,
    /// An earlier row of the same import has this number; that row was kept.
    Duplicate,
}

/// Upserts records by their numbers and returns the result of each, in order. Writing the same rows twice
/// changes nothing the second time. A practice runs one import at a time.
pub fn upsert(
    tx: &mut Tx,
    practice_id: &PracticeId,
    import_id: &ImportId,
    incoming: &[&IncomingRecord],
) -> db::Result<Vec<Outcome>> {
    let numbers: Vec<&str> = incoming.iter().map(|record| record.number.as_str()).collect();
    let known = known(tx, practice_id, &numbers)?;
    let mut batch = Batch { import_id, practice_id, now: tx.now, rows: Vec::new(), values: Vec::new() };
    let mut seen = HashSet::new();
    let mut same = Vec::new();
    let mut outcomes = Vec::with_capacity(incoming.len());
    for record in incoming {
        let before = known.get(&record.number);
        let was_named = before.is_some_and(|(row, _)| row.import_id.as_ref() == Some(import_id));
        let outcome = match (before, !seen.insert(&record.number) || was_named) {
            (_, true) => Outcome::Duplicate,
            (None, _) => batch.create(tx.id(), record),
            (Some((row, values)), _) => batch.change(row, values, record),
        };
        if outcome == Outcome::Unchanged {
            same.push(record.number.as_str());
        }
        outcomes.push(outcome);
    }
    store::upsert_rows(tx.conn, &batch.rows)?;
    store::upsert_values(tx.conn, practice_id, &batch.values)?;
    store::mark_named(tx.conn, practice_id, &same, import_id)?;
    Ok(outcomes)
}

/// Marks records as named by an import whose row could not be read.
pub fn mark_named(
    tx: &mut Tx,
    practice_id: &PracticeId,
    numbers: &[&str],
    import_id: &ImportId,
) -> db::Result<()> {
    store::mark_named(tx.conn, practice_id, numbers, import_id).map(drop)
}

/// Makes up to `limit` active records inactive that this import did not name, and returns their count.
pub fn retire_unnamed(
    tx: &mut Tx,
    practice_id: &PracticeId,
    import_id: &ImportId,
    limit: i64,
) -> db::Result<usize> {
    store::retire_unnamed(tx.conn, practice_id, import_id, limit, tx.now)
}

/// Maximum length of a folded name in the search key; the name as written has up to 200 characters.
const MOST_FOLDED: usize = 600;

type Known = HashMap<String, (Row, Vec<RecordValue>)>;

fn known(tx: &mut Tx, practice_id: &PracticeId, numbers: &[&str]) -> db::Result<Known> {
    let rows = store::by_number(tx.conn, practice_id, numbers)?;
    let ids: Vec<&RecordId> = rows.iter().map(|row| &row.id).collect();
    let mut values: HashMap<RecordId, Vec<RecordValue>> = HashMap::new();
    for value in store::values(tx.conn, &ids)? {
        values.entry(value.record_id.clone()).or_default().push(value);
    }
    let with_values = |row: Row| {
        let values = values.remove(&row.id).unwrap_or_default();
        (row.number.clone(), (row, values))
    };
    Ok(rows.into_iter().map(with_values).collect())
}

/// The writes of one round.
struct Batch<'a> {
    import_id: &'a ImportId,
    practice_id: &'a PracticeId,
    now: Timestamp,
    rows: Vec<Row>,
    values: Vec<RecordValue>,
}

impl Batch<'_> {
    fn create(&mut self, id: RecordId, record: &IncomingRecord) -> Outcome {
        let row = Row {
            id,
            practice_id: self.practice_id.to_owned(),
            number: record.number.clone(),
            given_name: String::new(),
            family_name: String::new(),
            birth_date: None,
            phone: None,
            email: None,
            active: true,
            created_at: self.now,
            changed_at: self.now,
            import_id: None,
            search: String::new(),
        };
        self.values.extend(self.values_of(&row.id, &[], record));
        self.rows.push(self.row_of(row, record));
        Outcome::Created
    }

    fn change(&mut self, row: &Row, values: &[RecordValue], record: &IncomingRecord) -> Outcome {
        let values = self.values_of(&row.id, values, record);
        let after = self.row_of(row.clone(), record);
        if values.is_empty() && after.has_same_values(row) {
            return Outcome::Unchanged;
        }
        self.values.extend(values);
        self.rows.push(after);
        Outcome::Changed
    }

    fn row_of(&self, mut row: Row, record: &IncomingRecord) -> Row {
        let first = |kind, stored: Option<String>| match record.values.get(&kind) {
            Some(given) => given.first().cloned(),
            None => stored,
        };
        row.birth_date = first(Kind::BirthDate, row.birth_date);
        row.phone = first(Kind::Phone, row.phone);
        row.email = first(Kind::Email, row.email);
        row.given_name.clone_from(&record.given_name);
        row.family_name.clone_from(&record.family_name);
        row.active = record.is_active;
        row.search = search_key(&[&row.family_name, &row.given_name, &row.number]);
        row.import_id = Some(self.import_id.to_owned());
        row.changed_at = self.now;
        row
    }

    /// The values that are new, current again, or no longer current.
    fn values_of(
        &self,
        record_id: &RecordId,
        known: &[RecordValue],
        record: &IncomingRecord,
    ) -> Vec<RecordValue> {
        let name = record.name();
        let mut found = record.all_values(&name);
        for RecordValue { kind, value, current: was_current, .. } in known {
            let key = (*kind, value.as_str());
            match found.get(&key) {
                None if *was_current && record.lists(*kind) => drop(found.insert(key, false)),
                Some(current) if current == was_current => drop(found.remove(&key)),
                _ => {}
            }
        }
        let value = |((kind, value), current): ((Kind, &str), bool)| RecordValue {
            record_id: record_id.to_owned(),
            kind,
            value: value.to_owned(),
            current,
            since: self.now,
        };
        found.into_iter().map(value).collect()
    }
}

/// The words of a search key, each after a space.
fn search_key(texts: &[&str]) -> String {
    texts.iter().map(|text| folded(text)).collect()
}

/// Truncated, since one character may fold to a phrase, and PostgreSQL rejects index keys over 2,704 bytes.
fn folded(text: &str) -> String {
    let words = names::search_words(text).into_iter().fold(String::new(), |key, word| key + " " + &word);
    words.chars().take(MOST_FOLDED).collect()
}

/// Up to `limit` records by name, after the cursor. `query` may be an e-mail address or phone number that a
/// record has or had, or else beginnings of names and record number; an empty query lists all records.
pub fn list(
    tx: &mut Tx,
    who: &Staff,
    query: &str,
    after: Option<&Cursor>,
    limit: i64,
) -> db::Result<Vec<ListedRecord>> {
    let (practice_id, query) = (&who.practice_id, query.trim());
    if let Some(email) = Email::parse(query) {
        return store::having(tx.conn, practice_id, Kind::Email, email.as_str(), after, limit);
    }
    if let Ok(phone) = Phone::parse(query, Some(&tx.settings.verification.default_region)) {
        return store::having(tx.conn, practice_id, Kind::Phone, phone.as_e164(), after, limit);
    }
    store::list(tx.conn, practice_id, &names::search_words(query), after, limit)
}

/// One record with its current and former values, for people to read.
pub fn find(tx: &mut Tx, who: &Staff, id: &RecordId) -> Result<(ListedRecord, Vec<RecordValue>), Error> {
    let record = store::find(tx.conn, &who.practice_id, id)?.ok_or(Error::NotFound)?;
    let mut values = store::values_in_order(tx.conn, id)?;
    for value in &mut values {
        value.value = value.value.replace(NAME_SEPARATOR, " ");
    }
    Ok((record, values))
}
