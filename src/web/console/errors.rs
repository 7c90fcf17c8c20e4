//! The errors of a form, translated, by field.

use super::settings::labels as settings;
use super::{invite_labels, labels};
use crate::kit::Language;
use crate::web::http::{FieldError, Problem};

/// The errors of a form, by field.
#[derive(Default)]
pub(super) struct Errors(Vec<(String, String)>);

impl Errors {
    /// Errors as pairs of JSON pointer and message.
    pub(super) fn new(errors: Vec<(String, String)>) -> Self {
        Self(errors)
    }

    /// The errors of a problem by field; a problem without field errors concerns the whole form.
    pub(super) fn of(language: Language, problem: &Problem) -> Self {
        let fields: Vec<_> =
            problem.errors().iter().map(|error| (error.pointer.clone(), wrong(language, error))).collect();
        match fields.is_empty() {
            true => Self(vec![(String::new(), whole(language, problem))]),
            false => Self(fields),
        }
    }

    /// One error, at the field of `pointer`.
    pub(super) fn one(pointer: &str, text: &str) -> Self {
        Self(vec![(pointer.to_owned(), text.to_owned())])
    }

    /// The error of one field; empty if the field has no error.
    pub(super) fn at(&self, pointer: &str) -> &str {
        let found = self.0.iter().find(|(at, _)| at == pointer);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    }

    /// All errors, each with the id of its field on the page.
    pub(super) fn all(&self) -> Vec<(&str, &str)> {
        let field =
            |pointer: &'_ str| pointer.trim_start_matches('/').split('/').next().unwrap_or_default().len();
        self.0
            .iter()
            .map(|(pointer, text)| {
                let name = pointer.trim_start_matches('/');
                (name.get(..field(pointer)).unwrap_or_default(), text.as_str())
            })
            .collect()
    }

    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }
}

fn whole(language: Language, problem: &Problem) -> String {
    let text = labels::whole(language, problem.code)
        .or_else(|| settings::whole(language, problem.code))
        .or_else(|| invite_labels::whole(language, problem.code));
    text.unwrap_or(problem.detail()).to_owned()
}

fn wrong(language: Language, error: &FieldError) -> String {
    if let Some(text) = settings::wrong(language, error) {
        return text.to_owned();
    }
    match invite_labels::wrong(error) {
        Some(id) => language.text(id).to_owned(),
        None => labels::wrong(language, error),
    }
}
