//! Names in text messages. One character outside the GSM 7-bit alphabet (3GPP TS 23.038) turns a whole message
//! into UCS-2, of which one segment holds 70 characters instead of 160.

/// `name` as GSM-7 in at most `room` characters, with nothing that a phone could take for a link or for the
/// last line of a code's text: transliterated, without control and bidirectional characters, `@`, `#`, and the
/// dots and slashes of URLs.
pub fn name(name: &str, room: usize) -> String {
    let ascii = deunicode::deunicode(name);
    let calm = ascii.chars().map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '\'' | '&' | ',' | '(' | ')' => c,
        _ => ' ',
    });
    let calm: String = calm.collect();
    let calm = calm.split_whitespace().collect::<Vec<_>>().join(" ");
    calm.get(..room.min(calm.len())).unwrap_or_default().trim_end().to_owned()
}
