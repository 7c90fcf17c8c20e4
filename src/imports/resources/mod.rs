//! FHIR resources on their way from a file to lines that can be cut: of a Bundle one after the other, or a line each.
//!
//! Only the members that are read get there. A photo may be longer than all the rest, and is nobody's business here: it
//! passes by unheld. What is left of one resource has a limit, so that a file of any shape takes little memory. What
//! passes it, and what is no JSON, becomes a line that says so, and costs no other resource its place.

mod pruned;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Value};

use super::Refusal;
use super::pieces::{Cutter, Piece};
use pruned::Pruned;

/// What is read of one resource may have this many bytes, written without white space.
const MOST: usize = 1024 * 1024;
/// The same with room for what a Bundle has around it; the line that comes of it is measured exactly.
const ROOM: usize = MOST + 64;
/// Stands in the place of a resource that has more. No resource can be this: of one that is no object comes `null`.
pub const TOO_LONG: &[u8] = b"\"too long\"";

/// The members of a Patient that are read.
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

/// The lines of a file with a resource a line, and where they can be cut.
pub fn of_lines(file: &File, scratch: File) -> Result<(File, Vec<Piece>), Refusal> {
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

/// The resource of a line; `None` where it is too long, `null` where it is no JSON.
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

/// The resources of a Bundle as lines, and where those can be cut.
pub fn of_bundle(file: &File, scratch: File) -> Result<(File, Vec<Piece>), Refusal> {
    let mut reader = opened(file)?;
    skip_blank(&mut reader)?;
    let mut lines = Lines::new(scratch);
    let mut json = Deserializer::from_reader(reader);
    let read = json.deserialize_map(Bundle(&mut lines)).and_then(|kind| json.end().map(|()| kind));
    if let Some(error) = lines.failed.take() {
        return Err(error.into());
    }
    let kind = read.map_err(|error| {
        let detail = format!("The Bundle is no JSON at line {}, column {}.", error.line(), error.column());
        Refusal::file("file_unreadable", detail)
    })?;
    if kind.as_deref() != Some("Bundle") {
        let detail = "Send a FHIR R4 Bundle, or one resource a line as NDJSON.";
        return Err(Refusal::file("not_a_bundle", detail));
    }
    lines.finish()
}

fn opened(mut file: &File) -> io::Result<BufReader<&File>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::with_capacity(64 * 1024, file))
}

/// Goes to where something stands; `false` where nothing does any more. A byte order mark is nothing: one stands at
/// the head of a file, or wherever a second file was appended to it.
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

/// A reader up to its next line break.
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

/// What is written.
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

    /// A resource, or `None` in the place of one that is too long.
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

    fn finish(self) -> Result<(File, Vec<Piece>), Refusal> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.cutter.finish()))
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
            // `null` where an entry has no resource, which is told in its row.
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
