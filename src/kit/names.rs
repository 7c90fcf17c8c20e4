//! Names as they are compared: without case, accents, hyphens, particles and generational suffixes.
//!
//! Two questions are asked of two names. How *alike* they are is asked of each field, and forgives one slip. Whether they
//! are *compatible* is asked of a whole name, and forgives what people do with theirs: marry, leave one of two family
//! names out, sign with an initial. Compatible names decide only beside a number and an address that agree, and even
//! there the careful answer is no: it has staff look, where a wrong yes would show one patient to another.

mod fold;
mod particles;
mod suffix;

pub use fold::search_words;
pub use suffix::Suffix;

use fold::words;

/// From this many letters on one slip may be forgiven: of "Lee" and "Leo" nobody can tell.
const FUZZY_LETTERS: usize = 5;
/// From this many letters on a word is enough to know a family name by.
const TELLING_LETTERS: usize = 3;

/// A name in its words, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    joined: String,
    /// Its words, bound ones at theirs.
    pieces: Vec<String>,
    /// How many letters it has without small words, which make no name longer: "de Wit" and "de Wet" are three each.
    letters: usize,
}

/// How alike two names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Two names.
    Unlike,
    /// One slip apart (Damerau–Levenshtein 1 on five letters or more).
    Close,
    /// The same.
    Equal,
}

impl Folded {
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

    /// How alike they are. What folds to nothing is like nothing.
    pub fn likeness(&self, other: &Self) -> Likeness {
        alike(&self.joined, &other.joined, self.letters.min(other.letters))
    }

    /// Whether they could be two spellings of one given name: alike, or with the same first word, or an initial, and no
    /// second name against another one.
    pub fn is_compatible_given(&self, other: &Self) -> bool {
        let (Some(one), Some(two)) = (self.pieces.first(), other.pieces.first()) else { return false };
        let begins = fits(one, two) && !contradict(&self.pieces, &other.pieces);
        begins || self.likeness(other) > Likeness::Unlike
    }

    /// Whether they could be two forms of one family name: alike, or with a significant word in common, and none
    /// against another one. Who marries adds a name or leaves one out; "García López" and "García Márquez" are cousins.
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

/// Whether it is of letters that each are one sound, Latin, Greek, Cyrillic or Armenian ones. Where a character is a
/// syllable or a whole word, or vowels are not written, one more or less is no slip but another name; nor is one
/// an initial.
fn is_alphabetic(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii() || matches!(c, '\u{370}'..='\u{58f}'))
}

fn is_letter(word: &str) -> bool {
    word.chars().count() == 1 && is_alphabetic(word)
}

/// Whether two words could be one: alike, or the one the other's initial.
fn fits(one: &str, two: &str) -> bool {
    let is_initial = (is_letter(one) || is_letter(two)) && one.chars().next() == two.chars().next();
    is_initial || alike(one, two, one.chars().count().min(two.chars().count())) > Likeness::Unlike
}

/// Whether both have a word that the other one lacks. One of them may say more, not something else.
fn contradict(ones: &[String], others: &[String]) -> bool {
    let strays = |ones: &[String], others: &[String]| {
        ones.iter().any(|word| !others.iter().any(|other| fits(word, other)))
    };
    strays(ones, others) && strays(others, ones)
}

/// A person's name, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Given names; a middle initial is none.
    pub given: Folded,
    /// Family names.
    pub family: Folded,
    /// What tells father from son.
    pub suffix: Option<Suffix>,
}

impl Name {
    /// A name as it is written.
    pub fn new(given: &str, family: &str) -> Self {
        let (mut given, mut family) = (words(given), words(family));
        let suffix = suffix::take(&mut given, &mut family);
        while given.len() > 1 && given.last().is_some_and(|word| is_letter(word)) {
            given.pop();
        }
        Self { given: Folded::given(&given), family: Folded::family(&family), suffix }
    }

    /// Whether they could be two forms of one name, suffixes aside.
    pub fn is_compatible(&self, other: &Self) -> bool {
        self.given.is_compatible_given(&other.given) && self.family.is_compatible_family(&other.family)
    }

    /// Whether one of them is the father and the other the son.
    fn conflicts(&self, other: &Self) -> bool {
        self.suffix.zip(other.suffix).is_some_and(|(one, two)| one != two)
    }

    fn pieces(&self) -> Vec<String> {
        [self.given.pieces.as_slice(), &self.family.pieces].concat()
    }
}

/// Whether `full` (given names and family names in one line, or the family name first and a comma) could be another
/// form of a person's name. Where the given names end is not written, so every place is tried; a second given
/// name must not be taken for a family name by that, so the names may not contradict each other as a whole either.
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

#[cfg(test)]
mod tests;
