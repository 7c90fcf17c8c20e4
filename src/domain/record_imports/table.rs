//! Rows of a comma-separated table.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::WINDOWS_1252;
use jiff::civil::Date;

use super::columns::{Column, Field};
use super::draft::{Draft, Note, ParsedRow};
use super::options::{Encoding, Options};

/// Parses the rows of a chunk.
pub(super) fn parse(source: &[u8], options: &Options, today: Date) -> Vec<ParsedRow> {
    let mut reader = reader(options.delimiter).from_reader(source);
    let (mut row, mut start, mut rows) = (ByteRecord::new(), 0, Vec::new());
    // Reading bytes in memory, with rows of any length, cannot fail.
    while reader.read_byte_record(&mut row).unwrap_or(false) {
        let end = usize::try_from(reader.position().byte()).unwrap_or(source.len());
        let is_torn = is_torn(source.get(start..end).unwrap_or_default(), options.delimiter);
        rows.push(record(&row, is_torn, options, today));
        start = end;
    }
    rows
}

/// CSV reader of a file that treats headings like any other row.
pub(super) fn reader(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

fn record(row: &ByteRecord, is_torn: bool, options: &Options, today: Date) -> ParsedRow {
    if row.iter().all(|cell| cell.trim_ascii().is_empty()) {
        return ParsedRow::not_a_patient(Note::new("number_missing", "", "This row is empty."));
    }
    let cells = Cells { is_utf_8: is_utf_8(row, options.encoding), row };
    let mut draft = Draft::new(options);
    let one = |field| options.columns.0.iter().find(|column| column.field == field);
    let cell = |field| one(field).map(|column| cells.at(column)).unwrap_or_default();
    draft.number(Some(cell(Field::Number)).filter(|text| !has_break(text)).as_deref().unwrap_or_default());
    draft.name(&cell(Field::GivenName), &cell(Field::FamilyName));
    for column in &options.columns.0 {
        let text = cells.at(column);
        let (place, text) = (column.heading.as_str(), text.as_ref());
        if has_break(text) {
            draft.torn(place);
        }
        match column.field {
            Field::BirthDate => draft.birth_date(place, text, today),
            Field::Phone => draft.phone(place, text, true),
            Field::Email => draft.email(place, text, true),
            Field::Active if is_gone(text) => draft.inactive(),
            Field::FormerName if !text.is_empty() => draft.former_name(place, "", text),
            Field::FormerPhone => draft.phone(place, text, false),
            Field::FormerEmail => draft.email(place, text, false),
            _ => {}
        }
    }
    if is_torn {
        draft.torn("");
    }
    draft.finish()
}

/// No field that is read contains a line break: a quotation mark before it was never closed, and the text
/// after it belongs to another patient.
fn has_break(text: &str) -> bool {
    text.contains(['\r', '\n'])
}

/// Whether an open quotation mark, even in a cell that is not read, has swallowed rows. It ends at the next
/// quotation mark, which was meant to open a cell: so text follows it, or the file ends there. A properly
/// closed cell ends at a delimiter or with its row.
fn is_torn(row: &[u8], delimiter: u8) -> bool {
    let (mut place, mut has_break) = (Place::Start, false);
    for byte in row.trim_ascii() {
        place = match (place, byte) {
            (Place::Start | Place::Closed, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Closed,
            (Place::Quoted, byte) => {
                has_break |= matches!(byte, b'\r' | b'\n');
                Place::Quoted
            }
            (_, byte) if *byte == delimiter => {
                has_break = false;
                Place::Start
            }
            (Place::Closed, _) if has_break => return true,
            _ => Place::Plain,
        };
    }
    has_break && place == Place::Quoted
}

/// Position of a byte within a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// After a quotation mark that ends the cell, unless another follows.
    Closed,
}

/// Without a chosen encoding each row is checked separately: Windows-1252 text beyond ASCII is
/// almost never valid UTF-8.
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

/// A cell as text, trimmed.
pub(super) fn text(cell: &[u8], is_utf_8: bool) -> Cow<'_, str> {
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
