//! The keywords that carriers in North America oblige a sender to understand, in English and Spanish.
//! A keyword counts only if it is the whole text: "cancel my visit" is a message to the practice, not
//! a request for silence.

use crate::kit::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// No more texts from this sender.
    Stop,
    /// Resume texts from this sender.
    Start,
    /// Tell who writes, and how to stop it.
    Help,
}

impl Word {
    /// The value in metrics and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Help => "help",
        }
    }
}

/// Longer texts are never keywords.
const LONGEST: usize = 40;

/// Parses `text`: its keyword and language, if it is one of the keywords and nothing else. Case, accents,
/// spaces and punctuation are ignored.
pub fn read(text: &str) -> Option<(Word, Language)> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = deunicode::deunicode(text);
    let word: String =
        plain.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Some(match word.as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
            (Word::Stop, Language::En)
        }
        "ALTO" | "PARAR" | "PARE" | "DETENER" | "CANCELAR" | "BAJA" | "TERMINAR" => {
            (Word::Stop, Language::Es)
        }
        "START" | "YES" | "UNSTOP" | "OPTIN" => (Word::Start, Language::En),
        "COMENZAR" | "INICIAR" | "EMPEZAR" | "ALTA" => (Word::Start, Language::Es),
        "HELP" | "INFO" => (Word::Help, Language::En),
        "AYUDA" => (Word::Help, Language::Es),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_in_any_dress_and_only_alone() {
        for text in ["STOP", "stop", " Stop. ", "\"stop\"", "STOP ALL", "opt-out", "Quit!", "ＳＴＯＰ"] {
            assert_eq!(read(text), Some((Word::Stop, Language::En)), "{text}");
        }
        assert_eq!(read("¡Alto!"), Some((Word::Stop, Language::Es)));
        assert_eq!(read("unstop"), Some((Word::Start, Language::En)));
        assert_eq!(read("Info?"), Some((Word::Help, Language::En)));
        for text in ["", "cancel my visit", "the end", "stop by tomorrow", "yes please", "123456", "🛑"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"STOP ".repeat(200)), None);
    }
}
