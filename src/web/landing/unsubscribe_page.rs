//! The unsubscribe page: confirm, done, or unknown token.

use askama::Template;

use super::inline;
use crate::domain::notifications::{Frequency, Subscription};
use crate::kit::Language;

/// Which step of the page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Confirm,
    /// The mails were stopped, or lowered to one a day.
    Done,
}

struct Words {
    heading: &'static str,
    lead: &'static str,
    button: &'static str,
    after: &'static str,
}

#[derive(Template)]
#[template(path = "web/landing/unsubscribe.html")]
struct Page<'a> {
    language: Language,
    words: Words,
    practice_name: &'a str,
    link_label: &'a str,
}

/// Renders the page for a valid token.
pub(super) fn of(subscription: &Subscription, step: Step, language: Language) -> askama::Result<String> {
    let is_discreet = subscription.to.is_discreet();
    Page {
        language,
        words: words(language, step, subscription.frequency),
        practice_name: shown_or(is_discreet, &subscription.to.practice.name),
        link_label: shown_or(is_discreet, &subscription.to.link.label),
    }
    .render()
}

/// Renders the page for an unknown or altered token.
pub(super) fn unknown(language: Language) -> askama::Result<String> {
    let words = Words {
        heading: language.text("unsubscribe-unknown-heading"),
        lead: language.text("unsubscribe-unknown-lead"),
        button: "",
        after: language.text("unsubscribe-unknown-after"),
    };
    Page { language, words, practice_name: "", link_label: "" }.render()
}

fn shown_or(is_discreet: bool, text: &str) -> &str {
    if is_discreet { "" } else { text }
}

fn words(language: Language, step: Step, frequency: Frequency) -> Words {
    match (step, frequency) {
        (_, Frequency::Off) => Words {
            heading: language.text("unsubscribe-off-heading"),
            lead: language.text("unsubscribe-off-lead"),
            button: "",
            after: language.text("unsubscribe-off-after"),
        },
        (Step::Confirm, _) => Words {
            heading: language.text("unsubscribe-confirm-heading"),
            lead: language.text("unsubscribe-confirm-lead"),
            button: language.text("unsubscribe-confirm-button"),
            after: language.text("unsubscribe-confirm-after"),
        },
        (Step::Done, _) => Words {
            heading: language.text("unsubscribe-daily-heading"),
            lead: language.text("unsubscribe-daily-lead"),
            button: "",
            after: language.text("unsubscribe-daily-after"),
        },
    }
}
