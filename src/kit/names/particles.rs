//! Particles in names, and the significant words, by which two names can be recognized as the same.
//!
//! A *particle* (of, from, the, son of) belongs to half a country. People leave it out, so "de la Cruz" can
//! be "Cruz"; but what "van der Berg" shares with "van der Linden" means nothing. A *bound* word forms one
//! name with the word behind it: "San Juan" is neither "San Miguel" nor "Juan", and "Mac Donald" is
//! "Macdonald". The last word of a name always counts, even if it looks like a particle: Vietnamese Lê and
//! Đỗ, Chinese Du, the family name Van. A word that is missing from these lists does little harm: two names
//! that each have a word which the other one lacks differ under any list ([`super::NameWords`]).

/// Spanish, Portuguese, Italian, French; Dutch, German, Scandinavian; Arabic and Malay.
const PARTICLES: [&str; 61] = [
    "de", "del", "la", "las", "los", "el", "lo", "y", "e", "i", "da", "das", "do", "dos", "di", "dal",
    "dalla", "dei", "degli", "della", "delle", "dello", "delli", "du", "des", "le", "les", "van", "vande",
    "vanden", "vander", "den", "der", "dem", "ter", "ten", "te", "t", "op", "het", "in", "aan", "von", "vom",
    "zu", "zum", "zur", "und", "auf", "af", "av", "al", "ul", "bin", "bint", "binti", "binte", "ibn", "dela",
    "delos", "delas",
];

/// Saints, the Gaelic "son of" and "grandson of", and their like in Norman, Hebrew, Berber and Arabic.
const BOUND: [&str; 24] = [
    "san", "santa", "santo", "sao", "saint", "sainte", "st", "ste", "sta", "sto", "mac", "mc", "o", "fitz",
    "ap", "ben", "bar", "bat", "ait", "abd", "abdul", "abdel", "abu", "ould",
];

/// In given names, words that are not a name on their own: "Abdul" means "servant of the".
const BOUND_GIVEN: [&str; 7] = ["abd", "abdul", "abdel", "abdal", "abu", "umm", "um"];

/// The words of a name, with bound words joined to the next word.
pub(super) fn pieces(words: &[String]) -> Vec<String> {
    let (mut found, mut bound) = (Vec::new(), String::new());
    for (at, word) in words.iter().enumerate() {
        let goes_on = BOUND.contains(&word.as_str()) || (!bound.is_empty() && is_particle(word));
        if goes_on && at + 1 < words.len() {
            bound.push_str(unabridged(word));
        } else {
            found.push(std::mem::take(&mut bound) + word);
        }
    }
    found
}

/// The same for given names. The first one is the name in daily use: there an article is bound too, "La
/// Toya" is not "La Shawn".
pub(super) fn given_pieces(words: &[String]) -> Vec<String> {
    let opens = |word: &&String| is_particle(word) || BOUND_GIVEN.contains(&word.as_str());
    let before = words.iter().take(words.len().saturating_sub(1)).take_while(opens).count();
    let Some((first, more)) = words.split_at_checked(before + 1) else { return Vec::new() };
    std::iter::once(first.concat()).chain(pieces(more)).collect()
}

/// The words that are not particles; the last word always counts.
pub(super) fn significant(words: &[String]) -> impl Iterator<Item = &String> {
    let (last, before) = words.split_last().map_or((None, words), |(last, before)| (Some(last), before));
    before.iter().filter(|word| !is_particle(word) && !BOUND.contains(&word.as_str())).chain(last)
}

fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}

fn unabridged(word: &str) -> &str {
    match word {
        "st" => "saint",
        "ste" => "sainte",
        "sta" => "santa",
        "sto" => "santo",
        "mc" => "mac",
        _ => word,
    }
}
