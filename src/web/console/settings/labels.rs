//! Translations for the settings pages that are not in their templates.

use crate::domain::staff::{Role, State};
use crate::kit::Language;
use crate::web::console::labels::Confirmation;
use crate::web::http::{Code, FieldError};

/// What the settings pages confirm, by the word in `?done=`.
pub(crate) const DONE: &[Confirmation] = &[
    ("staff-invited", "settings-done-staff-invited"),
    ("colleague", "settings-done-colleague"),
    ("let-in", "settings-done-let-in"),
    ("shut-out", "settings-done-shut-out"),
    ("factor", "settings-done-factor"),
    ("team", "settings-done-team"),
    ("password", "settings-done-password"),
    ("session", "settings-done-session"),
    ("practice", "settings-done-practice"),
    ("logo", "settings-done-logo"),
    ("no-logo", "settings-done-no-logo"),
];

/// Field pointer, error code (empty: any code), and the id of the message.
const WRONG: &[(&str, &str, &str)] = &[
    ("/name", "length", "settings-error-name-length"),
    ("/city", "length", "settings-error-name-length"),
    ("/name", "team_exists", "settings-error-name-team-exists"),
    ("/email", "email", "settings-error-email-email"),
    ("/notice_email", "", "settings-error-email-email"),
    ("/email", "staff_exists", "settings-error-email-staff-exists"),
    ("/current_password", "current_password_wrong", "settings-error-current-password-current-password-wrong"),
    ("/new_password", "", "settings-error-new-password"),
    ("/code", "second_factor_wrong", "settings-error-code-second-factor-wrong"),
    ("/time_zone", "", "settings-error-time-zone"),
    ("/accent", "contrast", "settings-error-accent-contrast"),
    ("/accent", "", "settings-error-accent"),
    ("/language", "", "settings-error-language"),
    ("/countries", "", "settings-error-countries"),
    ("/logo", "too_large", "settings-error-logo-too-large"),
    ("/logo", "too_heavy", "settings-error-logo-too-heavy"),
    ("/logo", "", "settings-error-logo"),
    ("/from", "invalid_moment", "settings-error-from-invalid-moment"),
    ("/to", "invalid_moment", "settings-error-from-invalid-moment"),
    ("/from", "too_many", "settings-error-from-too-many"),
];

/// The error message of a field; `None` for fields of other forms.
pub(crate) fn wrong(language: Language, error: &FieldError) -> Option<&'static str> {
    let is_meant = |(pointer, code, _): &&(&str, &str, &str)| {
        *pointer == error.pointer && (code.is_empty() || *code == error.code)
    };
    WRONG.iter().find(is_meant).map(|(_, _, id)| language.text(id))
}

/// An error about a whole form; `None` for codes of other forms.
pub(crate) fn whole(language: Language, code: Code) -> Option<&'static str> {
    let id = match code {
        Code::LastAdmin => "settings-whole-last-admin",
        _ => return None,
    };
    Some(language.text(id))
}

/// The display name of a role.
pub(crate) fn role(language: Language, role: Role) -> &'static str {
    match role {
        Role::Admin => language.text("console-admin"),
        Role::Member => language.text("console-member"),
        Role::Support => language.text("settings-role-support"),
    }
}

/// The label of a staff member's account state.
pub(crate) fn staff_state(language: Language, state: State) -> &'static str {
    match state {
        State::Invited => language.text("settings-staff-state-invited"),
        State::Active => language.text("settings-staff-state-active"),
        State::Disabled => language.text("settings-staff-state-disabled"),
    }
}

/// The name of a country; its code if it has no translation here.
pub(crate) fn country(language: Language, code: &str) -> String {
    let id = match code {
        "US" => "settings-country-us",
        "CA" => "settings-country-ca",
        "MX" => "settings-country-mx",
        "PR" => "settings-country-pr",
        "GB" => "settings-country-gb",
        "ES" => "settings-country-es",
        "DE" => "settings-country-de",
        other => return other.to_owned(),
    };
    language.text(id).to_owned()
}
