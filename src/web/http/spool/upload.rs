//! A form with one large file, parsed after it was spooled to disk.
//!
//! Everything except the file is small, so the fields are found at the two ends of the body, and the part
//! in between is never held in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::web::http::multipart::{Delimiter, is_last, parse_part};

/// The fields have this many bytes before the file, and as many behind it.
const ENDS: u64 = 64 * 1024;

#[derive(Debug, Default)]
pub struct SpooledUpload {
    /// The fields, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// The file's name, where one was chosen.
    pub file_name: Option<String>,
    start: u64,
    length: u64,
}

impl SpooledUpload {
    /// Parses the form in `body`; `None` where it is not a valid form.
    pub fn parse(body: &mut File, media_type: &str) -> io::Result<Option<Self>> {
        let Some(delimiter) = Delimiter::of(media_type) else { return Ok(None) };
        let length = body.metadata()?.len();
        Ok(Ends::of(body, length, ENDS, delimiter)?.parse())
    }

    /// The text of a field; empty where it is missing. U+0000 is removed, because no person types it.
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

fn bytes(body: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.seek(SeekFrom::Start(start))?;
    body.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Ends {
    delimiter: Delimiter,
    head: Vec<u8>,
    tail: Vec<u8>,
    tail_start: u64,
}

impl Ends {
    /// Reads both ends of `ends` bytes each. A short body is read as a whole, so that no field is cut.
    fn of(body: &mut (impl Read + Seek), length: u64, ends: u64, delimiter: Delimiter) -> io::Result<Self> {
        let head = bytes(body, 0, if length <= 2 * ends { length } else { ends })?;
        let tail_start = length.saturating_sub(ends).max(head.len() as u64);
        let tail = bytes(body, tail_start, ends)?;
        Ok(Self { delimiter, head, tail, tail_start })
    }

    fn parse(&self) -> Option<SpooledUpload> {
        let mut upload = SpooledUpload::default();
        let (_, mut rest) = self.delimiter.split(&self.head)?;
        while !is_last(rest) {
            let (head, content) = parse_part(rest)?;
            // A form has one file; a second one is a field that no handler asks for.
            if let Some(file_name) = head.file_name.filter(|_| upload.start == 0) {
                upload.file_name = Some(file_name).filter(|name| !name.is_empty());
                upload.start = (self.head.len() - content.len()) as u64;
                rest = self.behind_file(content, &mut upload)?;
            } else {
                let (value, behind) = self.delimiter.split(content)?;
                upload.fields.push((head.name, String::from_utf8_lossy(value).into_owned()));
                rest = behind;
            }
        }
        Some(upload)
    }

    /// Finds the end of the file: in the beginning of the body, or else in its end.
    fn behind_file<'a>(&'a self, content: &'a [u8], upload: &mut SpooledUpload) -> Option<&'a [u8]> {
        if let Some((file, behind)) = self.delimiter.split(content) {
            upload.length = file.len() as u64;
            return Some(behind);
        }
        // The file begins in the head and ends in the tail.
        let (file, behind) = self.delimiter.split_within(&self.tail)?;
        upload.length = self.tail_start + file.len() as u64 - upload.start;
        Some(behind)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const FORM_TOKEN: &str = "--x\r\ncontent-disposition: form-data; name=\"form_token\"\r\n\r\nt\r\n";
    const MODE: &str = "--x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nreplace\r\n";

    fn parse(boundary: &str, body: &str, ends: u64) -> Option<SpooledUpload> {
        let delimiter = Delimiter::of(&format!("multipart/form-data; boundary={boundary}")).unwrap();
        Ends::of(&mut Cursor::new(body), body.len() as u64, ends, delimiter).unwrap().parse()
    }

    fn file(name: &str, text: &str) -> String {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/csv\r\n\r\n{text}\r\n"
        )
    }

    fn check(body: &str, ends: u64, text: &str) {
        let upload = parse("x", body, ends).unwrap();
        assert_eq!((upload.field("form_token"), upload.field("mode")), ("t".into(), "replace".into()));
        assert_eq!(upload.file_name.as_deref(), Some("a.csv"));
        let (start, length) =
            (usize::try_from(upload.start).unwrap(), usize::try_from(upload.length).unwrap());
        assert_eq!(&body[start..start + length], text);
    }

    #[test]
    fn file_is_found_wherever_it_is_in_the_form() {
        let text = "MRN,a\r\n1,b\r\n".repeat(100);
        let file = file("a.csv", &text);
        for body in [
            format!("{FORM_TOKEN}{file}{MODE}--x--\r\n"),
            format!("{file}{FORM_TOKEN}{MODE}--x--\r\n"),
            format!("{FORM_TOKEN}{MODE}{file}--x--\r\n"),
        ] {
            for ends in 300..body.len() as u64 + 10 {
                check(&body, ends, &text);
            }
        }
    }

    #[test]
    fn half_a_form_and_another_boundary_are_rejected() {
        let body = format!("{FORM_TOKEN}{}{MODE}--x--\r\n", file("a.csv", "1,b\r\n"));
        assert!(parse("y", &body, 10_000).is_none());
        for cut in 0..body.len() - 4 {
            assert!(parse("x", &body[..cut], 10_000).is_none(), "{cut}");
        }
        let long = "b".repeat(300);
        assert!(parse("x", &format!("{}--x--\r\n{long}", file("a.csv", &long)), 200).is_none());
    }

    #[test]
    fn form_without_a_chosen_file_is_parsed() {
        let body = format!("{}{FORM_TOKEN}{MODE}--x--\r\n", file("", ""));
        let upload = parse("x", &body, 10_000).unwrap();
        assert_eq!((upload.file_name, upload.fields.len(), upload.length), (None, 2, 0));
    }
}
