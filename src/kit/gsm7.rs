//! Names in text messages. One character outside the GSM 7-bit alphabet (3GPP TS 23.038) turns a whole
//! message into UCS-2, where one segment holds 70 characters instead of 160.

/// `name` in GSM-7, at most `room` characters, with nothing that a phone could take for a link or for the
/// last line of a text with a code: transliterated, without control and bidirectional characters, `@`, `#`,
/// and the dots and slashes of URLs.
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

/// One segment in the GSM 7-bit alphabet (3GPP TS 23.038), in characters.
pub const SEGMENT: usize = 160;

/// A text of one segment: `sender` as a [`name`], in the room that `rest` leaves, and `rest` after it.
pub fn segment(sender: &str, rest: &str) -> String {
    format!("{}{rest}", name(sender, SEGMENT.saturating_sub(rest.len())))
}

/// The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1) beyond ASCII's letters, digits and line ends.
const BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà\r\n";
/// The extension table: two septets for each character.
const EXTENDED: &str = "^{}\\[~]|€";

/// Whether a whole text can be sent in the GSM 7-bit alphabet; otherwise it needs UCS-2.
pub fn fits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || BASIC.contains(c) || EXTENDED.contains(c))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn one_character_decides() {
        assert!(fits("012345 is your code.\n\n@links.example #012345 FA+9qCX9VSu"));
        assert!(fits("£5 = €6, ¡olé! {[~]}"));
        for outside in ["it’s", "á", "`", "😀", "\t"] {
            assert!(!fits(outside), "{outside}");
        }
    }
}
