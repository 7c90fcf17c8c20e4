//! Translations of the inbox.

use crate::domain::conversations::IdentityState;
use crate::domain::identity::grading::Field;
use crate::kit::{Language, Timestamp};
use crate::web::console::errors::Errors;
use crate::web::console::labels::Confirmation;
use crate::web::http::{Code, Problem};

/// What the inbox pages confirm, by the word in `?done=`.
pub(crate) const DONE: &[Confirmation] = &[
    ("assigned", "inbox-done-assigned"),
    ("handed", "inbox-done-handed"),
    ("tagged", "inbox-done-tagged"),
    ("marked", "inbox-done-marked"),
    ("confirm", "inbox-done-confirm"),
    ("reject", "inbox-done-reject"),
    ("undo", "inbox-done-undo"),
];

/// Label of an identity state's badge.
pub(crate) fn badge(language: Language, state: IdentityState) -> &'static str {
    match state {
        IdentityState::Unverified => language.text("console-unverified"),
        IdentityState::Confirmed => language.text("inbox-badge-confirmed"),
        IdentityState::Rejected => language.text("console-rejected"),
        IdentityState::ReVerify => language.text("inbox-badge-re-verify"),
    }
}

/// How long ago something was.
pub(crate) fn age(language: Language, now: Timestamp, at: Timestamp) -> String {
    let minutes = now.seconds_from(at) / 60;
    let (number, unit) = match minutes {
        0 => return language.text("inbox-now").to_owned(),
        1..60 => (minutes, "min"),
        60..1_440 => (minutes / 60, "h"),
        _ => (minutes / 1_440, "d"),
    };
    language.text_with("inbox-age", &[("number", number.into()), ("unit", unit.into())])
}

/// The label of a patient's field.
pub(crate) fn field(language: Language, field: Field) -> &'static str {
    match field {
        Field::GivenName => language.text("console-given-name"),
        Field::FamilyName => language.text("inbox-field-family-name"),
        Field::BirthDate => language.text("console-birth-date"),
        Field::Phone => language.text("console-number"),
        Field::Email => language.text("console-e-mail"),
    }
}

/// The errors of a conversation's forms; `None` for problems that no form can fix.
pub(crate) fn errors(language: Language, problem: &Problem) -> Option<Errors> {
    let (pointer, id) = match problem.code {
        Code::InvalidRequest => return Some(fields(language, problem)),
        Code::IdentityUnverified => ("/acknowledge", "inbox-error-identity-unverified"),
        Code::ConversationClosed => ("", "inbox-error-conversation-closed"),
        Code::IdentityDecided => ("", "inbox-error-identity-decided"),
        Code::NothingToUndo => ("", "inbox-error-nothing-to-undo"),
        Code::IdempotencyKeyReused => ("", "inbox-error-idempotency-key-reused"),
        _ => return None,
    };
    Some(Errors::one(pointer, language.text(id)))
}

fn fields(language: Language, problem: &Problem) -> Errors {
    let pointer = problem.errors().first().map(|error| error.pointer.as_str()).unwrap_or_default();
    let id = match pointer {
        "/body" => "inbox-enter-a-message-of-1-to",
        "/method" => "inbox-choose-how-you-verified-the-patient",
        "/note" => "inbox-a-note-can-have-up-to",
        "/record_id" => "inbox-this-record-is-no-longer-a",
        _ => return Errors::of(language, problem),
    };
    Errors::one(pointer, language.text(id))
}
