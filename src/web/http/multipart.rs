//! The grammar of a form with a file in it (`multipart/form-data`, RFC 7578, on RFC 2046, 5.1).
//!
//! Two parsers use it: [`super::Upload`] for a form that is held in memory, and
//! [`super::spool::SpooledUpload`] for one whose file is too large for that. There is no loop over the parts
//! here, because the first one finds the end of a part in memory and the second one at the far end of a file.

/// The longest boundary (RFC 2046, 5.1.1).
const MOST_BOUNDARY: usize = 70;

/// The text between two parts: a line break, two hyphens, the boundary.
pub(super) struct Delimiter(Vec<u8>);

/// The headers of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartHead {
    /// The name of the field; empty where the header has none, and no handler asks for that field.
    pub name: String,
    /// The name of the file: present only for a file, and empty where no file was chosen.
    pub file_name: Option<String>,
}

impl Delimiter {
    /// The delimiter of a form with this `media_type`; `None` where it is not a multipart form.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        let (kind, _) = media_type.split_once(';')?;
        let boundary = parameter(media_type, "boundary")?;
        let is_form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
        let is_sized = (1..=MOST_BOUNDARY).contains(&boundary.len());
        (is_form && is_sized).then(|| Self(format!("\r\n--{boundary}").into_bytes()))
    }

    /// The text before the next delimiter, and the text behind it. The line break is part of a delimiter,
    /// and missing where the text begins with one: a form's first part, or an empty part.
    pub(super) fn split<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        match self.0.get(2..).and_then(|line| text.strip_prefix(line)) {
            Some(behind) => Some((&[], behind)),
            None => self.split_within(text),
        }
    }

    /// The same for a text that begins anywhere: it may begin in the middle of a line.
    pub(super) fn split_within<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        split(text, &self.0)
    }
}

/// Whether the text behind a delimiter marks it as the last one.
pub(super) fn is_last(behind: &[u8]) -> bool {
    behind.starts_with(b"--")
}

/// The headers of the part that begins behind a delimiter, and the rest.
pub(super) fn parse_part(behind: &[u8]) -> Option<(PartHead, &[u8])> {
    let (head, content) = split(behind, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    // The delimiter's own line may end in blanks and nothing else: a longer word is another boundary.
    if !lines.next().unwrap_or_default().trim().is_empty() {
        return None;
    }
    let is_ours = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let line = lines.find(is_ours).unwrap_or_default();
    let name = parameter(line, "name").unwrap_or_default();
    Some((PartHead { name, file_name: parameter(line, "filename") }, content))
}

/// A parameter of a header, with or without quotation marks. Browsers write a quotation mark in it as
/// `%22`, and leave a typed `%22` as it is: it cannot be decoded unambiguously, so it is not decoded.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    while let Some((before, value)) = rest.split_once('=') {
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        if before.rsplit(';').next()?.trim().eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = behind;
    }
    None
}

fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boundary(media_type: &str) -> Option<String> {
        let Delimiter(bytes) = Delimiter::of(media_type)?;
        Some(String::from_utf8(bytes).unwrap().strip_prefix("\r\n--").unwrap().to_owned())
    }

    #[test]
    fn boundary_is_found_in_every_spelling() {
        let longest = "b".repeat(MOST_BOUNDARY);
        for (media_type, wanted) in [
            ("multipart/form-data; boundary=----x1", "----x1"),
            ("multipart/form-data; boundary=\"x\"", "x"),
            ("multipart/form-data; charset=utf-8; boundary=\"a b\"", "a b"),
            ("multipart/form-data;boundary=x;charset=utf-8", "x"),
            ("multipart/form-data; note=\"; boundary=y\"; boundary=x", "x"),
            ("Multipart/Form-Data; Boundary=x", "x"),
            (&format!("multipart/form-data; BOUNDARY={longest}"), &longest),
        ] {
            assert_eq!(boundary(media_type).as_deref(), Some(wanted), "{media_type}");
        }
    }

    #[test]
    fn other_media_types_and_lengths_have_no_boundary() {
        for other in [
            "multipart/form-data",
            "multipart/form-data; charset=utf-8",
            "image/png; boundary=x",
            "multipart/mixed; boundary=x",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"x",
            &format!("multipart/form-data; boundary={}", "b".repeat(MOST_BOUNDARY + 1)),
        ] {
            assert_eq!(boundary(other), None, "{other}");
        }
    }

    #[test]
    fn part_head_names_the_field_and_the_file() {
        for (head, name, file_name) in [
            ("Content-Disposition: form-data; name=\"a\"", "a", None),
            ("content-disposition: form-data; Name=a", "a", None),
            ("Content-Type: text/csv; name=\"b\"\r\nContent-Disposition: form-data;name=\"a\"", "a", None),
            ("Content-Disposition: form-data; name=\"a%22b\"", "a%22b", None),
            ("Content-Disposition: form-data; name=\"a\"; filename=\"\"", "a", Some("")),
            ("Content-Disposition: form-data; filename=\"x;y=1.csv\"; name=\"a\"", "a", Some("x;y=1.csv")),
            (
                "Content-Disposition: form-data; filename=\"%22ñ%22.csv\"; name=\"a\"",
                "a",
                Some("%22ñ%22.csv"),
            ),
            ("Content-Type: text/plain", "", None),
        ] {
            let behind = format!("\r\n{head}\r\n\r\nwhat follows");
            let (found, content) = parse_part(behind.as_bytes()).unwrap();
            let wanted = PartHead { name: name.to_owned(), file_name: file_name.map(str::to_owned) };
            assert_eq!((found, content), (wanted, b"what follows".as_slice()), "{head}");
        }
    }

    #[test]
    fn delimiter_inside_a_line_is_ignored() {
        let delimiter = Delimiter::of("multipart/form-data; boundary=x").unwrap();
        assert_eq!(
            delimiter.split(b"a\r\nb--x\r\n--x--").unwrap(),
            (b"a\r\nb--x".as_slice(), b"--".as_slice())
        );
        assert_eq!(delimiter.split(b"--x\r\n").unwrap(), (b"".as_slice(), b"\r\n".as_slice()));
        assert!(delimiter.split(b"a--x\r\n").is_none());
        assert!(delimiter.split_within(b"--x\r\n").is_none());
        assert!(parse_part(b" \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n").is_some());
        assert!(parse_part(b"y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n").is_none());
    }
}
