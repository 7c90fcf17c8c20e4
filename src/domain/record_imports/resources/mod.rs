//! Converts a file of FHIR resources, a Bundle or one resource per line, to lines that can
//! be cut into chunks.
//!
//! Only the members that are read are kept. A photo may be longer than everything else and is not needed, so
//! it is skipped without being held in memory. The rest of one resource has a limit, so that a file of any
//! shape takes little memory. A resource over the limit, or one that is not JSON, becomes a line that says
//! so, and no other resource is affected.
//!
//! `struson` 0.7 reads JSON piece by piece, too, and could skip members without serde. The recursion that
//! counts bytes and builds a value would be the same, written as loops; the visitors here are shorter.

mod pruned;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Value};

use super::Error;
use super::pieces::{Cutter, Piece};
use pruned::Pruned;

/// Maximum size of what is read of one resource, written without white space.
const MOST: usize = 1024 * 1024;
/// The same plus room for what a Bundle adds around a resource; the resulting line is measured exactly.
const ROOM: usize = MOST + 64;
/// Replaces a resource that is too long. No resource can be equal to it: anything that is not
/// an object becomes `null`.
pub(super) const TOO_LONG: &[u8] = b"\"too long\"";

/// Members of a Patient that are read.
const MEMBERS: [&str; 10] = [
    "resourceType",
    "id",
    "active",
    "identifier",
    "name",
    "telecom",
    "birthDate",
    "deceasedBoolean",
    "deceasedDateTime",
    "link",
];

/// Converts a file with one resource per line, and returns where it can be cut.
pub(super) fn of_lines(file: &File, scratch: File) -> Result<(File, Vec<Piece>), Error> {
    let mut reader = opened(file)?;
    let mut lines = Lines::new(scratch);
    while skip_blank(&mut reader)? {
        let mut line = Line(&mut reader);
        let resource = resource(&mut line)?;
        io::copy(&mut line, &mut io::sink())?;
        lines.write(resource)?;
    }
    lines.finish()
}

/// Parses the resource of a line; `None` if it is too long, `null` if it is not JSON.
fn resource(line: &mut impl Read) -> io::Result<Option<Value>> {
    let mut room = ROOM;
    let mut json = Deserializer::from_reader(line);
    let read = Pruned { wanted: &[&MEMBERS], room: &mut room }.deserialize(&mut json);
    match read.and_then(|value| json.end().map(|()| value)) {
        Ok(value) => Ok((room > 0).then_some(value)),
        Err(error) if error.is_io() => Err(error.into()),
        Err(_) => Ok(Some(Value::Null)),
    }
}

/// Converts the resources of a Bundle to lines, and returns where they can be cut.
pub(super) fn of_bundle(file: &File, scratch: File) -> Result<(File, Vec<Piece>), Error> {
    let mut reader = opened(file)?;
    skip_blank(&mut reader)?;
    let mut lines = Lines::new(scratch);
    let mut json = Deserializer::from_reader(reader);
    let read = json.deserialize_map(Bundle(&mut lines)).and_then(|kind| json.end().map(|()| kind));
    if let Some(error) = lines.failed.take() {
        return Err(error.into());
    }
    let kind = read.map_err(|error| {
        let detail = format!("Invalid JSON at line {}, column {}.", error.line(), error.column());
        Error::file("file_unreadable", detail)
    })?;
    if kind.as_deref() != Some("Bundle") {
        let detail = "Send a FHIR R4 Bundle, or one resource per line as NDJSON.";
        return Err(Error::file("not_a_bundle", detail));
    }
    lines.finish()
}

fn opened(mut file: &File) -> io::Result<BufReader<&File>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::with_capacity(64 * 1024, file))
}

/// Skips white space; `false` at the end of the file. A byte order mark counts as white space: there is one
/// at the head of a file, or wherever a second file was appended.
fn skip_blank(reader: &mut impl BufRead) -> io::Result<bool> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
    loop {
        let here = reader.fill_buf()?;
        if here.is_empty() {
            return Ok(false);
        }
        let (blank, all) = (here.iter().take_while(|byte| is_blank(byte)).count(), here.len());
        reader.consume(blank);
        if blank < all {
            return Ok(true);
        }
    }
}

/// Reads up to the next line break.
struct Line<'a, R>(&'a mut R);

impl<R: BufRead> Read for Line<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let here = self.0.fill_buf()?;
        let here = here.get(..into.len()).unwrap_or(here);
        let mut line = here.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let length = line.read(into)?;
        self.0.consume(length);
        Ok(length)
    }
}

/// Writer of the converted lines.
struct Lines {
    out: BufWriter<File>,
    cutter: Cutter,
    length: u64,
    failed: Option<io::Error>,
}

impl Lines {
    fn new(scratch: File) -> Self {
        Self { out: BufWriter::new(scratch), cutter: Cutter::default(), length: 0, failed: None }
    }

    /// Writes a resource, or a marker for one that is too long (`None`).
    fn write(&mut self, resource: Option<Value>) -> io::Result<()> {
        let line = match resource {
            Some(value @ Value::Object(_)) => Some(value.to_string()).filter(|line| line.len() <= MOST),
            Some(_) => Some(Value::Null.to_string()),
            None => None,
        };
        let line = line.as_deref().map_or(TOO_LONG, str::as_bytes);
        self.out.write_all(line)?;
        self.out.write_all(b"\n")?;
        let start = self.length;
        self.length += line.len() as u64 + 1;
        self.cutter.row(start, self.length);
        Ok(())
    }

    fn finish(self) -> Result<(File, Vec<Piece>), Error> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.cutter.finish()))
    }
}

/// Visitor of a Bundle; its value is the `resourceType`.
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

struct Entries<'a>(&'a mut Lines);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut room = ROOM;
        while let Some(entry) =
            seq.next_element_seed(Pruned { wanted: &[&["resource"], &MEMBERS], room: &mut room })?
        {
            // `null` if an entry has no resource, which its row reports.
            let resource = match entry {
                Value::Object(mut entry) => entry.remove("resource").unwrap_or_default(),
                _ => Value::Null,
            };
            if let Err(error) = self.0.write((room > 0).then_some(resource)) {
                self.0.failed.get_or_insert(error);
            }
            room = ROOM;
        }
        Ok(())
    }
}
