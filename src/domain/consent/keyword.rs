//! The keywords that carriers in North America oblige a sender to understand, in each language.
//! A keyword counts only if it is the whole text: "cancel my visit" is a message to the practice, not
//! a request for silence.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::kit::{Language, folded_word};

/// A keyword, in any language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Keyword {
    /// No more texts from this sender.
    Stop,
    /// Resume texts from this sender.
    Start,
    /// Tell who writes, and how to stop it.
    Help,
}

impl Keyword {
    /// The spellings of the keyword in a language, without accents and spaces.
    fn words(self, language: Language) -> impl Iterator<Item = &'static str> {
        let spellings = match self {
            Self::Stop => "sms-keywords-stop",
            Self::Start => "sms-keywords-start",
            Self::Help => "sms-keywords-help",
        };
        language.text(spellings).split(' ')
    }
}

/// Longer texts are never keywords.
const LONGEST: usize = 40;

/// Parses `text`: its keyword and language, if it is one of the keywords and nothing else. Case, accents,
/// spaces and punctuation are ignored.
pub(super) fn parse(text: &str) -> Option<(Keyword, Language)> {
    if text.len() > LONGEST {
        return None;
    }
    let word = folded_word(text);
    let all = Language::VARIANTS
        .iter()
        .flat_map(|language| Keyword::VARIANTS.iter().map(move |it| (*it, *language)));
    let is_meant = |(keyword, language): &(Keyword, Language)| {
        keyword.words(*language).any(|known| known.eq_ignore_ascii_case(&word))
    };
    all.into_iter().find(is_meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_counts_in_any_spelling_and_only_alone() {
        for text in ["STOP", "stop", " Stop. ", "\"stop\"", "STOP ALL", "opt-out", "Quit!", "ＳＴＯＰ"] {
            assert_eq!(parse(text), Some((Keyword::Stop, Language::En)), "{text}");
        }
        assert_eq!(parse("¡Alto!"), Some((Keyword::Stop, Language::Es)));
        assert_eq!(parse("unstop"), Some((Keyword::Start, Language::En)));
        assert_eq!(parse("Info?"), Some((Keyword::Help, Language::En)));
        assert_eq!(parse("Arrêt"), Some((Keyword::Stop, Language::FrCa)));
        for text in ["", "cancel my visit", "the end", "stop by tomorrow", "yes please", "123456", "🛑"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"STOP ".repeat(200)), None);
    }
}
