//! Audit labels: actors, actions and changes in words.

use serde_json::Value;
use strum::VariantArray as _;

use crate::domain::events::Subject;
use crate::kit::Language;
use crate::platform::event_log::Actor;

/// The name of an actor who is not a colleague.
pub(super) fn actor(language: Language, actor: &Actor) -> &'static str {
    let id = match actor {
        Actor::Operator => "audit-actor-operator",
        Actor::System => "audit-actor-system",
        Actor::Account(_) => "audit-actor-account",
        Actor::Staff(_) => "audit-actor-staff",
        Actor::Practice(_) => "audit-actor-practice",
    };
    language.text(id)
}

/// The filter choices: everything, or one subject.
pub(super) fn subjects(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = ("", language.text("audit-everything"));
    [all].into_iter().chain(Subject::VARIANTS.iter().map(move |it| (it.as_str(), subject(language, *it))))
}

fn subject(language: Language, subject: Subject) -> &'static str {
    language.label("audit-subject", subject.as_str()).unwrap_or(subject.as_str())
}

/// The label of an action; an unknown action is shown as it is.
pub(super) fn action(language: Language, action: &str) -> &str {
    language.label("audit-action", action).unwrap_or(action)
}

/// Further details are only in the CSV file.
const MOST_DETAILS: usize = 12;

/// Turns an event's detail into lines of text.
pub(super) struct Reader<'a> {
    pub language: Language,
    /// Looks up the name of an id.
    pub called: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    /// One line per change (before and after) or further detail.
    pub(super) fn lines(&self, detail: &Value) -> Vec<String> {
        let Value::Object(members) = detail else { return Vec::new() };
        let mut lines = match (members.get("before"), members.get("after")) {
            (Some(Value::Object(was)), Some(Value::Object(is))) => {
                let changes = is.iter().filter_map(|(key, is)| self.change(key, was.get(key)?, is));
                let others = members.iter().filter(|(key, _)| *key != "before" && *key != "after");
                changes.chain(others.filter_map(|(key, value)| self.line(key, value))).collect()
            }
            (Some(_), Some(_)) => Vec::new(),
            _ => members.iter().filter_map(|(key, value)| self.line(key, value)).collect::<Vec<_>>(),
        };
        lines.truncate(MOST_DETAILS);
        lines
    }

    /// A pair of roles, or of yes and no, is read as before and after.
    fn line(&self, key: &str, value: &Value) -> Option<String> {
        if let (Value::Array(pair), "role" | "active") = (value, key)
            && let [was, is] = pair.as_slice()
        {
            return self.change(key, was, is);
        }
        let text = self.text(value).filter(|_| *value != Value::Bool(false))?;
        Some(format!("{}{} {text}", label(self.language, key), self.language.text("language-colon")))
    }

    fn change(&self, key: &str, was: &Value, is: &Value) -> Option<String> {
        let text = |value| self.text(value).unwrap_or_else(|| "–".to_owned());
        let colon = self.language.text("language-colon");
        (was != is).then(|| format!("{}{colon} {} → {}", label(self.language, key), text(was), text(is)))
    }

    /// `None` for empty values, and for ids without a name.
    fn text(&self, value: &Value) -> Option<String> {
        match value {
            Value::Bool(true) => Some(self.language.text("audit-yes").to_owned()),
            Value::Bool(false) => Some(self.language.text("audit-no").to_owned()),
            // A count of nothing says nothing.
            Value::Number(number) => Some(number.to_string()).filter(|number| number != "0"),
            Value::String(text) => match (self.called)(text) {
                None if text.is_empty() || is_id(text) => None,
                None => Some(term(self.language, text).to_owned()),
                named => named,
            },
            Value::Array(list) => {
                let said: Vec<String> = list.iter().filter_map(|each| self.text(each)).collect();
                (!said.is_empty()).then(|| said.join(", "))
            }
            Value::Null | Value::Object(_) => None,
        }
    }
}

/// Whether a text is an id such as `stf_0198c1f2a4c07d3e8a51b2c3d4e5f607`.
fn is_id(text: &str) -> bool {
    let digits = text.split_once('_').filter(|(prefix, _)| prefix.len() == 3).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Labels of database words that other pages show too.
fn term(language: Language, word: &str) -> &str {
    language.label("audit-term", word).unwrap_or(word)
}

/// The label of a key; an unknown key is shown with spaces instead of underscores.
fn label(language: Language, key: &str) -> String {
    language.label("audit-label", key).map_or_else(|| key.replace('_', " "), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::EventKind;

    #[test]
    fn every_action_and_subject_has_a_label_in_every_language() {
        for language in Language::VARIANTS {
            for action in EventKind::VARIANTS.iter().filter(|kind| kind.is_audited()) {
                assert!(language.label("audit-action", action.as_str()).is_some(), "{language} {action}");
            }
            for subject in Subject::VARIANTS {
                assert!(language.label("audit-subject", subject.as_str()).is_some(), "{language} {subject}");
            }
        }
    }
}
