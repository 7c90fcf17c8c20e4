//! Comma-separated values (RFC 4180) that a spreadsheet does not run as formulas.

use csv::{Terminator, WriterBuilder};

/// One row with its line break. A cell that a spreadsheet would run as a formula gets an apostrophe first.
pub fn row<C: AsRef<str>>(cells: &[C]) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let written = writer.write_record(cells.iter().map(|cell| guarded(cell.as_ref())));
    // Writing text to memory cannot fail, which the types of the three steps do not say.
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn guarded(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        assert_eq!(row(&["=1+1", "+1", "-1", "@a", "\tb"]), "'=1+1,'+1,'-1,'@a,'\tb\r\n");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(row(&["a", "b,c", "d\"e", "f\ng", ""]), "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
        assert_eq!(row(&["=A1,\"x\""]), "\"'=A1,\"\"x\"\"\"\r\n");
    }
}
