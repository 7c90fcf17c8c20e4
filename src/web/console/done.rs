//! Confirmations of what was just done: after a form, the page that follows names one by its word (`?done=`).

use super::inbox::words as inbox;
use super::invite_words;
use super::settings::words as settings;
use super::words::{self, Confirmation, say};
use crate::kit::Language;

const LISTS: [&[Confirmation]; 4] = [words::DONE, settings::DONE, inbox::DONE, invite_words::DONE];

/// The confirmation of a word; empty for unknown words.
pub(super) fn text(word: &str, language: Language) -> &'static str {
    let found = LISTS.into_iter().flatten().find(|(known, ..)| *known == word);
    found.map_or("", |(_, en, es)| say(language, en, es))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn confirmation_words_are_each_in_one_list_only() {
        let mut known = BTreeSet::new();
        for (word, ..) in LISTS.into_iter().flatten() {
            assert!(known.insert(word), "{word}");
        }
    }
}
