//! A record while it is being read: what of it can be used, and what of it cannot, and why.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Options;
use crate::identity::records::{Incoming, Kind};
use crate::kit::{Email, Phone};

/// Record numbers and names may have this many characters.
const MOST: usize = 200;

/// Something of a row that cannot be used. It quotes nothing of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is wrong, for machines.
    pub code: &'static str,
    /// Where: a column's heading or a field's path.
    pub place: String,
    /// What is wrong, for people.
    pub why: String,
}

impl Note {
    /// A note about a place.
    pub fn new(code: &'static str, place: &str, why: impl Into<String>) -> Self {
        Self { code, place: plain(place), why: why.into() }
    }
}

/// A row as it was read.
#[derive(Debug)]
pub struct Read {
    /// Its record number, as far as it has one.
    pub number: String,
    /// The record, or why it is none.
    pub record: Result<Incoming, Note>,
    /// What of it could not be used.
    pub notes: Vec<Note>,
    /// Whether it is about somebody, and nobody knows about whom.
    pub hides_somebody: bool,
}

impl Read {
    /// A row that cannot be read, but for its record number where that is not empty.
    pub fn unreadable(number: &str, note: Note) -> Self {
        let number: String = plain(number).chars().take(MOST).collect();
        Self { hides_somebody: number.is_empty(), number, record: Err(note), notes: Vec::new() }
    }

    /// A row that is about no patient.
    pub fn about_nobody(note: Note) -> Self {
        Self { number: String::new(), record: Err(note), notes: Vec::new(), hides_somebody: false }
    }
}

/// A record in the making.
pub struct Draft<'a> {
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
    /// Nothing yet.
    pub fn new(options: &'a Options) -> Self {
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

    /// The record number.
    pub fn number(&mut self, text: &str) {
        self.number = plain(text);
    }

    /// Both names.
    pub fn name(&mut self, given: &str, family: &str) {
        (self.given_name, self.family_name) = (plain(given), plain(family));
    }

    /// The rows behind this one may stand in it.
    pub fn torn(&mut self, place: &str) {
        let why = "The cell goes over several lines. Is a quotation mark not closed?";
        self.torn.get_or_insert_with(|| Note::new("quotation_open", place, why));
    }

    /// What can be told of the rest: of a row that is torn nothing, since it may be another row's.
    fn told(&mut self) -> Vec<Note> {
        if self.torn.is_some() { Vec::new() } else { std::mem::take(&mut self.notes) }
    }

    /// A name that was so once; what of it is empty is as it is now.
    pub fn former_name(&mut self, place: &str, given: &str, family: &str) {
        let or = |text: String, now: &str| if text.is_empty() { now.to_owned() } else { text };
        let (given, family) = (or(plain(given), &self.given_name), or(plain(family), &self.family_name));
        if is_long(&given) || is_long(&family) {
            self.note(Note::new("too_long", place, "A former name has up to 200 characters."));
        } else if !family.is_empty() && (&given, &family) != (&self.given_name, &self.family_name) {
            self.former.push((Kind::Name, format!("{given}\t{family}")));
        }
    }

    /// The practice has this patient no more.
    pub fn inactive(&mut self) {
        self.is_active = false;
    }

    /// A number; an empty text says that there is none.
    pub fn phone(&mut self, place: &str, text: &str, holds: bool) {
        let read = |text: &str| {
            let phone = Phone::parse(text, Some(&self.options.region));
            phone
                .map(|phone| phone.as_e164().to_owned())
                .map_err(|why| Note::new(why.code(), place, why.to_string()))
        };
        let read = (!text.is_empty()).then(|| read(text));
        self.put(Kind::Phone, read, holds);
    }

    /// An address; an empty text says that there is none.
    pub fn email(&mut self, place: &str, text: &str, holds: bool) {
        let read = |text: &str| {
            let email = Email::parse(text).map(|email| email.as_str().to_owned());
            email.ok_or_else(|| Note::new("email_invalid", place, "This is not an e-mail address."))
        };
        let read = (!text.is_empty()).then(|| read(text));
        self.put(Kind::Email, read, holds);
    }

    /// A birth date; an empty text says that there is none.
    pub fn birth_date(&mut self, place: &str, text: &str, today: Date) {
        let read = (!text.is_empty()).then(|| {
            let date = date(text, self.options.day_first, today);
            date.map(|date| date.to_string()).ok_or_else(|| {
                let order = if self.options.day_first { "31/05/1987" } else { "05/31/1987" };
                Note::new("birth_date_invalid", place, format!("Write it like 1987-05-31 or {order}."))
            })
        });
        self.put(Kind::BirthDate, read, true);
    }

    /// A resource may have a thousand numbers that are none: that is said once.
    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What cannot be read says nothing, so the record keeps what it has.
    fn put(&mut self, kind: Kind, read: Option<Result<String, Note>>, holds: bool) {
        match read {
            Some(Ok(value)) if holds => {
                let values = self.values.entry(kind).or_default();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Some(Ok(value)) => self.former.push((kind, value)),
            Some(Err(note)) => self.note(note),
            None if holds => drop(self.values.entry(kind).or_default()),
            None => {}
        }
    }

    /// The record, where it has what each needs.
    pub fn finish(mut self) -> Read {
        let fault = self.fault();
        // An unreadable value beside none that can be read must not pass for "there is none".
        for (kind, code) in [(Kind::Phone, "phone"), (Kind::Email, "email"), (Kind::BirthDate, "birth_date")]
        {
            if self.notes.iter().any(|note| note.code.starts_with(code)) {
                self.values.retain(|has, values| *has != kind || !values.is_empty());
            }
        }
        let hides_somebody = self.number.is_empty() || is_long(&self.number) || self.torn.is_some();
        let number = self.number.chars().take(MOST).collect();
        let notes = self.told();
        let record = Incoming {
            number: self.number,
            given_name: self.given_name,
            family_name: self.family_name,
            values: self.values,
            former: self.former,
            is_active: self.is_active,
        };
        Read { number, record: fault.map_or(Ok(record), Err), notes, hides_somebody }
    }

    /// Why it is no record.
    fn fault(&self) -> Option<Note> {
        let texts = [&self.number, &self.given_name, &self.family_name];
        let (code, why) = match texts.map(String::is_empty) {
            _ if self.torn.is_some() => return self.torn.clone(),
            [true, ..] => ("number_missing", "Each row needs a record number."),
            [_, true, _] | [_, _, true] => ("name_missing", "Each row needs a given name and a family name."),
            _ if texts.into_iter().any(|text| is_long(text)) => {
                ("too_long", "Record numbers and names have up to 200 characters.")
            }
            _ => return None,
        };
        Some(Note::new(code, "", why))
    }
}

fn is_long(text: &str) -> bool {
    text.chars().count() > MOST
}

/// On one line, without what no name has: control characters, U+0000 among them.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A day as people and their programs write it. A year of two digits is nobody's birth date: which century?
fn date(text: &str, day_first: bool, today: Date) -> Option<Date> {
    // "1987-05-31 00:00:00" and "1987-05-31T00:00:00" come from databases.
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
