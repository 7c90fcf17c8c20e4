//! The practice's patient records as imported: upserted by record number, and never deleted.
//!
//! A record holds the latest values the practice sent. Earlier values are kept as former values, and they
//! count in a comparison: a patient who changed their phone number last year is still the same person.

pub mod store;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use store::{After, Entry, Kept, Record};

use crate::kit::ids::{ImportId, PracticeId, RecordId};
use crate::kit::names;
use crate::kit::{Email, Phone, Timestamp};
use crate::platform::db;
use crate::platform::tx::Tx;
use store::{Row, Saying};

/// The kind of a record's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A phone number, E.164.
    Phone,
    /// An e-mail address in lower case.
    Email,
    /// Given and family name, separated by a tab.
    Name,
    /// An ISO 8601 date.
    BirthDate,
}

impl Kind {
    /// The name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Name => "name",
            Self::BirthDate => "birth_date",
        }
    }
}

/// A record as the practice sends it, each value normalized for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
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

impl Incoming {
    fn name(&self) -> String {
        format!("{}\t{}", self.given_name, self.family_name)
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
pub fn put(
    tx: &mut Tx,
    practice_id: &PracticeId,
    import_id: &ImportId,
    incoming: &[&Incoming],
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
    store::put_rows(tx.conn, &batch.rows)?;
    store::put_values(tx.conn, practice_id, &batch.values)?;
    store::mark(tx.conn, practice_id, &same, import_id)?;
    Ok(outcomes)
}

/// Marks records as named by an import whose row could not be read.
pub fn mark(tx: &mut Tx, practice_id: &PracticeId, numbers: &[&str], import_id: &ImportId) -> db::Result<()> {
    store::mark(tx.conn, practice_id, numbers, import_id).map(drop)
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

type Known = HashMap<String, (Row, Vec<Saying>)>;

fn known(tx: &mut Tx, practice_id: &PracticeId, numbers: &[&str]) -> db::Result<Known> {
    let rows = store::by_number(tx.conn, practice_id, numbers)?;
    let ids: Vec<&RecordId> = rows.iter().map(|row| &row.id).collect();
    let mut values: HashMap<RecordId, Vec<Saying>> = HashMap::new();
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
    values: Vec<Saying>,
}

impl Batch<'_> {
    fn create(&mut self, id: RecordId, record: &Incoming) -> Outcome {
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

    fn change(&mut self, row: &Row, values: &[Saying], record: &Incoming) -> Outcome {
        let values = self.values_of(&row.id, values, record);
        let after = self.row_of(row.clone(), record);
        if values.is_empty() && after.says_the_same(row) {
            return Outcome::Unchanged;
        }
        self.values.extend(values);
        self.rows.push(after);
        Outcome::Changed
    }

    fn row_of(&self, mut row: Row, record: &Incoming) -> Row {
        let first = |kind, kept: Option<String>| match record.values.get(&kind) {
            Some(said) => said.first().cloned(),
            None => kept,
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
    fn values_of(&self, record_id: &RecordId, known: &[Saying], record: &Incoming) -> Vec<Saying> {
        let name = [record.name()];
        let mut said: BTreeMap<Kind, &[String]> =
            record.values.iter().map(|(kind, values)| (*kind, values.as_slice())).collect();
        said.insert(Kind::Name, &name);
        let mut found: BTreeMap<(Kind, &str), bool> = BTreeMap::new();
        for (kind, value) in &record.former {
            found.insert((*kind, value), false);
        }
        for (kind, values) in &said {
            found.extend(values.iter().map(|value| ((*kind, value.as_str()), true)));
        }
        for value in known {
            let kind = value.kind();
            let holds_no_more = value.current && said.contains_key(&kind);
            match found.get(&(kind, value.value.as_str())) {
                None if holds_no_more => drop(found.insert((kind, &value.value), false)),
                Some(current) if *current == value.current => {
                    found.remove(&(kind, value.value.as_str()));
                }
                _ => {}
            }
        }
        let value = |((kind, value), current): ((Kind, &str), bool)| Saying {
            record_id: record_id.to_owned(),
            kind: kind.as_str().to_owned(),
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
    practice_id: &PracticeId,
    query: &str,
    region: &str,
    after: Option<&After>,
    limit: i64,
) -> db::Result<Vec<Entry>> {
    if let Some(email) = Email::parse(query) {
        return store::having(tx.conn, practice_id, Kind::Email, email.as_str(), after, limit);
    }
    if let Ok(phone) = Phone::parse(query, Some(region)) {
        return store::having(tx.conn, practice_id, Kind::Phone, phone.as_e164(), after, limit);
    }
    store::list(tx.conn, practice_id, &names::search_words(query), after, limit)
}

/// One record with its current and former values.
pub fn find(tx: &mut Tx, practice_id: &PracticeId, id: &RecordId) -> db::Result<Option<(Entry, Vec<Kept>)>> {
    let Some(entry) = store::find(tx.conn, practice_id, id)? else { return Ok(None) };
    Ok(Some((entry, store::kept(tx.conn, id)?)))
}
