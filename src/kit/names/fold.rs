//! Letters as they are compared: without case and accents, each in its own script.
//!
//! Nothing is romanised. 王芳 and 汪方 are two people whom Latin letters both call "Wang Fang", and Arabic without its
//! vowels becomes the same consonants for many. So whoever is on record as 王芳 and typed "Wang Fang" *differs* and is
//! no match until staff have looked: that costs them a glance, the other way would show one patient to another.

use deunicode::{deunicode, deunicode_char};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

/// What stands for an apostrophe on somebody's keyboard; it joins: "O’Brien" is one word.
const APOSTROPHES: &str = "'`´\u{1ffd}‘’‛′‵ʹʺʻʼʽʾʿˈˊˋꞋꞌ՚׳＇｀";
/// Draws an Arabic word out, and is no letter.
const TATWEEL: char = '\u{640}';
/// The two dots that make е into ё, and that most Russians leave out.
const DIAERESIS: char = '\u{308}';

/// The words of a name, ready to be compared: split at everything that is no letter, digit or mark.
pub fn words(text: &str) -> Vec<String> {
    let folded = folded(text);
    let words = folded.split(|c: char| !c.is_alphanumeric() && !is_mark(c));
    words.filter(|word| word.contains(char::is_alphanumeric)).map(str::to_owned).collect()
}

/// The words of a text for finding it, in Latin letters: staff with a Latin keyboard find 王芳 by "wang". Whom a search
/// shows too many nobody links. These keys are stored ([`crate::identity::records`]) and a migration cannot make them
/// anew, so what this gives for a text has to stay what it is.
pub fn search_words(text: &str) -> Vec<String> {
    let plain = deunicode(text).to_lowercase();
    let joined: String = plain.chars().filter(|c| !matches!(c, '\'' | '`')).collect();
    let words = joined.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Taken apart (NFKD), without what is optional, and put together again (NFKC).
fn folded(text: &str) -> String {
    const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    // Before NFKD, which makes a space of the accent that some type for an apostrophe.
    let heard: String = text.chars().filter(|c| !is_silent(*c)).collect();
    let (mut plain, mut base) = (String::new(), ' ');
    // And behind it: it takes ŉ apart.
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

/// Apostrophes, and what nobody sees: joiners, direction marks, soft hyphens, variation selectors.
fn is_silent(c: char) -> bool {
    let is_ignored = || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    APOSTROPHES.contains(c) || c == TATWEEL || (!c.is_ascii() && is_ignored())
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Whether people write the same name without this mark. Accents are (Latin, Greek), and so are the vowel points of
/// Arabic and Hebrew; one on nothing says nothing. Elsewhere a mark makes another letter: か and が, и and й, every vowel
/// of Devanagari.
fn is_optional(mark: char, base: char) -> bool {
    match CodePointMapData::<Script>::new().get(base) {
        Script::Latin | Script::Greek | Script::Arabic | Script::Hebrew => true,
        _ => (base == 'е' && mark == DIAERESIS) || !base.is_alphanumeric(),
    }
}

/// A letter without its stroke or hook, if it is a Latin one: ø, ł, đ, ß. NFKD leaves those whole.
fn push_plain(plain: &mut String, c: char) {
    let is_latin = || CodePointMapData::<Script>::new().get(c) == Script::Latin;
    match c {
        _ if c.is_ascii() => plain.push(c),
        'ς' => plain.push('σ'),
        // An open e to whoever writes Azerbaijani without it; the crate says "@".
        'ə' => plain.push('e'),
        _ if is_latin() => {
            let letters = deunicode_char(c).unwrap_or_default().to_lowercase();
            plain.extend(letters.chars().filter(char::is_ascii_alphanumeric));
        }
        _ => plain.push(c),
    }
}
