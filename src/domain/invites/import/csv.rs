//! Parser for lists of invites: CSV with a header in UTF-8, as spreadsheets write it, separated by commas
//! or semicolons; or tab-separated text pasted from the clipboard.

use super::{MOST_ROWS, Row};
use crate::kit::{Language, folded_word};

/// Why a list as a whole cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ListError {
    #[error("Save the list as CSV in UTF-8.")]
    Encoding,
    /// A required column is missing.
    #[error("The first line must name the columns: name, mobile, email and, optionally, language.")]
    Header,
    /// A row has more or fewer cells than the header, or a quote is never closed.
    #[error("A row has more or fewer cells than the first line.")]
    Shape,
    #[error("The list has no rows.")]
    Empty,
    #[error("A list can have at most 5,000 rows. Send the rest as another list.")]
    #[strum(serialize = "too_many")]
    TooLong,
}

impl ListError {
    pub fn code(self) -> &'static str {
        self.into()
    }
}

pub fn parse(bytes: &[u8]) -> Result<Vec<Row>, ListError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ListError::Encoding)?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ::csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(delimiter(text)).trim(::csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(|_| ListError::Header)?.iter().map(folded_word).collect();
    let column =
        |known| header.iter().position(|cell| Language::words_of_all(known).any(|word| word == cell));
    let phone = column("headings-invite-phone");
    let (Some(name), Some(mobile), Some(email)) =
        (column("headings-invite-name"), phone, column("headings-invite-email"))
    else {
        return Err(ListError::Header);
    };
    let language = column("headings-invite-language");
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| ListError::Shape)?;
        if rows.len() == MOST_ROWS {
            return Err(ListError::TooLong);
        }
        // A database accepts no U+0000, and a name never contains one.
        let cell = |at: usize| record.get(at).unwrap_or_default().replace('\0', "");
        let (name, mobile, email) = (cell(name), cell(mobile), cell(email));
        rows.push(Row { name, mobile, email, language: language.map(cell).unwrap_or_default() });
    }
    if rows.is_empty() { Err(ListError::Empty) } else { Ok(rows) }
}

fn delimiter(text: &str) -> u8 {
    match text.lines().next().unwrap_or_default() {
        first if first.contains('\t') => b'\t',
        first if first.contains(';') && !first.contains(',') => b';',
        _ => b',',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_names_in_any_order() {
        let list = "\u{feff}E-Mail;Nombre;Celular\r\nalex@example.com;\"Rivera; Alex\";(415) 555-2671\r\n";
        let rows = parse(list.as_bytes()).unwrap();
        assert_eq!(rows.len(), 1);
        let Row { name, mobile, email, language } = rows[0].clone();
        assert_eq!((&*name, &*mobile, &*email), ("Rivera; Alex", "(415) 555-2671", "alex@example.com"));
        assert_eq!(language, "");
        let pasted = parse(b"name\tmobile\temail\nRivera, Alex\t4155552671\ta@b.example\n").unwrap();
        assert_eq!(pasted[0].name, "Rivera, Alex");
    }

    #[test]
    fn what_is_no_list_says_why() {
        for (list, why) in [
            (&b"name,mobile,email\nJos\xe9,1,2\n"[..], ListError::Encoding),
            (b"name,mobile\nA,1\n", ListError::Header),
            (b"", ListError::Header),
            (b"name,mobile,email\nA,1\n", ListError::Shape),
            (b"name,mobile,email\n", ListError::Empty),
        ] {
            assert_eq!(parse(list), Err(why));
        }
        let long = format!("name,mobile,email\n{}", "a,b,c\n".repeat(MOST_ROWS + 1));
        assert_eq!(parse(long.as_bytes()), Err(ListError::TooLong));
    }
}
