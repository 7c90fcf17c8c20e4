//! Normalization of letters for comparison: without case and accents, each in its own script.
//!
//! Nothing is romanized. 王芳 and 汪方 are two people whose names are both "Wang Fang" in Latin letters, and
//! Arabic without its vowels becomes the same consonants for many names. So a patient who is on record as
//! 王芳 and typed "Wang Fang" *differs* and is not a match until staff have looked: that costs them a glance,
//! while the opposite would show one patient's data to another.

use deunicode::{deunicode, deunicode_char};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The characters that are typed as an apostrophe; it joins: "O’Brien" is one word.
const APOSTROPHES: &str = "'`´\u{1ffd}‘’‛′‵ʹʺʻʼʽʾʿˈˊˋꞋꞌ՚׳＇｀";
/// Stretches an Arabic word; it is not a letter.
const TATWEEL: char = '\u{640}';
/// The two dots that make е into ё, and that most Russians leave out.
const DIAERESIS: char = '\u{308}';

/// The normalized words of a name, split at everything that is not a letter, digit or mark.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded = folded(text);
    let words = folded.split(|c: char| !c.is_alphanumeric() && !is_mark(c));
    words.filter(|word| word.contains(char::is_alphanumeric)).map(str::to_owned).collect()
}

/// The words of a text for search, in Latin letters: staff with a Latin keyboard find 王芳 by "wang". A
/// search that finds too much links no records. These keys are stored ([`crate::domain::records`]) and a
/// migration cannot recompute them, so the result for a text must never change.
pub fn search_words(text: &str) -> Vec<String> {
    let plain = deunicode(text).to_lowercase();
    let joined: String = plain.chars().filter(|c| !matches!(c, '\'' | '`')).collect();
    let words = joined.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Decomposed (NFKD), without optional marks, and composed again (NFKC).
fn folded(text: &str) -> String {
    const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    // Before NFKD, which turns the accent that some people type as an apostrophe into a space.
    let heard: String = text.chars().filter(|c| !is_silent(*c)).collect();
    let (mut plain, mut base) = (String::new(), ' ');
    // And after it, because NFKD decomposes ŉ.
    for c in NFKD.normalize(&heard).to_lowercase().chars().filter(|c| !is_silent(*c)) {
        if is_mark(c) {
            plain.extend(Some(c).filter(|mark| !is_optional(*mark, base)));
        } else {
            base = c;
            push_plain(&mut plain, c);
        }
    }
    NFKC.normalize(&plain).into_owned()
}

/// Apostrophes and invisible characters: joiners, direction marks, soft hyphens, variation selectors.
fn is_silent(c: char) -> bool {
    let is_ignored = || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    APOSTROPHES.contains(c) || c == TATWEEL || (!c.is_ascii() && is_ignored())
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Whether people write the same name without this mark. This is true of accents (Latin, Greek) and of the
/// vowel points of Arabic and Hebrew; a mark on nothing has no meaning. Elsewhere a mark makes another
/// letter: か and が, и and й, every vowel of Devanagari.
fn is_optional(mark: char, base: char) -> bool {
    match CodePointMapData::<Script>::new().get(base) {
        Script::Latin | Script::Greek | Script::Arabic | Script::Hebrew => true,
        _ => (base == 'е' && mark == DIAERESIS) || !base.is_alphanumeric(),
    }
}

/// A Latin letter without its stroke or hook: ø, ł, đ, ß. NFKD does not decompose those.
fn push_plain(plain: &mut String, c: char) {
    let is_latin = || CodePointMapData::<Script>::new().get(c) == Script::Latin;
    match c {
        _ if c.is_ascii() => plain.push(c),
        'ς' => plain.push('σ'),
        // People who write Azerbaijani without this letter use an open e; the crate says "@".
        'ə' => plain.push('e'),
        _ if is_latin() => {
            let letters = deunicode_char(c).unwrap_or_default().to_lowercase();
            plain.extend(letters.chars().filter(char::is_ascii_alphanumeric));
        }
        _ => plain.push(c),
    }
}
