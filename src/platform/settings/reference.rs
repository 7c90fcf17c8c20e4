//! What the declarations say about each setting: for the operator's page, for the example file, and for the
//! lines that refuse a name or a value.

use confique::meta::{Expr, Field, FieldKind, LeafKind, Meta};
use toml::{Table, Value};

/// What the name of every variable in the environment begins with.
pub const PREFIX: &str = "PRACTICE_LINKS_";

/// A table of the file, such as `[database]`. The settings that stand before the first table have no name.
pub struct Section {
    pub name: &'static str,
    pub meaning: String,
    pub settings: Vec<Setting>,
}

/// A setting as it is declared.
pub struct Setting {
    /// The path in the file, such as `database.url`.
    pub path: String,
    pub meaning: String,
    /// In words, where the default is computed or has none to show.
    pub default_in_words: Option<String>,
    /// The default, if it says something: an empty text or list does not.
    pub default: Option<Value>,
    /// What it could look like where there is no default.
    pub example: Option<Value>,
    /// Whether the setting may be missing; otherwise it has a default.
    pub is_optional: bool,
}

impl Setting {
    /// The variable that sets it in the environment.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.replace('.', "__").to_ascii_uppercase())
    }

    /// A value that it can have: the example, or else the default.
    pub fn sample(&self) -> Option<&Value> {
        self.example.as_ref().or(self.default.as_ref())
    }
}

/// All sections of `roots`. The settings before the first table come first.
pub fn sections(roots: &[&'static Meta]) -> Vec<Section> {
    let mut found = vec![Section { name: "", meaning: String::new(), settings: Vec::new() }];
    for field in roots.iter().flat_map(|root| root.fields) {
        match (&field.kind, found.first_mut()) {
            (FieldKind::Leaf { kind, .. }, Some(top)) => top.settings.push(setting("", field, kind)),
            (FieldKind::Nested { meta }, _) => found.push(section(field.name, meta)),
            (FieldKind::Leaf { .. }, None) => {}
        }
    }
    found
}

/// A table inside a table has no settings here: none is declared, and none would be found in the page.
fn section(name: &'static str, meta: &'static Meta) -> Section {
    let settings = meta.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Leaf { kind, .. } => Some(setting(name, field, kind)),
        FieldKind::Nested { .. } => None,
    });
    Section { name, meaning: text(meta.doc), settings: settings.collect() }
}

fn setting(section: &str, field: &Field, kind: &LeafKind) -> Setting {
    let path = if section.is_empty() { field.name.to_owned() } else { format!("{section}.{}", field.name) };
    let text = text(field.doc);
    let (text, example) = match text.split_once(" Example: ") {
        Some((text, example)) => (text, parse(example.trim_matches('`'))),
        None => (text.as_str(), None),
    };
    let (meaning, words) = match text.split_once(" Default: ") {
        Some((meaning, words)) => (meaning, Some(words.trim_end_matches('.').to_owned())),
        None => (text, None),
    };
    let default = match kind {
        LeafKind::Required { default: Some(default) } => value(default).filter(|value| !is_empty(value)),
        LeafKind::Required { default: None } | LeafKind::Optional => None,
    };
    let is_optional = matches!(kind, LeafKind::Optional);
    Setting { path, meaning: meaning.to_owned(), default_in_words: words, default, example, is_optional }
}

/// The lines of a comment as one.
fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A value as it is written in the file.
fn parse(text: &str) -> Option<Value> {
    format!("value = {text}").parse::<Table>().ok()?.remove("value")
}

fn value(default: &Expr) -> Option<Value> {
    Value::try_from(default).ok()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A value as it is written in the environment: text without quotes, lists with commas.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
