//! A file that was handed in, looked through once before anything is kept: can it be read, what do its columns hold,
//! how many rows are there, and where can it be cut?

use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::{fmt, fs::File};

use csv::ByteRecord;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::columns::Columns;
use super::{Asked, Encoding, Format, Options, Refusal, table};

/// Rows of a chunk: what one transaction takes on, so that a sign-up waits for no more than that.
const CHUNK_ROWS: i64 = 500;
/// Bytes of a chunk, whichever comes first.
const CHUNK_BYTES: u64 = 1024 * 1024;
/// A row of a table that is longer was not meant to be one: a quotation mark is open.
const ROW_BYTES: u64 = 64 * 1024;

/// A part of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    /// Where it begins.
    pub start: u64,
    /// How many bytes it has.
    pub length: u64,
    /// The number of its first row, from 1.
    pub first_row: i64,
    /// How many rows it has.
    pub rows: i64,
}

/// What is known of a file that can be read.
pub struct Survey {
    /// What it is.
    pub format: Format,
    /// How its rows are read.
    pub options: Options,
    /// How many there are.
    pub rows: i64,
    pieces: Vec<Piece>,
    file: File,
}

impl Survey {
    /// Looks through `file`; `scratch` is an empty one, for what must be written anew.
    pub fn of(mut file: File, scratch: File, asked: Asked) -> Result<Self, Refusal> {
        file.seek(SeekFrom::Start(0))?;
        let Asked { format, mut options, said, .. } = asked;
        if is_utf_16(&mut file)? {
            return Err(Refusal::file("encoding_unknown", "Save the file as UTF-8, or as Windows-1252."));
        }
        let (file, pieces) = match format {
            Format::Csv => {
                let (columns, pieces) = table_pieces(&file, &mut options, &said)?;
                options.columns = columns;
                (file, pieces)
            }
            Format::Ndjson => (file.try_clone()?, line_pieces(&file)?),
            Format::Bundle => {
                let lines = unbundled(&file, scratch)?;
                (lines.try_clone()?, line_pieces(&lines)?)
            }
        };
        let rows = pieces.iter().map(|piece| piece.rows).sum();
        if rows == 0 {
            return Err(Refusal::file("no_rows", "The file has no record in it."));
        }
        Ok(Self { format, options, rows, pieces, file })
    }

    /// The chunks with their bytes, one after the other.
    pub fn chunks(&mut self) -> impl Iterator<Item = io::Result<(Piece, Vec<u8>)>> {
        let file = &mut self.file;
        self.pieces.iter().map(move |piece| {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(piece.start))?;
            file.take(piece.length).read_to_end(&mut bytes)?;
            Ok((*piece, bytes))
        })
    }
}

fn is_utf_16(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(2).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head == [0xff, 0xfe] || head == [0xfe, 0xff])
}

/// Cuts rows that come one after the other into pieces.
#[derive(Default)]
struct Cutter {
    pieces: Vec<Piece>,
    open: Piece,
}

impl Cutter {
    fn row(&mut self, start: u64, end: u64) {
        if self.open.rows == 0 {
            self.open.start = start;
            self.open.first_row = self.pieces.last().map_or(1, |piece| piece.first_row + piece.rows);
        }
        self.open.rows += 1;
        self.open.length = end - self.open.start;
        if self.open.rows == CHUNK_ROWS || self.open.length >= CHUNK_BYTES {
            self.pieces.push(std::mem::take(&mut self.open));
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        if self.open.rows > 0 {
            self.pieces.push(self.open);
        }
        self.pieces
    }
}

type Said = [(super::Field, String)];

fn table_pieces(file: &File, options: &mut Options, said: &Said) -> Result<(Columns, Vec<Piece>), Refusal> {
    if options.delimiter == 0 {
        options.delimiter = delimiter(file)?;
    }
    let mut reader = table::reader(options.delimiter).from_reader(BufReader::new(file));
    let mut row = ByteRecord::new();
    reader.read_byte_record(&mut row).map_err(|_| unreadable())?;
    let columns = columns(&row, options.encoding, said)?;
    let mut cutter = Cutter::default();
    loop {
        let start = reader.position().byte();
        if !reader.read_byte_record(&mut row).map_err(|_| unreadable())? {
            return Ok((columns, cutter.finish()));
        }
        let end = reader.position().byte();
        if end - start > ROW_BYTES {
            let line = row.position().map_or(0, csv::Position::line);
            let detail = format!("The row at line {line} does not end: a quotation mark is open there.");
            return Err(Refusal::file("row_too_long", detail));
        }
        cutter.row(start, end);
    }
}

fn unreadable() -> Refusal {
    Refusal::file("file_unreadable", "The file cannot be read as comma-separated values.")
}

/// What parts the headings most often.
fn delimiter(mut file: &File) -> io::Result<u8> {
    let mut head = Vec::new();
    file.take(ROW_BYTES).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let line =
        head.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let count = |one: u8| line.matches(char::from(one)).count();
    Ok([b'|', b'\t', b';', b','].into_iter().max_by_key(|one| count(*one)).unwrap_or(b','))
}

fn columns(row: &ByteRecord, encoding: Encoding, said: &Said) -> Result<Columns, Refusal> {
    let is_utf_8 = match encoding {
        Encoding::Detect => row.iter().all(|cell| std::str::from_utf8(cell).is_ok()),
        encoding => encoding == Encoding::Utf8,
    };
    let heading =
        |cell| table::text(cell, is_utf_8).trim_start_matches('\u{feff}').chars().take(100).collect();
    let headings: Vec<String> = row.iter().map(heading).collect();
    let found = || headings.iter().take(50).map(|one| format!("“{one}”")).collect::<Vec<_>>().join(", ");
    let columns = Columns::of(&headings, said).map_err(|none| {
        let detail = format!("No column has that heading. There are: {}.", found());
        Refusal::Columns { missing: vec![none.field], detail }
    })?;
    let missing = columns.missing();
    if missing.is_empty() {
        return Ok(columns);
    }
    let words: Vec<_> = missing.iter().map(|field| field.as_str()).collect();
    let detail = format!("No column was found for {}. There are: {}.", words.join(", "), found());
    Err(Refusal::Columns { missing, detail })
}

/// A resource a line.
fn line_pieces(file: &File) -> Result<Vec<Piece>, Refusal> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    reader.seek(SeekFrom::Start(0))?;
    let (mut cutter, mut at, mut line) = (Cutter::default(), 0, Vec::new());
    loop {
        line.clear();
        // What has no line break for that long is no resource a line.
        let length =
            io::BufRead::read_until(&mut reader.by_ref().take(CHUNK_BYTES), b'\n', &mut line)? as u64;
        if length == 0 {
            return Ok(cutter.finish());
        }
        if length == CHUNK_BYTES && line.last() != Some(&b'\n') {
            return Err(Refusal::file(
                "row_too_long",
                "A line has more than 1 MiB. Send one resource a line.",
            ));
        }
        if !line.trim_ascii().is_empty() {
            cutter.row(at, at + length);
        }
        at += length;
    }
}

/// The resources of a Bundle, one a line. One at a time is held, however long the Bundle is.
fn unbundled(file: &File, scratch: File) -> Result<File, Refusal> {
    let mut lines = Lines { out: BufWriter::new(scratch), failed: None };
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let read = json.deserialize_map(Bundle(&mut lines)).and_then(|kind| json.end().map(|()| kind));
    if let Some(error) = lines.failed.take() {
        return Err(error.into());
    }
    let kind = read.map_err(|error| {
        let detail = format!("The Bundle is no JSON at line {}, column {}.", error.line(), error.column());
        Refusal::file("file_unreadable", detail)
    })?;
    if kind.as_deref() != Some("Bundle") {
        return Err(Refusal::file(
            "not_a_bundle",
            "Send a FHIR R4 Bundle, or one resource a line as NDJSON.",
        ));
    }
    lines.out.into_inner().map_err(|error| error.into_error().into())
}

struct Lines {
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Lines {
    fn write(&mut self, value: &Value) {
        if let Err(error) = writeln!(self.out, "{value}") {
            self.failed.get_or_insert(error);
        }
    }
}

/// A Bundle; what is read of it is its `resourceType`.
struct Bundle<'a>(&'a mut Lines);

impl<'de> Visitor<'de> for Bundle<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Bundle")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut kind = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resourceType" => kind = map.next_value()?,
                "entry" => map.next_value_seed(Entries(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(kind)
    }
}

/// Its entries.
struct Entries<'a>(&'a mut Lines);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(entry) = seq.next_element::<Entry>()? {
            self.0.write(&entry.resource);
        }
        Ok(())
    }
}

/// One of them; `null` where it has no resource, which is told in its row.
struct Entry {
    resource: Value,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let resource = match Value::deserialize(json)? {
            Value::Object(mut entry) => entry.remove("resource").unwrap_or_default(),
            _ => Value::Null,
        };
        Ok(Self { resource })
    }
}
