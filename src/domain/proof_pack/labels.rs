//! Labels of the proof of identity.

use serde_json::Value;

use crate::domain::conversations::IdentityState;
use crate::domain::identity::grading::Field;
use crate::domain::identity::grading::matching::{Agreement, Grade};
use crate::domain::identity::{Basis, Doubt, Kind, Method};
use crate::domain::links;
use crate::kit::Language;

/// Label of an identity state.
pub fn state(language: Language, state: IdentityState) -> &'static str {
    match state {
        IdentityState::Confirmed => language.text("proof-state-confirmed"),
        IdentityState::Rejected => language.text("console-rejected"),
        IdentityState::ReVerify => language.text("proof-state-re-verify"),
        IdentityState::Unverified => language.text("console-unverified"),
    }
}

/// Label of a match grade.
pub fn grade(language: Language, grade: Grade) -> &'static str {
    match grade {
        Grade::Match => language.text("proof-grade-match"),
        Grade::Certain => language.text("proof-grade-certain"),
        Grade::Partial => language.text("proof-grade-partial"),
        Grade::Ambiguous => language.text("proof-grade-ambiguous"),
        Grade::None => language.text("proof-grade-none"),
    }
}

/// Label of a decision.
pub fn decision(language: Language, kind: Kind) -> &'static str {
    match kind {
        Kind::Confirm => language.text("proof-state-confirmed"),
        Kind::Reject => language.text("console-rejected"),
        Kind::Undo => language.text("proof-decision-undo"),
        Kind::ReVerify => language.text("proof-state-re-verify"),
    }
}

/// How the link or invite reached the patient's device.
pub fn reached(language: Language, method: links::Method) -> &'static str {
    use links::Method;
    match method {
        Method::UniversalLink => language.text("proof-reached-universal-link"),
        Method::PlayReferrer => language.text("proof-reached-play-referrer"),
        Method::AppClip => language.text("proof-reached-app-clip"),
        Method::Pasteboard => language.text("proof-reached-pasteboard"),
        Method::Typed => language.text("proof-reached-typed"),
        Method::Scanned => language.text("proof-reached-scanned"),
        Method::PhoneFirst => language.text("proof-reached-phone-first"),
        Method::Invite => language.text("proof-reached-invite"),
    }
}

/// How the identity was confirmed, or why it needs to be confirmed again.
pub fn basis(language: Language, basis: Basis) -> &'static str {
    match basis {
        Basis::Method(method) => self::method(language, method),
        Basis::Doubt(Doubt::NumberChanged) => language.text("proof-the-number-changed"),
        Basis::Doubt(Doubt::NewDevice) => language.text("proof-a-new-device-signed-in"),
        Basis::Doubt(Doubt::DetailsChanged) => language.text("proof-name-or-birth-date-changed"),
    }
}

/// How the identity was confirmed.
pub fn method(language: Language, method: Method) -> &'static str {
    match method {
        Method::RecordMatch => language.text("proof-method-record-match"),
        Method::CallBack => language.text("proof-method-call-back"),
        Method::InPerson => language.text("proof-method-in-person"),
        Method::DateOfBirth => language.text("proof-method-date-of-birth"),
        Method::PhotoId => language.text("proof-method-photo-id"),
        Method::Invite => language.text("proof-method-invite"),
    }
}

/// Label of how closely one field matches.
pub fn agreement(language: Language, agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Equal => language.text("proof-agreement-equal"),
        Agreement::Close => language.text("proof-agreement-close"),
        Agreement::Differs => language.text("proof-agreement-differs"),
        Agreement::NotGiven => language.text("console-not-given"),
        Agreement::NotOnRecord => language.text("proof-agreement-not-on-record"),
    }
}

/// How closely each field matched when the decision was made, record by record.
pub fn compared(language: Language, json: &str) -> String {
    let stored: Value = serde_json::from_str(json).unwrap_or_default();
    let fields = [
        (Field::GivenName, language.text("proof-given-name")),
        (Field::FamilyName, language.text("proof-family-name")),
        (Field::BirthDate, language.text("proof-birth-date")),
        (Field::Phone, language.text("proof-number")),
        (Field::Email, language.text("proof-e-mail")),
    ];
    let candidates = stored.get("candidates").and_then(Value::as_array).cloned().unwrap_or_default();
    if candidates.is_empty() {
        return format!("{} {}", language.text("proof-compared"), grade(language, Grade::None));
    }
    let record = |found: &Value| {
        let parts = fields.map(|(field, name)| {
            let stored =
                found.get(<&str>::from(field)).and_then(Value::as_str).and_then(|text| text.parse().ok());
            format!("{name} {}", agreement(language, stored.unwrap_or(Agreement::NotOnRecord)))
        });
        parts.join(", ")
    };
    let records: Vec<String> = candidates.iter().take(3).map(record).collect();
    format!("{} {}", language.text("proof-compared"), records.join(" | "))
}
