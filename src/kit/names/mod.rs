//! Comparison of names without case, accents, hyphens, particles and generational suffixes.
//!
//! *Likeness* compares one field and forgives one typo. *Compatibility* compares whole names and forgives
//! what people do with theirs: they marry, leave out one of two family names, sign with an initial.
//! Compatible names are decisive only beside a number and an address that agree, and even then the careful
//! answer is no: staff take a look, while a wrong yes would show one patient's data to another.
//!
//! `human_name` 2.0 compares whole names only. It forgives no typo, of two family names it lets the first one
//! go and not the second ("García López" is "López" to it, but not "García"), and it reads no single word.

mod fold;
mod particles;
mod suffix;
#[cfg(test)]
mod tests;

pub use fold::search_words;
pub use suffix::Suffix;

use fold::words;

/// One typo is forgiven from this many letters on: "Lee" and "Leo" may well be two names.
const FUZZY_LETTERS: usize = 5;
/// From this many letters on, a word is enough to identify a family name.
const TELLING_LETTERS: usize = 3;

/// A name as words, normalized for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameWords {
    joined: String,
    /// The words, with bound particles joined to the word that they belong to.
    pieces: Vec<String>,
    /// Letters without particles, which make no name longer: "de Wit" and "de Wet" have three each.
    letters: usize,
}

/// The likeness of two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    Unlike,
    /// One typo apart (Damerau–Levenshtein distance 1, in five letters or more).
    Close,
    Equal,
}

impl NameWords {
    fn given(words: &[String]) -> Self {
        Self::of(words, particles::given_pieces(words))
    }

    fn family(words: &[String]) -> Self {
        Self::of(words, particles::pieces(words))
    }

    fn of(words: &[String], pieces: Vec<String>) -> Self {
        let letters = particles::significant(words).map(|word| word.chars().count()).sum();
        Self { joined: words.concat(), pieces, letters }
    }

    /// The likeness of two names. A name without any letters is unlike every name.
    pub fn likeness(&self, other: &Self) -> Likeness {
        alike(&self.joined, &other.joined, self.letters.min(other.letters))
    }

    /// Whether they could be two spellings of one given name: alike, or with the same first word or its
    /// initial, and no contradicting second names.
    pub fn is_compatible_given(&self, other: &Self) -> bool {
        let (Some(one), Some(two)) = (self.pieces.first(), other.pieces.first()) else { return false };
        let begins = fits(one, two) && !contradict(&self.pieces, &other.pieces);
        begins || self.likeness(other) > Likeness::Unlike
    }

    /// Whether they could be two forms of one family name: alike, or with a significant word in common and
    /// none that contradicts. Marriage adds or removes one; "García López" and "García Márquez" are cousins.
    pub fn is_compatible_family(&self, other: &Self) -> bool {
        let tells = |word: &String| {
            word.chars().count() >= TELLING_LETTERS
                && particles::significant(&other.pieces).any(|other| other == word)
        };
        let shares =
            particles::significant(&self.pieces).any(tells) && !contradict(&self.pieces, &other.pieces);
        shares || self.likeness(other) > Likeness::Unlike
    }
}

fn alike(one: &str, two: &str, letters: usize) -> Likeness {
    match one {
        "" => Likeness::Unlike,
        _ if one == two => Likeness::Equal,
        _ if letters >= FUZZY_LETTERS && is_alphabetic(one) && is_alphabetic(two) => {
            match strsim::damerau_levenshtein(one, two) {
                1 => Likeness::Close,
                _ => Likeness::Unlike,
            }
        }
        _ => Likeness::Unlike,
    }
}

/// Whether each letter is one sound: Latin, Greek, Cyrillic or Armenian. Where a character is a syllable or
/// a whole word, or where vowels are not written, one character more or less is another name and not a
/// typo; neither is it for an initial.
fn is_alphabetic(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii() || matches!(c, '\u{370}'..='\u{58f}'))
}

fn is_letter(word: &str) -> bool {
    word.chars().count() == 1 && is_alphabetic(word)
}

/// Whether two words could be the same: alike, or one is the initial of the other.
fn fits(one: &str, two: &str) -> bool {
    let is_initial = (is_letter(one) || is_letter(two)) && one.chars().next() == two.chars().next();
    is_initial || alike(one, two, one.chars().count().min(two.chars().count())) > Likeness::Unlike
}

/// Whether each has a word that the other one lacks. One name may say more, but not something else.
fn contradict(ones: &[String], others: &[String]) -> bool {
    let strays = |ones: &[String], others: &[String]| {
        ones.iter().any(|word| !others.iter().any(|other| fits(word, other)))
    };
    strays(ones, others) && strays(others, ones)
}

/// A person's name, normalized for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The given names, without middle initials.
    pub given: NameWords,
    pub family: NameWords,
    /// The generational suffix, which tells father from son.
    pub suffix: Option<Suffix>,
}

impl Name {
    pub fn new(given: &str, family: &str) -> Self {
        let (mut given, mut family) = (words(given), words(family));
        let suffix = suffix::take(&mut given, &mut family);
        while given.len() > 1 && given.last().is_some_and(|word| is_letter(word)) {
            given.pop();
        }
        Self { given: NameWords::given(&given), family: NameWords::family(&family), suffix }
    }

    /// Whether they could be two forms of one name, apart from suffixes.
    pub fn is_compatible(&self, other: &Self) -> bool {
        self.given.is_compatible_given(&other.given) && self.family.is_compatible_family(&other.family)
    }

    /// Whether the suffixes say that one is the father and the other the son.
    fn conflicts(&self, other: &Self) -> bool {
        self.suffix.zip(other.suffix).is_some_and(|(one, two)| one != two)
    }

    fn pieces(&self) -> Vec<String> {
        [self.given.pieces.as_slice(), &self.family.pieces].concat()
    }
}

/// Whether `full` (given and family names in one line, or the family name first and a comma) could be another
/// form of a person's name. The line does not say where the given names end, so every place is tried; so that
/// a second given name is not taken for a family name, the whole names must not contradict either.
pub fn is_compatible_full(full: &str, given: &str, family: &str) -> bool {
    let person = Name::new(given, family);
    let fits = |given: &str, family: &str| {
        let other = Name::new(given, family);
        let is_part = person.given.likeness(&other.given) > Likeness::Unlike
            || person.family.likeness(&other.family) > Likeness::Unlike
            || !contradict(&person.pieces(), &other.pieces());
        is_part && !other.conflicts(&person) && other.is_compatible(&person)
    };
    if let Some((family, given)) = full.split_once(',')
        && fits(given, family)
    {
        return true;
    }
    full.match_indices(char::is_whitespace).any(|(at, _)| {
        let (given, family) = full.split_at(at);
        fits(given, family)
    })
}
