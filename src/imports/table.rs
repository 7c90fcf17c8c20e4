//! Rows of a comma-separated table.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::WINDOWS_1252;
use jiff::civil::Date;

use super::columns::{Column, Field};
use super::draft::{Draft, Note, Read};
use super::{Encoding, Options};

/// The rows of a chunk.
pub fn read(source: &[u8], options: &Options, today: Date) -> Vec<Read> {
    let mut reader = reader(options.delimiter).from_reader(source);
    let row = |row: csv::Result<ByteRecord>| match row {
        Ok(row) => record(&row, options, today),
        Err(_) => Read::refused(Note::new("row_unreadable", "", "This row cannot be read.")),
    };
    reader.byte_records().map(row).collect()
}

/// What the file is read with, its headings like any other row.
pub fn reader(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

fn record(row: &ByteRecord, options: &Options, today: Date) -> Read {
    let cells = Cells { is_utf_8: is_utf_8(row, options.encoding), row };
    let mut draft = Draft::new(options);
    let one = |field| options.columns.0.iter().find(|column| column.field == field);
    let cell = |field| one(field).map(|column| cells.at(column)).unwrap_or_default();
    draft.number(&cell(Field::Number));
    draft.name(&cell(Field::GivenName), &cell(Field::FamilyName));
    for column in &options.columns.0 {
        let text = cells.at(column);
        let (place, text) = (column.heading.as_str(), text.as_ref());
        match column.field {
            Field::BirthDate => draft.birth_date(place, text, today),
            Field::Phone => draft.phone(place, text, true),
            Field::Email => draft.email(place, text, true),
            Field::Active if is_gone(text) => draft.inactive(),
            Field::FormerName if !text.is_empty() => draft.former_name("", text),
            Field::FormerPhone => draft.phone(place, text, false),
            Field::FormerEmail => draft.email(place, text, false),
            _ => {}
        }
    }
    draft.finish("")
}

/// Without a word for it each row is read for itself: Windows-1252 with a letter beyond ASCII is next to never UTF-8.
fn is_utf_8(row: &ByteRecord, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Utf8 => true,
        Encoding::Windows1252 => false,
        Encoding::Detect => row.iter().all(|cell| std::str::from_utf8(cell).is_ok()),
    }
}

struct Cells<'a> {
    row: &'a ByteRecord,
    is_utf_8: bool,
}

impl<'a> Cells<'a> {
    fn at(&self, column: &Column) -> Cow<'a, str> {
        text(self.row.get(column.index).unwrap_or_default(), self.is_utf_8)
    }
}

/// A cell as text, without the white space around it.
pub fn text(cell: &[u8], is_utf_8: bool) -> Cow<'_, str> {
    let cell = cell.trim_ascii();
    match is_utf_8 {
        true => String::from_utf8_lossy(cell),
        false => WINDOWS_1252.decode_without_bom_handling(cell).0,
    }
}

fn is_gone(text: &str) -> bool {
    const GONE: [&str; 12] = [
        "0",
        "n",
        "no",
        "false",
        "inactive",
        "deceased",
        "discharged",
        "archived",
        "inactivo",
        "inactiva",
        "fallecido",
        "fallecida",
    ];
    GONE.contains(&text.to_lowercase().as_str())
}
