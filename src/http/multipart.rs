//! A page's form with one file (`multipart/form-data`, RFC 7578), after it has arrived in a file of its own.
//!
//! All of it but the file is small, so the fields are found at the two ends of the body, and what lies between is never
//! held.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// All fields together have this many bytes before the file, and as many behind it.
const ENDS: u64 = 64 * 1024;

/// What a form held.
#[derive(Debug, Default)]
pub struct Upload {
    /// Its fields, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// What the file is called, where one was chosen.
    pub file_name: Option<String>,
    start: u64,
    length: u64,
}

impl Upload {
    /// Reads the form in `body`; `None` where it is none.
    pub fn read(body: &mut File, media_type: &str) -> io::Result<Option<Self>> {
        let Some(boundary) = boundary(media_type) else { return Ok(None) };
        let length = body.metadata()?.len();
        let head = part(body, 0, ENDS)?;
        let tail_start = length.saturating_sub(ENDS);
        let tail = part(body, tail_start, ENDS)?;
        let ends = Ends { delimiter: format!("\r\n--{boundary}").into_bytes(), head, tail, tail_start };
        Ok(ends.read())
    }

    /// A field as it was typed; empty where it is missing. U+0000 is nothing that a person types.
    pub fn field(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.replace('\0', "")).unwrap_or_default()
    }

    /// Copies the file out of the form.
    pub fn copy_file(&self, body: &mut File, to: &mut File) -> io::Result<()> {
        body.seek(SeekFrom::Start(self.start))?;
        io::copy(&mut body.take(self.length), to).map(drop)
    }
}

fn boundary(media_type: &str) -> Option<&str> {
    let (kind, parameters) = media_type.split_once(';')?;
    let value = parameters.split(';').find_map(|one| one.trim().strip_prefix("boundary="))?.trim_matches('"');
    (kind.trim().eq_ignore_ascii_case("multipart/form-data") && !value.is_empty()).then_some(value)
}

fn part(body: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.seek(SeekFrom::Start(start))?;
    body.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Ends {
    delimiter: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
    tail_start: u64,
}

impl Ends {
    fn read(&self) -> Option<Upload> {
        let mut upload = Upload::default();
        let mut rest = self.head.strip_prefix(self.delimiter.get(2..)?)?;
        loop {
            let (head, body) = split(rest.strip_prefix(b"\r\n")?, b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(head).into_owned();
            let (name, file_name) = (parameter(&head, "name")?, parameter(&head, "filename"));
            if let Some(file_name) = file_name.filter(|_| upload.file_name.is_none()) {
                upload.file_name = Some(file_name).filter(|name| !name.is_empty());
                upload.start = (self.head.len() - body.len()) as u64;
                rest = self.behind_file(body, &mut upload)?;
            } else {
                let (value, behind) = split(body, &self.delimiter)?;
                upload.fields.push((name, String::from_utf8_lossy(value).into_owned()));
                rest = behind;
            }
            if rest.starts_with(b"--") {
                return Some(upload);
            }
        }
    }

    /// Where the file ends: in the body's beginning, or else in its end.
    fn behind_file<'a>(&'a self, body: &'a [u8], upload: &mut Upload) -> Option<&'a [u8]> {
        if let Some((file, behind)) = split(body, &self.delimiter) {
            upload.length = file.len() as u64;
            return Some(behind);
        }
        let (file, behind) = split(&self.tail, &self.delimiter)?;
        upload.length = (self.tail_start + file.len() as u64).checked_sub(upload.start)?;
        Some(behind)
    }
}

/// What stands before and behind the first `mark`.
pub(super) fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// A parameter of `Content-Disposition`. Browsers write a quotation mark in it as `%22`.
fn parameter(head: &str, name: &str) -> Option<String> {
    let mark = format!("; {name}=\"");
    let start = head.find(&mark)? + mark.len();
    head.get(start..)?.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(delimiter: &str, body: &str, ends: usize) -> Option<Upload> {
        let tail_start = body.len().saturating_sub(ends);
        let head = body.as_bytes()[..ends.min(body.len())].to_vec();
        let tail = body.as_bytes()[tail_start..].to_vec();
        Ends {
            delimiter: format!("\r\n--{delimiter}").into_bytes(),
            head,
            tail,
            tail_start: tail_start as u64,
        }
        .read()
    }

    #[test]
    fn the_file_is_found_wherever_it_ends() {
        let file = "MRN,a\r\n1,b\r\n".repeat(100);
        let body = format!(
            "--x\r\ncontent-disposition: form-data; name=\"form_token\"\r\n\r\nt\r\n\
             --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nreplace\r\n--x--\r\n"
        );
        for ends in [300, 1_000, 10_000] {
            let upload = read("x", &body, ends).unwrap();
            assert_eq!((upload.field("form_token"), upload.field("mode")), ("t".into(), "replace".into()));
            assert_eq!(upload.file_name.as_deref(), Some("a.csv"));
            let (start, length) =
                (usize::try_from(upload.start).unwrap(), usize::try_from(upload.length).unwrap());
            assert_eq!(&body[start..start + length], file);
        }
        assert!(read("y", &body, 10_000).is_none());
        assert!(read("x", &body[..body.len() - 40], 10_000).is_none());
        assert_eq!(boundary("multipart/form-data; boundary=\"x\""), Some("x"));
    }
}
