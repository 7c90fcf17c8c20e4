//! Prepares a text for printing: what no face can set is transliterated to Latin letters, or dropped.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{EnumeratedProperty as _, GeneralCategory};

use super::fonts;

/// The invisible joiners of Persian and of the scripts of India; they belong to the spelling.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Marks above and below one letter. Vowelled Arabic and Hebrew need three; a hundred of them would climb
/// over the lines above, and with them a patient could write over the page that proves an identity.
const MOST_MARKS: usize = 4;

/// Whether every letter of a text can be set; symbols and emoji do not count.
pub(super) fn spells(text: &str) -> bool {
    composed(text).chars().all(|c| !c.is_alphabetic() || fonts::has(c))
}

/// A text as it can be set, on one line: letters and digits without a glyph are transliterated to Latin,
/// and symbols without one are dropped. Marks that turn the direction of a text are dropped too, because
/// with them a name could make the words beside it read backwards.
pub(super) fn printable(text: &str) -> String {
    let mut clean = String::new();
    let mut marks = 0;
    for c in composed(text).chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            c if c.is_whitespace() => clean.push(' '),
            _ if marks > MOST_MARKS => {}
            c if JOINERS.contains(&c) => {
                clean.extend(
                    Some(c).filter(|_| clean.ends_with(|last: char| last.is_alphabetic() || is_mark(last))),
                );
            }
            c if is_visible(c) && fonts::has(c) => clean.push(c),
            c if c.is_alphabetic() => clean.push_str(deunicode::deunicode_char(c).unwrap_or("?")),
            c if c.is_numeric() => clean.push_str(deunicode::deunicode_char(c).unwrap_or_default()),
            _ => {}
        }
    }
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A letter and its accents as one character, as the faces have them.
fn composed(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// Not a control character, a mark of direction or a soft hyphen.
fn is_visible(c: char) -> bool {
    !matches!(GeneralCategory::for_char(c), GeneralCategory::Control | GeneralCategory::Format)
}

/// A mark that takes no room of its own on the line.
fn is_mark(c: char) -> bool {
    matches!(GeneralCategory::for_char(c), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_face_has_stays_and_the_rest_becomes_latin() {
        for name in
            ["Zoë Müller-Ñandú", "Nguyễn Thị", "Ιωάννης", "Иван Ёлкин", "عيادة الأسنان", "さくら歯科", "王芳"]
        {
            assert_eq!(printable(name), name);
            assert!(spells(name), "{name}");
        }
        for (name, latin) in
            [("Ana 😀", "Ana"), ("ᠮᠣᠩᠭᠣᠯ", "monggol"), ("\u{30000}", "?"), ("a\u{202e}b\tc", "ab c")]
        {
            assert_eq!(printable(name), latin);
        }
        assert!(spells("Ana 😀") && !spells("ᠮᠣᠩᠭᠣᠯ"));
    }

    #[test]
    fn marks_do_not_climb_and_joiners_join_letters() {
        let tower = format!("a{}b", "\u{30f}".repeat(99));
        assert_eq!(printable(&tower), format!("ȁ{}b", "\u{30f}".repeat(MOST_MARKS)));
        assert_eq!(printable("بِسْمِ اللَّٰهِ"), "بِسْمِ اللَّٰهِ");
        assert_eq!(printable(&"\u{200d}".repeat(100)), "");
        assert_eq!(printable("क्\u{200d}ष می\u{200c}خواهم"), "क्\u{200d}ष می\u{200c}خواهم");
    }

    #[test]
    fn a_letter_and_its_accent_are_one() {
        assert_eq!(printable("Zoe\u{308}"), "Zoë");
        assert_eq!(printable("\u{1112}\u{1161}\u{11ab}"), "한");
    }
}
