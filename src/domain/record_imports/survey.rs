//! Surveys an uploaded file once before anything is stored: can it be read, which fields do its columns hold,
//! how many rows are there, and where can it be cut?

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use csv::ByteRecord;

use super::columns::Columns;
use super::options::{Encoding, Format, ImportRequest, Mapping, Options};
use super::pieces::{Cutter, Piece};
use super::{Error, resources, table};

/// Maximum length of a table row. A longer one is a mistake: a quotation mark is open.
const ROW_BYTES: u64 = 64 * 1024;

/// Result of surveying a readable file.
pub struct Survey {
    pub format: Format,
    pub options: Options,
    pub rows: i64,
    pieces: Vec<Piece>,
    file: File,
}

impl Survey {
    /// Surveys `file`; `scratch` is an empty file for rewritten content.
    pub fn of(mut file: File, scratch: File, request: ImportRequest) -> Result<Self, Error> {
        file.seek(SeekFrom::Start(0))?;
        let ImportRequest { format, mut options, mapping } = request;
        if is_utf_16(&mut file)? {
            return Err(Error::file("encoding_unknown", "Save the file as UTF-8 or Windows-1252."));
        }
        let (file, pieces) = match format {
            Format::Csv => {
                let (columns, pieces) = table_pieces(&file, &mut options, &mapping)?;
                options.columns = columns;
                (file, pieces)
            }
            Format::Ndjson => resources::of_lines(&file, scratch)?,
            Format::Bundle => resources::of_bundle(&file, scratch)?,
        };
        let rows = pieces.iter().map(|piece| piece.rows).sum();
        if rows == 0 {
            return Err(Error::file("no_rows", "The file has no records."));
        }
        Ok(Self { format, options, rows, pieces, file })
    }

    /// The chunks with their bytes, in order.
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

fn table_pieces(
    file: &File,
    options: &mut Options,
    mapping: &Mapping,
) -> Result<(Columns, Vec<Piece>), Error> {
    if options.delimiter == 0 {
        options.delimiter = delimiter(file)?;
    }
    let mut reader = table::reader(options.delimiter).from_reader(BufReader::new(file));
    let mut row = ByteRecord::new();
    reader.read_byte_record(&mut row).map_err(|_| unreadable())?;
    let mut start = row_end(0, &reader, &row)?;
    let columns = columns(&row, options.encoding, mapping)?;
    let mut cutter = Cutter::default();
    while reader.read_byte_record(&mut row).map_err(|_| unreadable())? {
        let end = row_end(start, &reader, &row)?;
        cutter.row(start, end);
        start = end;
    }
    Ok((columns, cutter.finish()))
}

/// End of the row that was just read.
fn row_end<R: io::Read>(start: u64, reader: &csv::Reader<R>, row: &ByteRecord) -> Result<u64, Error> {
    let end = reader.position().byte();
    if end - start <= ROW_BYTES {
        return Ok(end);
    }
    let line = row.position().map_or(0, csv::Position::line);
    let detail = format!("The row at line {line} does not end: a closing quotation mark is missing.");
    Err(Error::file("row_too_long", detail))
}

fn unreadable() -> Error {
    Error::file("file_unreadable", "The file cannot be read as comma-separated values.")
}

/// The most frequent delimiter in the headings.
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

fn columns(row: &ByteRecord, encoding: Encoding, mapping: &Mapping) -> Result<Columns, Error> {
    let is_utf_8 = match encoding {
        Encoding::Detect => row.iter().all(|cell| std::str::from_utf8(cell).is_ok()),
        encoding => encoding == Encoding::Utf8,
    };
    let heading =
        |cell| table::text(cell, is_utf_8).trim_start_matches('\u{feff}').chars().take(100).collect();
    let headings: Vec<String> = row.iter().map(heading).collect();
    let found = || headings.iter().take(50).map(|one| format!("“{one}”")).collect::<Vec<_>>().join(", ");
    let columns = Columns::of(&headings, mapping).map_err(|none| {
        let detail = format!("No column has that heading. Columns in the file: {}.", found());
        Error::Columns { missing: vec![none.field], detail }
    })?;
    let missing = columns.missing();
    if missing.is_empty() {
        return Ok(columns);
    }
    let words: Vec<_> = missing.iter().map(|field| field.as_str()).collect();
    let detail = format!("No column was found for {}. Columns in the file: {}.", words.join(", "), found());
    Err(Error::Columns { missing, detail })
}
