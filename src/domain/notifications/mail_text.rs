//! Texts of the notifications. None of them says who connected.

use jiff::Zoned;

use super::store::Digest;
use super::zone;
use crate::domain::practices::Practice;
use crate::kit::{Language, Timestamp};

/// Text of a notification, in one language.
pub(super) struct MailText {
    /// Subject line and heading.
    pub heading: String,
    /// What happened, and what to do about it.
    pub lead: &'static str,
    /// Further facts, each with its label.
    pub facts: Vec<(&'static str, String)>,
    /// Label of the button.
    pub button: &'static str,
}

/// "A new patient connected."
pub(super) fn new_pairing(practice: &Practice, at: Timestamp, link_label: &str) -> MailText {
    let language = practice.language;
    MailText {
        heading: language.text("mail-new-pairing-heading").to_owned(),
        lead: language.text("mail-new-pairing-lead"),
        facts: about(language, moment(practice, at), link_label),
        button: language.text("mail-open-inbox"),
    }
}

/// "5 new patients connected."
pub(super) fn digest(practice: &Practice, digest: &Digest, link_label: &str) -> MailText {
    if digest.count == 1 {
        return new_pairing(practice, digest.first_at, link_label);
    }
    let language = practice.language;
    MailText {
        heading: language.text_with("mail-digest-heading", &[("count", digest.count.into())]),
        lead: language.text("mail-digest-lead"),
        facts: about(language, span(practice, digest.first_at, digest.last_at), link_label),
        button: language.text("mail-open-inbox"),
    }
}

/// "A patient signed in on a new device."
pub(super) fn new_device(practice: &Practice, at: Timestamp) -> MailText {
    let language = practice.language;
    MailText {
        heading: language.text("mail-new-device-heading").to_owned(),
        lead: language.text("mail-new-device-lead"),
        facts: about(language, moment(practice, at), ""),
        button: language.text("mail-open-inbox"),
    }
}

/// "An address refuses our e-mails."
pub(super) fn bounced(practice: &Practice, at: Timestamp) -> MailText {
    let language = practice.language;
    MailText {
        heading: language.text("mail-bounced-heading").to_owned(),
        lead: language.text("mail-bounced-lead"),
        facts: about(language, moment(practice, at), ""),
        button: language.text("mail-bounced-button"),
    }
}

/// "An invite was opened with a different number."
pub(super) fn other_number(practice: &Practice, at: Timestamp, link_label: &str) -> MailText {
    let language = practice.language;
    MailText {
        heading: language.text("mail-other-number-heading").to_owned(),
        lead: language.text("mail-other-number-lead"),
        facts: about(language, moment(practice, at), link_label),
        button: language.text("mail-other-number-button"),
    }
}

fn about(language: Language, when: String, link_label: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![(language.text("mail-when"), when)];
    if !link_label.is_empty() {
        facts.push((language.text("mail-link"), link_label.to_owned()));
    }
    facts
}

/// Date and time formats of a language.
fn formats(language: Language) -> (&'static str, &'static str) {
    (language.text("mail-date-format"), language.text("mail-time-format"))
}

fn local(practice: &Practice, at: Timestamp) -> Zoned {
    at.to_jiff().to_zoned(zone(practice))
}

/// Formats a moment in the practice's time zone.
fn moment(practice: &Practice, at: Timestamp) -> String {
    let (day, time) = formats(practice.language);
    local(practice, at).strftime(&format!("{day}, {time} %Z")).to_string()
}

/// Formats a period from the first to the last moment, as short as possible.
fn span(practice: &Practice, first_at: Timestamp, last_at: Timestamp) -> String {
    let (first, last) = (moment(practice, first_at), moment(practice, last_at));
    if first == last {
        return first;
    }
    let (day, time) = formats(practice.language);
    let (from, to) = (local(practice, first_at), local(practice, last_at));
    let is_one_day = from.date() == to.date() && from.offset() == to.offset();
    let from_time = from.strftime(time).to_string();
    let to_time = to.strftime(&format!("{time} %Z")).to_string();
    let day = from.strftime(day).to_string();
    let language = practice.language;
    match is_one_day {
        true => language.text_with(
            "mail-span-of-day",
            &[("day", day.into()), ("from", from_time.into()), ("to", to_time.into())],
        ),
        false => language.text_with("mail-span", &[("first", first.into()), ("last", last.into())]),
    }
}
