//! The practice's own patients, as it hands them in: put by record number, and never forgotten.
//!
//! A record says what the practice last said of somebody. What it said before stays beside it as historic values,
//! which count when a person is held against the record: who changed the number last year still is who they are.

mod store;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use store::{After, Entry, Kept, Record};

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::names;
use crate::kit::{Email, Phone, Timestamp};
use store::{Row, Saying};

/// What a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A number, E.164.
    Phone,
    /// An address, in lower case.
    Email,
    /// Given and family name, parted by a tab.
    Name,
    /// ISO 8601.
    BirthDate,
}

impl Kind {
    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Name => "name",
            Self::BirthDate => "birth_date",
        }
    }
}

/// A record as the practice hands it in, each value in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The practice's own record number.
    pub number: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Birth date, numbers and addresses, the one to use first. Of a kind that is not there nothing is said, and the
    /// record keeps what it has; of one that is there and empty it is said that there is none.
    pub values: BTreeMap<Kind, Vec<String>>,
    /// What was so once.
    pub former: Vec<(Kind, String)>,
    /// Whether the practice still has this patient.
    pub is_active: bool,
}

impl Incoming {
    fn name(&self) -> String {
        format!("{}\t{}", self.given_name, self.family_name)
    }
}

/// What became of a record that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It says something else than before.
    Changed,
    /// It says what it said before.
    Unchanged,
    /// The same import named this number before; that row stands.
    Duplicate,
}

/// Puts records, by their numbers; what became of each, in their order. Two rounds over the same rows change nothing
/// in the second. Of one practice one import runs at a time.
pub fn put(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    import_id: &str,
    incoming: &[&Incoming],
) -> db::Result<Vec<Outcome>> {
    let numbers: Vec<&str> = incoming.iter().map(|record| record.number.as_str()).collect();
    let known = known(conn, practice_id, &numbers)?;
    let mut batch = Batch { import_id, practice_id, now: ctx.now, rows: Vec::new(), values: Vec::new() };
    let mut seen = HashSet::new();
    let mut same = Vec::new();
    let mut outcomes = Vec::with_capacity(incoming.len());
    for record in incoming {
        let before = known.get(&record.number);
        let was_named = before.is_some_and(|(row, _)| row.import_id.as_deref() == Some(import_id));
        let outcome = match (before, !seen.insert(&record.number) || was_named) {
            (_, true) => Outcome::Duplicate,
            (None, _) => batch.create(ctx.id("rec"), record),
            (Some((row, values)), _) => batch.change(row, values, record),
        };
        if outcome == Outcome::Unchanged {
            same.push(record.number.as_str());
        }
        outcomes.push(outcome);
    }
    store::put_rows(conn, &batch.rows)?;
    store::put_values(conn, practice_id, &batch.values)?;
    store::mark(conn, practice_id, &same, import_id)?;
    Ok(outcomes)
}

/// Marks records as named by an import that could not read what it says of them.
pub fn mark(conn: &mut Conn, practice_id: &str, numbers: &[&str], import_id: &str) -> db::Result<()> {
    store::mark(conn, practice_id, numbers, import_id).map(drop)
}

/// Makes up to `limit` active records inactive that this import did not name; how many there were.
pub fn retire_unnamed(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    import_id: &str,
    limit: i64,
) -> db::Result<usize> {
    store::retire_unnamed(conn, practice_id, import_id, limit, ctx.now)
}

/// A name has so many folded letters at most where it is searched for; written out it has 200.
const MOST_FOLDED: usize = 600;

type Known = HashMap<String, (Row, Vec<Saying>)>;

fn known(conn: &mut Conn, practice_id: &str, numbers: &[&str]) -> db::Result<Known> {
    let rows = store::by_number(conn, practice_id, numbers)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut values: HashMap<String, Vec<Saying>> = HashMap::new();
    for value in store::values(conn, &ids)? {
        values.entry(value.record_id.clone()).or_default().push(value);
    }
    let with_values = |row: Row| {
        let values = values.remove(&row.id).unwrap_or_default();
        (row.number.clone(), (row, values))
    };
    Ok(rows.into_iter().map(with_values).collect())
}

/// What one round writes.
struct Batch<'a> {
    import_id: &'a str,
    practice_id: &'a str,
    now: Timestamp,
    rows: Vec<Row>,
    values: Vec<Saying>,
}

impl Batch<'_> {
    fn create(&mut self, id: String, record: &Incoming) -> Outcome {
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

    /// The values that are new, that hold again, and that hold no more.
    fn values_of(&self, record_id: &str, known: &[Saying], record: &Incoming) -> Vec<Saying> {
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

/// Words as a search compares them, each behind a space.
fn search_key(texts: &[&str]) -> String {
    texts.iter().map(|text| folded(text)).collect()
}

/// One character may fold to a phrase, and PostgreSQL puts no key of more than 2,704 bytes into an index.
fn folded(text: &str) -> String {
    let words = names::search_words(text).into_iter().fold(String::new(), |key, word| key + " " + &word);
    words.chars().take(MOST_FOLDED).collect()
}

/// Up to `limit` records by name, after the one that the list stopped at: those that `query` names by an e-mail
/// address or number that they have or had, or else by the beginnings of names and record number; all where it
/// is empty.
pub fn list(
    conn: &mut Conn,
    practice_id: &str,
    query: &str,
    region: &str,
    after: Option<&After>,
    limit: i64,
) -> db::Result<Vec<Entry>> {
    if let Some(email) = Email::parse(query) {
        return store::having(conn, practice_id, Kind::Email, email.as_str(), after, limit);
    }
    if let Ok(phone) = Phone::parse(query, Some(region)) {
        return store::having(conn, practice_id, Kind::Phone, phone.as_e164(), after, limit);
    }
    store::list(conn, practice_id, &names::search_words(query), after, limit)
}

/// One record, with everything that it ever said.
pub fn find(conn: &mut Conn, practice_id: &str, id: &str) -> db::Result<Option<(Entry, Vec<Kept>)>> {
    let Some(entry) = store::find(conn, practice_id, id)? else { return Ok(None) };
    Ok(Some((entry, store::kept(conn, id)?)))
}
