//! Parser for lists of invites: CSV with a header in UTF-8, as spreadsheets write it, separated by commas
//! or semicolons; or tab-separated text pasted from the clipboard.

use super::{MOST_ROWS, Row};

/// Why a list as a whole cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
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
    TooLong,
}

impl Unreadable {
    /// Returns a stable error code for each case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Header => "header",
            Self::Shape => "shape",
            Self::Empty => "empty",
            Self::TooLong => "too_many",
        }
    }
}

/// Accepted column names in lower case: those of our own form, and those that spreadsheets often use.
const NAME: &[&str] = &["name", "nombre", "full name", "full_name"];
const MOBILE: &[&str] = &["mobile", "phone", "cell", "mobile phone", "celular", "teléfono", "telefono"];
const EMAIL: &[&str] = &["email", "e-mail", "mail", "correo", "correo electrónico"];
const LANGUAGE: &[&str] = &["language", "idioma", "lang"];

pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::Encoding)?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = match first {
        first if first.contains('\t') => b'\t',
        first if first.contains(';') && !first.contains(',') => b';',
        _ => b',',
    };
    let mut reader =
        ::csv::ReaderBuilder::new().delimiter(delimiter).trim(::csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(|_| Unreadable::Header)?.iter().map(str::to_lowercase).collect();
    let column = |names: &[&str]| header.iter().position(|cell| names.contains(&cell.as_str()));
    let (Some(name), Some(mobile), Some(email)) = (column(NAME), column(MOBILE), column(EMAIL)) else {
        return Err(Unreadable::Header);
    };
    let language = column(LANGUAGE);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| Unreadable::Shape)?;
        if rows.len() == MOST_ROWS {
            return Err(Unreadable::TooLong);
        }
        // A database accepts no U+0000, and a name never contains one.
        let cell = |at: usize| record.get(at).unwrap_or_default().replace('\0', "");
        let (name, mobile, email) = (cell(name), cell(mobile), cell(email));
        rows.push(Row { name, mobile, email, language: language.map(cell).unwrap_or_default() });
    }
    if rows.is_empty() { Err(Unreadable::Empty) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_names_in_any_order() {
        let list = "\u{feff}E-Mail;Nombre;Celular\r\nalex@example.com;\"Rivera; Alex\";(415) 555-2671\r\n";
        let rows = read(list.as_bytes()).unwrap();
        assert_eq!(rows.len(), 1);
        let Row { name, mobile, email, language } = rows[0].clone();
        assert_eq!((&*name, &*mobile, &*email), ("Rivera; Alex", "(415) 555-2671", "alex@example.com"));
        assert_eq!(language, "");
        let pasted = read(b"name\tmobile\temail\nRivera, Alex\t4155552671\ta@b.example\n").unwrap();
        assert_eq!(pasted[0].name, "Rivera, Alex");
    }

    #[test]
    fn what_is_no_list_says_why() {
        for (list, why) in [
            (&b"name,mobile,email\nJos\xe9,1,2\n"[..], Unreadable::Encoding),
            (b"name,mobile\nA,1\n", Unreadable::Header),
            (b"", Unreadable::Header),
            (b"name,mobile,email\nA,1\n", Unreadable::Shape),
            (b"name,mobile,email\n", Unreadable::Empty),
        ] {
            assert_eq!(read(list), Err(why));
        }
        let long = format!("name,mobile,email\n{}", "a,b,c\n".repeat(MOST_ROWS + 1));
        assert_eq!(read(long.as_bytes()), Err(Unreadable::TooLong));
    }
}
