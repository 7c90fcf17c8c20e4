//! Generational suffixes, which tell father from son where both have the same name, in any spelling.
//!
//! A word counts as a suffix only in the last place and only if it is not the name itself: "Junior" is a
//! given name, "Senior" and "Neto" are family names. "Jun." and "Sen." are left out, because "Min-jun" is one
//! Korean given name and Sen a Bengali family name; so is "V" behind a given name, where it is a middle
//! initial. A mistake does little harm: it counts only against a person with another suffix.

/// The generation of a person among people with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// "Sr.", the first of the name.
    Senior,
    /// "Jr.", which is also the second.
    Junior,
    /// The third, fourth and so on.
    Nth(u8),
    /// "Sobrinho", named after his uncle.
    Nephew,
}

/// The spellings, normalized. A Brazilian "Filho" is the son of his namesake and "Neto" the grandson;
/// Spanish says "hijo" and "padre".
const SPELLINGS: [(&[&str], Suffix); 8] = [
    (&["sr", "snr", "senior", "1st", "padre"], Suffix::Senior),
    (&["jr", "jnr", "junior", "ii", "2nd", "second", "filho", "hijo"], Suffix::Junior),
    (&["iii", "3rd", "third", "neto"], Suffix::Nth(3)),
    (&["iv", "4th", "fourth"], Suffix::Nth(4)),
    (&["5th", "fifth"], Suffix::Nth(5)),
    (&["vi", "6th", "sixth"], Suffix::Nth(6)),
    (&["vii", "7th", "seventh"], Suffix::Nth(7)),
    (&["sobrinho"], Suffix::Nephew),
];

/// Removes the suffix from a person's family or given names; if both have one, the family name's counts.
pub(super) fn take(given: &mut Vec<String>, family: &mut Vec<String>) -> Option<Suffix> {
    let behind_given = take_last(given, spelled);
    take_last(family, |word| spelled(word).or_else(|| (word == "v").then_some(Suffix::Nth(5))))
        .or(behind_given)
}

fn spelled(word: &str) -> Option<Suffix> {
    SPELLINGS.iter().find(|(spellings, _)| spellings.contains(&word)).map(|(_, suffix)| *suffix)
}

fn take_last(words: &mut Vec<String>, spelled: impl Fn(&str) -> Option<Suffix>) -> Option<Suffix> {
    let (last, before) = words.split_last()?;
    let suffix = spelled(last)?;
    // "The third" is two words.
    let kept = before.len() - usize::from(before.last().is_some_and(|word| word == "the"));
    if kept == 0 {
        return None;
    }
    words.truncate(kept);
    Some(suffix)
}
