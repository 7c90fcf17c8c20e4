//! Translations for the record pages that are not in their templates.

use super::errors::Errors;
use crate::domain::record_imports::{Import, ImportProblem};
use crate::kit::Language;
use crate::web::http::{Code, FieldError, Problem};

/// Columns whose heading can be given, by form field name.
pub(super) const COLUMNS: [&str; 6] = ["number", "given_name", "family_name", "birth_date", "phone", "email"];

/// The labels of [`COLUMNS`], in the same order.
pub(super) fn columns(language: Language) -> [&'static str; 6] {
    [
        language.text("records-record-number"),
        language.text("console-given-name"),
        language.text("records-family-name"),
        language.text("records-kind-birth-date"),
        language.text("records-mobile-or-phone"),
        language.text("console-e-mail-sign-in"),
    ]
}

/// The error of a form sent without a file.
pub(super) fn no_file() -> Problem {
    Problem::unreadable(
        "Choose a file.",
        vec![FieldError {
            pointer: "/file".to_owned(),
            code: "no_file".to_owned(),
            detail: "Choose a file.".to_owned(),
        }],
    )
}

/// The file's headings, as quoted in a problem's detail.
pub(super) fn headings(problem: &Problem) -> String {
    let detail = problem.detail();
    detail.find('“').and_then(|at| detail.get(at..)).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The errors of an uploaded file, each at its field.
pub(super) fn errors(language: Language, problem: &Problem) -> Errors {
    let at = |error: &FieldError| match error.pointer.as_str() {
        "" => "/file".to_owned(),
        pointer => pointer.to_owned(),
    };
    let whole = |text: &str| Errors::new(vec![("/file".to_owned(), text.to_owned())]);
    match problem.code {
        Code::ImportRunning => whole(language.text("records-another-import-is-running-wait-until")),
        Code::BodyTooLarge => whole(language.text("records-this-file-is-too-large-the")),
        _ => Errors::new(problem.errors().iter().map(|error| (at(error), wrong(language, error))).collect()),
    }
}

/// Names the column, because several may be missing.
fn no_column(language: Language, pointer: &str) -> String {
    let place = COLUMNS.iter().position(|name| pointer.strip_prefix("/column_") == Some(name));
    let word = place.and_then(|place| columns(language).get(place).copied()).unwrap_or_default();
    language.text_with("records-no-column", &[("column", word.into())])
}

fn wrong(language: Language, error: &FieldError) -> String {
    if error.code == "column_missing" {
        return no_column(language, &error.pointer);
    }
    let id = match error.code.as_str() {
        "no_file" => "records-wrong-no-file",
        "no_rows" => "records-wrong-no-rows",
        "encoding_unknown" => "records-wrong-encoding-unknown",
        "not_a_bundle" => "records-wrong-not-a-bundle",
        "row_too_long" => "records-wrong-row-too-long",
        _ => "records-wrong",
    };
    language.text(id).to_owned()
}

/// How many records a complete list left out that stay active.
pub(super) fn left_out(language: Language, import: &Import) -> String {
    let (left_out, before) = (import.left_out, import.active_before.unwrap_or(0));
    language.text_with("records-left-out", &[("left_out", left_out.into()), ("before", before.into())])
}

/// How many refused rows do not identify a patient.
pub(super) fn unread(language: Language, import: &Import) -> String {
    language.text_with("records-unread", &[("rows", import.unread.into())])
}

/// Why records that a complete list left out stay active, and what to do.
pub(super) fn why_records_stay(language: Language, import: &Import) -> String {
    if import.problem() == Some(ImportProblem::ReplaceHasUnreadRows) {
        let what = language.text("records-a-patient-who-seems-to-be");
        return format!("{} {what}", unread(language, import));
    }
    let what = language.text("records-that-is-more-than-half-so");
    what.to_owned()
}

/// An import's counts so far, in one line.
pub(super) fn summary(language: Language, import: &Import) -> String {
    language.text_with(
        "records-summary",
        &[
            ("created", import.created.into()),
            ("changed", import.changed.into()),
            ("unchanged", import.unchanged.into()),
            ("refused", import.refused.into()),
        ],
    )
}
