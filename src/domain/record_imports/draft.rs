//! A record while a row is parsed: which of its values can be used, which cannot, and why.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::options::Options;
use crate::domain::records::{IncomingRecord, Kind, NAME_SEPARATOR};
use crate::kit::{Email, Phone};

/// Maximum length of record numbers and names in characters.
const MOST: usize = 200;

/// A value of a row that cannot be used. The note quotes nothing from the row, which is patient data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Machine-readable code, as in the results.
    pub code: &'static str,
    /// A column's heading or a field's path.
    pub place: String,
    pub why: String,
}

impl Note {
    pub(super) fn new(code: &'static str, place: &str, why: impl Into<String>) -> Self {
        Self { code, place: plain(place), why: why.into() }
    }
}

/// The result of parsing a row.
#[derive(Debug)]
pub(super) struct ParsedRow {
    /// The record number, or empty if it is unknown.
    pub number: String,
    /// The record, or why the row was refused.
    pub record: Result<IncomingRecord, Note>,
    /// Values of the row that were ignored.
    pub notes: Vec<Note>,
    /// Whether the row is about a patient, but it is unknown which one.
    pub is_unidentified: bool,
}

impl ParsedRow {
    /// A row that cannot be parsed, except for its record number if that is not empty.
    pub(super) fn unreadable(number: &str, note: Note) -> Self {
        let number: String = plain(number).chars().take(MOST).collect();
        Self { is_unidentified: number.is_empty(), number, record: Err(note), notes: Vec::new() }
    }

    /// A row that is not about a patient.
    pub(super) fn not_a_patient(note: Note) -> Self {
        Self { number: String::new(), record: Err(note), notes: Vec::new(), is_unidentified: false }
    }
}

/// A record that is being built.
pub(super) struct Draft<'a> {
    options: &'a Options,
    number: String,
    given_name: String,
    family_name: String,
    values: BTreeMap<Kind, Vec<String>>,
    former: Vec<(Kind, String)>,
    is_active: bool,
    torn: Option<Note>,
    notes: Vec<Note>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            number: String::new(),
            given_name: String::new(),
            family_name: String::new(),
            values: BTreeMap::new(),
            former: Vec::new(),
            is_active: true,
            torn: None,
            notes: Vec::new(),
        }
    }

    pub(super) fn number(&mut self, text: &str) {
        self.number = plain(text);
    }

    /// Sets given and family name.
    pub(super) fn name(&mut self, given: &str, family: &str) {
        (self.given_name, self.family_name) = (plain(given), plain(family));
    }

    /// Marks the row as torn: it may have swallowed the rows after it.
    pub(super) fn torn(&mut self, place: &str) {
        let why = "This cell spans several lines. Is a closing quotation mark missing?";
        self.torn.get_or_insert_with(|| Note::new("quotation_open", place, why));
    }

    /// Notes on the other values. A torn row has none, since its values may belong to another row.
    fn take_notes(&mut self) -> Vec<Note> {
        if self.torn.is_some() { Vec::new() } else { std::mem::take(&mut self.notes) }
    }

    /// Adds a former name; an empty part is the same as in the current name.
    pub(super) fn former_name(&mut self, place: &str, given: &str, family: &str) {
        let or = |text: String, now: &str| if text.is_empty() { now.to_owned() } else { text };
        let (given, family) = (or(plain(given), &self.given_name), or(plain(family), &self.family_name));
        if is_long(&given) || is_long(&family) {
            self.note(Note::new("too_long", place, "A former name can have up to 200 characters."));
        } else if !family.is_empty() && (&given, &family) != (&self.given_name, &self.family_name) {
            self.former.push((Kind::Name, format!("{given}{NAME_SEPARATOR}{family}")));
        }
    }

    /// Marks the record as inactive: the practice no longer has this patient.
    pub(super) fn inactive(&mut self) {
        self.is_active = false;
    }

    /// Adds a phone number; an empty text means that the patient has none.
    pub(super) fn phone(&mut self, place: &str, text: &str, is_current: bool) {
        let parse = |text: &str| {
            let phone = Phone::parse(text, Some(&self.options.region));
            phone
                .map(|phone| phone.as_e164().to_owned())
                .map_err(|why| Note::new(why.code(), place, why.to_string()))
        };
        let parsed = (!text.is_empty()).then(|| parse(text));
        self.put(Kind::Phone, parsed, is_current);
    }

    /// Adds an e-mail address; an empty text means that the patient has none.
    pub(super) fn email(&mut self, place: &str, text: &str, is_current: bool) {
        let parse = |text: &str| {
            let email = Email::parse(text).map(|email| email.as_str().to_owned());
            email.ok_or_else(|| Note::new("email_invalid", place, "This is not an e-mail address."))
        };
        let parsed = (!text.is_empty()).then(|| parse(text));
        self.put(Kind::Email, parsed, is_current);
    }

    /// Sets the birth date; an empty text means that the patient has none.
    pub(super) fn birth_date(&mut self, place: &str, text: &str, today: Date) {
        let parsed = (!text.is_empty()).then(|| {
            let date = date(text, self.options.day_first, today);
            date.map(|date| date.to_string()).ok_or_else(|| {
                let order = if self.options.day_first { "31/05/1987" } else { "05/31/1987" };
                Note::new("birth_date_invalid", place, format!("Write it like 1987-05-31 or {order}."))
            })
        });
        self.put(Kind::BirthDate, parsed, true);
    }

    /// Adds a note once: a resource may have a thousand invalid numbers.
    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds a value. An unreadable one says nothing, so the record keeps what it has.
    fn put(&mut self, kind: Kind, parsed: Option<Result<String, Note>>, is_current: bool) {
        match parsed {
            Some(Ok(value)) if is_current => {
                let values = self.values.entry(kind).or_default();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Some(Ok(value)) => self.former.push((kind, value)),
            Some(Err(note)) => self.note(note),
            None if is_current => drop(self.values.entry(kind).or_default()),
            None => {}
        }
    }

    /// Finishes the row: a record if all required fields are there.
    pub(super) fn finish(mut self) -> ParsedRow {
        let fault = self.fault();
        // An unreadable value without a readable one next to it must not be taken for "has none".
        for kind in [Kind::Phone, Kind::Email, Kind::BirthDate] {
            if self.notes.iter().any(|note| note.code.starts_with(kind.as_str())) {
                self.values.retain(|has, values| *has != kind || !values.is_empty());
            }
        }
        let is_unidentified = self.number.is_empty() || is_long(&self.number) || self.torn.is_some();
        let number = self.number.chars().take(MOST).collect();
        let notes = self.take_notes();
        let record = IncomingRecord {
            number: self.number,
            given_name: self.given_name,
            family_name: self.family_name,
            values: self.values,
            former: self.former,
            is_active: self.is_active,
        };
        ParsedRow { number, record: fault.map_or(Ok(record), Err), notes, is_unidentified }
    }

    /// Why the row is refused, if it is.
    fn fault(&self) -> Option<Note> {
        let texts = [&self.number, &self.given_name, &self.family_name];
        let (code, why) = match texts.map(String::is_empty) {
            _ if self.torn.is_some() => return self.torn.clone(),
            [true, ..] => ("number_missing", "Each row needs a record number."),
            [_, true, _] | [_, _, true] => ("name_missing", "Each row needs a given name and a family name."),
            _ if texts.into_iter().any(|text| is_long(text)) => {
                ("too_long", "Record numbers and names can have up to 200 characters.")
            }
            _ => return None,
        };
        Some(Note::new(code, "", why))
    }
}

fn is_long(text: &str) -> bool {
    text.chars().count() > MOST
}

/// Joins the text to one line without control characters, including U+0000, which no name has.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Parses a date as people and programs write it. A year of two digits is refused because
/// the century is unknown.
fn date(text: &str, day_first: bool, today: Date) -> Option<Date> {
    // Databases write "1987-05-31 00:00:00" and "1987-05-31T00:00:00".
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 => (*year, *month, *day),
        [day, month, year] if year.len() == 4 && day_first => (*year, *month, *day),
        [month, day, year] if year.len() == 4 => (*year, *month, *day),
        [whole] if whole.len() == 8 => (whole.get(..4)?, whole.get(4..6)?, whole.get(6..)?),
        _ => return None,
    };
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (date.year() >= 1850 && date <= today).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as day;

    #[test]
    fn days_are_read_as_practices_write_them() {
        let today = day(2026, 11, 25);
        for (text, day_first, read) in [
            ("1987-05-31", false, Some("1987-05-31")),
            ("05/31/1987", false, Some("1987-05-31")),
            ("5/31/1987", false, Some("1987-05-31")),
            ("31/05/1987", true, Some("1987-05-31")),
            ("31.05.1987", true, Some("1987-05-31")),
            ("19870531", false, Some("1987-05-31")),
            ("1987-05-31 00:00:00", false, Some("1987-05-31")),
            ("31/05/1987", false, None),
            ("05/31/87", false, None),
            ("1987-02-29", false, None),
            ("2031-01-01", false, None),
            ("1804-01-01", false, None),
            ("yesterday", false, None),
        ] {
            let found = date(text, day_first, today).map(|date| date.to_string());
            assert_eq!(found.as_deref(), read, "{text}");
        }
    }
}
