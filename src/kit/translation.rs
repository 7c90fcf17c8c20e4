//! Translations: every text that a patient or a practice reads, in the reader's language.
//!
//! The texts are Fluent files in `assets/locales/LANGUAGE/SUBJECT.ftl`, and part of the binary. A message's
//! id begins with its subject, so the id tells the file. Code and templates name ids only as literals:
//! `tests/translations.rs` compares them with the files, and the files of all languages with each other.
//!
//! `fluent-bundle` itself, not `fluent-templates` on top of it: that returns a new `String` per text, and
//! most texts have no variables, so they are formatted once and lent for the life of the process.

use std::collections::HashMap;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::Entry;
use strum::VariantArray as _;

use super::Language;

/// The translations of one language.
struct Locale {
    bundle: FluentBundle<FluentResource>,
    /// The texts without variables, formatted.
    fixed: HashMap<String, String>,
}

static LOCALES: LazyLock<HashMap<Language, Locale>> =
    LazyLock::new(|| Language::VARIANTS.iter().map(|language| (*language, Locale::of(*language))).collect());

/// Marks the place of a variable while a text is split there (object replacement character).
const GAP: &str = "\u{fffc}";

impl Locale {
    /// A file that does not parse would be an error of the build: the tests read all of them strictly.
    fn of(language: Language) -> Self {
        let tags = language.as_str().parse().into_iter().collect();
        let mut bundle = FluentBundle::new_concurrent(tags);
        // No Unicode isolation marks around variables: they would end up in text messages and subjects.
        bundle.set_use_isolating(false);
        let mut ids = Vec::new();
        for source in language.translations() {
            let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(parsed, _)| parsed);
            ids.extend(resource.entries().filter_map(id_of));
            bundle.add_resource_overriding(resource);
        }
        let mut locale = Self { bundle, fixed: HashMap::new() };
        let fixed = ids.into_iter().filter_map(|id| locale.format(&id, None).map(|text| (id, text)));
        locale.fixed = fixed.collect();
        locale
    }

    /// `None` if the message is missing, or needs a variable that `args` lacks.
    fn format(&self, message: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.bundle.get_message(message)?.value()?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }
}

fn id_of(entry: &Entry<&str>) -> Option<String> {
    match entry {
        Entry::Message(message) => Some(message.id.name.to_owned()),
        _ => None,
    }
}

/// A word that somebody typed, as lower-case ASCII letters and digits: `Correo electrónico` and
/// `correo_electronico` are one.
pub fn folded_word(typed: &str) -> String {
    deunicode::deunicode(typed).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

impl Language {
    /// The text of a message without variables. A message that this language lacks is read in English.
    pub fn text(self, message: &'static str) -> &'static str {
        let fixed = |language| LOCALES.get(&language).and_then(|locale| locale.fixed.get(message));
        fixed(self).or_else(|| fixed(Self::default())).map_or(message, String::as_str)
    }

    /// The words of a message in every language, separated by spaces there: what people may type, such as
    /// the headings of a list or the keywords of a text message.
    pub fn words_of_all(message: &'static str) -> impl Iterator<Item = &'static str> {
        Self::VARIANTS.iter().flat_map(move |language| language.text(message).split(' '))
    }

    /// The label of a member of a set, as stored: the message `SET-MEMBER`, with hyphens for the member's
    /// dots and underscores. `None` if there is none, as for the keys of an audit event's open detail.
    pub fn label(self, set: &'static str, member: &str) -> Option<&'static str> {
        let id = format!("{set}-{}", member.replace(['.', '_'], "-"));
        LOCALES.get(&self)?.fixed.get(&id).map(String::as_str)
    }

    /// The text of a message with its variables filled in; numbers choose the plural form.
    pub fn text_with(self, message: &'static str, variables: &[(&'static str, FluentValue<'_>)]) -> String {
        self.filled(message, &variables.iter().cloned().collect())
    }

    /// The text before and after the variable `gap`, so that a page can put markup there.
    pub fn text_around(
        self,
        message: &'static str,
        gap: &'static str,
        variables: &[(&'static str, FluentValue<'_>)],
    ) -> (String, String) {
        let mut all: FluentArgs<'_> = variables.iter().cloned().collect();
        all.set(gap, GAP);
        let text = self.filled(message, &all);
        let (before, after) = text.split_once(GAP).unwrap_or((&text, ""));
        (before.to_owned(), after.to_owned())
    }

    fn filled(self, message: &str, variables: &FluentArgs<'_>) -> String {
        let filled =
            |language| LOCALES.get(&language).and_then(|locale| locale.format(message, Some(variables)));
        filled(self).or_else(|| filled(Self::default())).unwrap_or_else(|| message.to_owned())
    }
}
