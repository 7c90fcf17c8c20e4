//! Confirmations of what was just done: after a form, the page that follows names one by its word (`?done=`).

use super::inbox::labels as inbox;
use super::invite_labels;
use super::labels::{self, Confirmation};
use super::settings::labels as settings;
use crate::kit::Language;

const LISTS: [&[Confirmation]; 4] = [labels::DONE, settings::DONE, inbox::DONE, invite_labels::DONE];

/// The confirmation of a word; empty for unknown words.
pub(super) fn text(word: &str, language: Language) -> &'static str {
    let found = LISTS.into_iter().flatten().find(|(known, ..)| *known == word);
    found.map_or("", |(_, id)| language.text(id))
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
