//! Names as they are compared: without case, accents, hyphens and generational suffixes.

/// From this many letters on one slip may be forgiven: of "Lee" and "Leo" nobody can tell.
const FUZZY_LETTERS: usize = 5;

/// Which of two people of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Sr.
    Senior,
    /// Jr., which is also the second.
    Junior,
    /// The third, fourth …
    Nth(u8),
}

/// A name in its words, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    words: Vec<String>,
    joined: String,
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
    fn of(words: Vec<String>) -> Self {
        let joined = words.concat();
        Self { words, joined }
    }

    /// How alike they are. What folds to nothing is like nothing.
    pub fn likeness(&self, other: &Self) -> Likeness {
        alike(&self.joined, &other.joined)
    }

    /// Whether they could be two spellings of one given name: alike, or with the same first word, or an initial.
    pub fn is_compatible_given(&self, other: &Self) -> bool {
        let (Some(one), Some(two)) = (self.words.first(), other.words.first()) else { return false };
        let is_initial = (one.len() == 1 || two.len() == 1) && one.get(..1) == two.get(..1);
        self.likeness(other) > Likeness::Unlike || is_initial || alike(one, two) > Likeness::Unlike
    }

    /// Whether they could be two forms of one family name: alike, or with a whole word in common.
    pub fn is_compatible_family(&self, other: &Self) -> bool {
        self.likeness(other) > Likeness::Unlike
            || self.words.iter().any(|word| word.len() > 2 && other.words.contains(word))
    }
}

fn alike(one: &str, two: &str) -> Likeness {
    match one {
        "" => Likeness::Unlike,
        _ if one == two => Likeness::Equal,
        _ if one.len().min(two.len()) >= FUZZY_LETTERS && strsim::damerau_levenshtein(one, two) <= 1 => {
            Likeness::Close
        }
        _ => Likeness::Unlike,
    }
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
        let suffix = take_suffix(&mut family).or_else(|| take_suffix(&mut given));
        while given.len() > 1 && given.last().is_some_and(|word| word.len() == 1) {
            given.pop();
        }
        Self { given: Folded::of(given), family: Folded::of(family), suffix }
    }
}

/// Whether `full` (given names and family names in one line, or the family name first and a comma) could be another
/// form of a person's name. Where the given names end is not written, so every place is tried.
pub fn is_compatible_full(full: &str, given: &str, family: &str) -> bool {
    let person = Name::new(given, family);
    let fits = |given: &str, family: &str| {
        let other = Name::new(given, family);
        let suffix = other.suffix.is_none() || person.suffix.is_none() || other.suffix == person.suffix;
        suffix
            && other.given.is_compatible_given(&person.given)
            && other.family.is_compatible_family(&person.family)
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

/// Lower case and without accents, split at spaces and hyphens; an apostrophe joins ("O’Brien" is one word).
pub fn words(text: &str) -> Vec<String> {
    let plain = deunicode::deunicode(text).to_lowercase();
    let joined: String = plain.chars().filter(|c| !matches!(c, '\'' | '`')).collect();
    let words = joined.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A suffix stands last, and never alone: it would be the name itself.
fn take_suffix(words: &mut Vec<String>) -> Option<Suffix> {
    let suffix = match words.last()?.as_str() {
        "sr" => Suffix::Senior,
        "jr" | "ii" | "2nd" => Suffix::Junior,
        "iii" | "3rd" => Suffix::Nth(3),
        "iv" | "4th" => Suffix::Nth(4),
        _ => return None,
    };
    (words.len() > 1).then(|| words.pop()).flatten().map(|_| suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Folded {
        Name::new(text, "x").given
    }

    #[test]
    fn case_accents_hyphens_and_middle_initials_do_not_matter() {
        for (one, two) in
            [("José", "JOSE"), ("Mary-Ann", "Maryann"), ("Alex M.", "alex"), ("D'Arcy", "DARCY")]
        {
            assert_eq!(given(one).likeness(&given(two)), Likeness::Equal, "{one} {two}");
        }
    }

    #[test]
    fn one_slip_is_forgiven_from_five_letters_on() {
        for (one, two, likeness) in [
            ("Jonathan", "Jonathon", Likeness::Close),
            ("Martin", "Matrin", Likeness::Close),
            ("Maria", "Mario", Likeness::Close),
            ("Lee", "Leo", Likeness::Unlike),
            ("Anna", "Annas", Likeness::Unlike),
            ("Jonathan", "Johnathon", Likeness::Unlike),
        ] {
            assert_eq!(given(one).likeness(&given(two)), likeness, "{one} {two}");
        }
    }

    #[test]
    fn what_folds_to_nothing_is_like_nothing() {
        assert_eq!(given("…").likeness(&given("…")), Likeness::Unlike);
        assert!(!given("…").is_compatible_given(&given("…")));
    }

    #[test]
    fn a_suffix_is_read_wherever_it_is_written_and_never_alone() {
        let suffix = |given, family| Name::new(given, family).suffix;
        assert_eq!(suffix("Alex", "Rivera Jr."), Some(Suffix::Junior));
        assert_eq!(suffix("Alex", "Rivera, II"), Some(Suffix::Junior));
        assert_eq!(suffix("Alex Sr", "Rivera"), Some(Suffix::Senior));
        assert_eq!(suffix("Alex", "Rivera III"), Some(Suffix::Nth(3)));
        assert_eq!(suffix("Alex", "Jr"), None);
        assert_eq!(Name::new("Alex", "Rivera Jr.").family, Name::new("Alex", "Rivera").family);
    }

    #[test]
    fn a_name_in_one_line_is_read_both_ways() {
        for full in ["Alex Rivera", "Rivera, Alex", "alex m. rivera", "Alex Rivera-López", "Álex RIVERA Jr."]
        {
            assert!(is_compatible_full(full, "Alex", "Rivera"), "{full}");
        }
        for full in ["Alex", "Rivera", "Sam Rivera", "Alex Stone", "", "Alex Rivera Sr."] {
            assert!(!is_compatible_full(full, "Alex", "Rivera Jr."), "{full}");
        }
        assert!(is_compatible_full("María José de la Cruz", "María José", "De la Cruz"));
    }

    #[test]
    fn an_initial_and_a_double_name_are_compatible_and_a_sibling_is_not() {
        assert!(given("A").is_compatible_given(&given("Alex")));
        assert!(given("Mary").is_compatible_given(&given("Mary Ann")));
        assert!(!given("Ana").is_compatible_given(&given("Eva")));
        let family = |text| Name::new("x", text).family;
        assert!(family("Ruiz").is_compatible_family(&family("Ruiz López")));
        assert!(!family("Ruiz").is_compatible_family(&family("de la Cruz")));
    }
}
