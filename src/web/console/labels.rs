//! Translations of the console: texts that are not in a page's own template.

use crate::domain::links::State;
use crate::domain::notifications::Frequency;
use crate::kit::{Language, Timestamp, Wait};
use crate::web::http::{Code, FieldError};

/// Confirmation of what was just done: the word in `?done=`, and the id of its text.
pub(super) type Confirmation = (&'static str, &'static str);

/// Confirmations about links, webhooks and notifications.
pub(super) const DONE: &[Confirmation] = &[
    ("created", "console-done-created"),
    ("saved", "console-done-saved"),
    ("paused", "console-done-paused"),
    ("resumed", "console-done-resumed"),
    ("retired", "console-done-retired"),
    ("told", "console-done-told"),
    ("tried", "console-done-tried"),
    ("replayed", "console-done-replayed"),
    ("disabled", "console-done-disabled"),
    ("enabled", "console-done-enabled"),
    ("deleted", "console-done-deleted"),
];

/// The texts of an error page.
pub(super) struct Apology {
    pub heading: &'static str,
    pub advice: &'static str,
    pub back: &'static str,
}

/// The texts of the error page for a problem code.
pub(super) fn apology(language: Language, code: Code) -> Apology {
    let (heading, advice) = match (code.status(), code) {
        (_, Code::SignatureInvalid) => (
            language.text("console-this-form-can-no-longer-be"),
            language.text("console-nothing-was-changed-open-the-page"),
        ),
        (403, _) => (
            language.text("console-you-do-not-have-permission-to"),
            language.text("console-nothing-was-changed-ask-an-admin"),
        ),
        (404, _) => {
            (language.text("console-page-not-found"), language.text("console-the-address-may-be-mistyped-or"))
        }
        (400..500, _) => (
            language.text("console-this-page-cannot-be-shown"),
            language.text("console-nothing-was-changed-go-back-and"),
        ),
        _ => (language.text("console-apology"), language.text("console-nothing-was-changed-wait-a-moment")),
    };
    Apology { heading, advice, back: language.text("console-go-to-the-console") }
}

/// The error of a failed sign-in step.
pub(super) fn wrong_sign_in(language: Language, is_token: bool, is_code: bool) -> &'static str {
    match (is_token, is_code) {
        (true, _) => language.text("console-this-token-is-not-valid"),
        (_, true) => language.text("console-wrong-code"),
        _ => language.text("console-wrong-sign-in"),
    }
}

/// The sign-in expired between its two steps.
pub(super) fn sign_in_expired(language: Language) -> &'static str {
    language.text("console-that-took-too-long-or-there")
}

/// The link of an invitation or reset was used, replaced, or has expired.
pub(super) fn password_link_expired(language: Language) -> &'static str {
    language.text("console-this-link-was-already-used-or")
}

/// The password is too easy to guess.
pub(super) fn weak_password(language: Language) -> &'static str {
    language.text("console-weak-password")
}

/// Rate limited: too many attempts.
pub(super) fn wait(language: Language, wait: Wait) -> String {
    language.text_with("console-wait", &[("seconds", wait.seconds.into())])
}

/// A point in time in the given time zone.
pub(super) fn time(language: Language, at: Timestamp, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = at.to_jiff().to_zoned(zone);
    let pattern = language.text("console-moment-format");
    at.strftime(pattern).to_string()
}

/// The label of a link's state.
pub(super) fn state(language: Language, state: State) -> &'static str {
    match state {
        State::Active => language.text("console-active"),
        State::Paused => language.text("console-state-paused"),
        State::Retired => language.text("console-state-retired"),
        State::Closed => language.text("console-state-closed"),
    }
}

/// The label of a notification frequency.
pub(super) fn frequency(language: Language, frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Immediate => language.text("console-frequency-immediate"),
        Frequency::Hourly => language.text("console-frequency-hourly"),
        Frequency::Daily => language.text("console-frequency-daily"),
        Frequency::Off => language.text("console-frequency-off"),
    }
}

/// The message of a problem that is not about one field; `None` for codes of other pages.
pub(super) fn whole(language: Language, code: Code) -> Option<&'static str> {
    Some(match code {
        Code::PlanRequired => language.text("console-whole-plan-required"),
        Code::WebhookLimit => language.text("console-whole-webhook-limit"),
        _ => return None,
    })
}

/// The message of a field. Problem details are English only, and for programmers: what a form shows is
/// translated here.
pub(super) fn wrong(language: Language, error: &FieldError) -> String {
    let id = match (error.pointer.as_str(), error.code.as_str()) {
        ("/label", _) => "links-error-label",
        ("/tags", _) => "links-error-tags",
        ("/welcome", _) => "links-error-welcome",
        ("/from" | "/to", _) => "visitors-error-days",
        (_, "unknown_id") => "links-error-unknown-id",
        ("/forward_to", _) => "links-error-forward-to",
        ("/frequency", "last_recipient") => "notifications-error-last-recipient",
        ("/state", _) => "links-error-state",
        ("/url", _) => "webhooks-error-url",
        _ => return error.detail.clone(),
    };
    language.text(id).to_owned()
}
