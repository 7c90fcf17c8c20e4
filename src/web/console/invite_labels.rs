//! Translations for the invite pages that are not in their templates.

use super::labels::Confirmation;
use crate::domain::invites::State;
use crate::domain::invites::import::RowResult;
use crate::kit::Language;
use crate::web::http::{Code, FieldError};

/// The label of an invite's state.
pub(super) fn state(language: Language, state: State) -> &'static str {
    match state {
        State::Draft => language.text("invites-state-draft"),
        State::Sent => language.text("invites-state-sent"),
        State::Opened => language.text("invites-state-opened"),
        State::PhoneOk => language.text("invites-state-phone-ok"),
        State::EmailOk => language.text("invites-state-email-ok"),
        State::Accepted => language.text("invites-state-accepted"),
        State::Expired => language.text("invites-state-expired"),
        State::Revoked => language.text("invites-state-revoked"),
        State::Bounced => language.text("invites-state-bounced"),
    }
}

/// What a state means, and what to do next.
pub(super) fn advice(language: Language, state: State) -> &'static str {
    let id = match state {
        State::Draft => "invites-advice-draft",
        State::Sent => "invites-advice-sent",
        State::Opened => "invites-advice-opened",
        State::PhoneOk => "invites-advice-phone-ok",
        State::EmailOk => "invites-advice-email-ok",
        State::Accepted => "invites-advice-accepted",
        State::Expired => "invites-advice-expired",
        State::Revoked => "invites-advice-revoked",
        State::Bounced => "invites-advice-bounced",
    };
    language.text(id)
}

/// The CSS class of a state's badge.
pub(super) fn badge(state: State) -> &'static str {
    match state {
        State::Accepted => "active",
        State::Sent | State::Opened | State::PhoneOk | State::EmailOk => "paused",
        State::Bounced => "failed",
        State::Draft | State::Expired | State::Revoked => "",
    }
}

/// The result of one row of a list.
pub(super) fn result(language: Language, result: RowResult) -> &'static str {
    let id = match result {
        RowResult::Created => "invites-result-created",
        RowResult::NameInvalid => "invites-result-name-invalid",
        RowResult::PhoneInvalid => "invites-result-phone-invalid",
        RowResult::EmailInvalid => "invites-result-email-invalid",
        RowResult::LanguageInvalid => "invites-result-language-invalid",
        RowResult::InviteLimited => "invites-result-invite-limited",
        RowResult::OptedOut => "invites-result-opted-out",
        RowResult::PhoneTypeRefused => "invites-result-phone-type-refused",
        RowResult::CountryNotSupported => "invites-result-country-not-supported",
        RowResult::LinkPaused => "invites-result-link-paused",
        RowResult::Refused => "invites-result-refused",
    };
    language.text(id)
}

/// What the invite pages confirm, by the word in `?done=`.
pub(super) const DONE: &[Confirmation] = &[
    ("invited", "invites-done-invited"),
    ("sent-again", "invites-done-sent-again"),
    ("taken-back", "invites-done-taken-back"),
    ("list-taken", "console-importing"),
];

/// An error about a whole invite; `None` for codes of other pages.
pub(super) fn whole(language: Language, code: Code) -> Option<&'static str> {
    let id = match code {
        Code::InviteLimited => "invites-whole-invite-limited",
        Code::InviteFixed => "invites-whole-invite-fixed",
        Code::LinkPaused => "invites-whole-link-paused",
        _ => return None,
    };
    Some(language.text(id))
}

/// The id of the error message of a field; `None` for fields of other forms.
pub(super) fn wrong(error: &FieldError) -> Option<&'static str> {
    Some(match (error.pointer.as_str(), error.code.as_str()) {
        ("/name", _) => "invites-error-name",
        ("/phone", "opted_out") => "invites-error-opted-out",
        ("/phone", "phone_type_refused") => "invites-error-phone-type",
        ("/phone", "country_not_supported") => "invites-error-country",
        ("/phone", _) => "invites-error-phone",
        ("/email", _) => "invites-error-email",
        ("/link_id", _) => "invites-error-link",
        ("/list", "header") => "invites-error-header",
        ("/list", "shape") => "invites-error-shape",
        ("/list", "empty") => "invites-error-empty",
        ("/list", "too_many") => "invites-error-too-many",
        _ => return None,
    })
}
