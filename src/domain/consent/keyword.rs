//! The keywords that carriers in North America oblige a sender to understand, in English and Spanish.
//! A keyword counts only if it is the whole text: "cancel my visit" is a message to the practice, not
//! a request for silence.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::kit::Language;

/// A keyword, in either language.
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

/// Longer texts are never keywords.
const LONGEST: usize = 40;

/// Parses `text`: its keyword and language, if it is one of the keywords and nothing else. Case, accents,
/// spaces and punctuation are ignored.
pub(super) fn parse(text: &str) -> Option<(Keyword, Language)> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = deunicode::deunicode(text);
    let word: String =
        plain.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Some(match word.as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
            (Keyword::Stop, Language::En)
        }
        "ALTO" | "PARAR" | "PARE" | "DETENER" | "CANCELAR" | "BAJA" | "TERMINAR" => {
            (Keyword::Stop, Language::Es)
        }
        "START" | "YES" | "UNSTOP" | "OPTIN" => (Keyword::Start, Language::En),
        "COMENZAR" | "INICIAR" | "EMPEZAR" | "ALTA" => (Keyword::Start, Language::Es),
        "HELP" | "INFO" => (Keyword::Help, Language::En),
        "AYUDA" => (Keyword::Help, Language::Es),
        _ => return None,
    })
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
        for text in ["", "cancel my visit", "the end", "stop by tomorrow", "yes please", "123456", "🛑"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"STOP ".repeat(200)), None);
    }
}
