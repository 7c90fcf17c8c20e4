//! The translations, read as files: every language has the same messages with the same variables, code and
//! templates name only messages that exist, and no page or message has a text of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test does"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser::parse;

/// Where people read: pages, e-mails, text messages, print. Elsewhere texts are for programmers and
/// operators, in English: problem details of the API, commands, logs, the development page.
const READ_BY_PEOPLE: [&str; 12] = [
    "web/console/",
    "web/landing/",
    "domain/accounts/",
    "domain/consent/",
    "domain/conversations/",
    "domain/invites/",
    "domain/notifications/",
    "domain/pairing/",
    "domain/pending_pairings/",
    "domain/printing/",
    "domain/proof_pack/",
    "platform/outbox/",
];

/// The calls that name a message, and whether the variables follow.
const CALLS: [(&str, bool); 3] = [(".text(", false), (".text_with(", true), (".text_around(", true)];

/// Message ids with the variables of each.
type Messages = BTreeMap<String, BTreeSet<String>>;

fn files(folder: &Path, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            match path.is_dir() {
                true => folders.push(path),
                false if endings.iter().any(|ending| name.ends_with(ending)) => {
                    let short = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                    found.push((short, fs::read_to_string(path).unwrap()));
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn locale(language: &str) -> Messages {
    let mut messages = Messages::new();
    for (file, text) in files(&root().join("assets/locales").join(language), &[".ftl"]) {
        let parsed =
            parse(text.as_str()).unwrap_or_else(|(_, errors)| panic!("{language}/{file}: {errors:?}"));
        let subject = file.trim_end_matches(".ftl");
        for entry in parsed.body {
            let Entry::Message(message) = entry else { continue };
            let id = message.id.name.to_owned();
            assert!(id.starts_with(&format!("{subject}-")), "{language}/{file}: {id} belongs elsewhere");
            let mut variables = BTreeSet::new();
            collect(message.value.as_ref().unwrap(), &mut variables);
            assert!(messages.insert(id.clone(), variables).is_none(), "{language}: {id} is there twice");
        }
    }
    messages
}

fn collect(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        let inline = match expression {
            Expression::Inline(inline) => inline,
            Expression::Select { selector, variants } => {
                for variant in variants {
                    collect(&variant.value, variables);
                }
                selector
            }
        };
        if let InlineExpression::VariableReference { id } = inline {
            variables.insert(id.name.to_owned());
        }
    }
}

/// Code without unit tests, and templates.
fn sources() -> Vec<(String, String)> {
    let cut = |(path, text): (String, String)| {
        (path, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned())
    };
    files(&root().join("src"), &[".rs", ".html", ".txt"]).into_iter().map(cut).collect()
}

fn is_code(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

/// The string literals of a text, without escapes.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.split('"')
}

fn line_of<'a>(text: &'a str, at: &str) -> &'a str {
    text.lines().find(|line| line.contains(at)).unwrap_or_default().trim()
}

#[test]
fn every_language_has_the_same_messages_with_the_same_variables() {
    let english = locale("en");
    let folders = fs::read_dir(root().join("assets/locales")).unwrap();
    let languages: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(languages.len() >= 3, "{languages:?}");
    for language in languages {
        let other = locale(&language);
        let ids = |messages: &Messages| messages.keys().cloned().collect::<BTreeSet<_>>();
        let differing: Vec<_> = ids(&english).symmetric_difference(&ids(&other)).cloned().collect();
        assert!(differing.is_empty(), "{language} and en differ in {differing:?}");
        for (id, variables) in &english {
            assert_eq!(variables, &other[id], "{language}: variables of {id}");
        }
    }
}

#[test]
fn every_named_message_exists_and_gets_its_variables() {
    let english = locale("en");
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (call, has_variables) in CALLS {
            for (at, _) in text.match_indices(call) {
                let Some(rest) = text[at + call.len()..].trim_start().strip_prefix('"') else { continue };
                let id = rest.split('"').next().unwrap();
                let Some(wanted) = english.get(id) else {
                    wrong.push(format!("{path}: {id} is no message"));
                    continue;
                };
                let mut given = BTreeSet::new();
                if has_variables {
                    let list = rest.split_once('[').unwrap().1.split(']').next().unwrap();
                    given.extend(
                        list.match_indices("(\"")
                            .map(|(at, _)| list[at + 2..].split('"').next().unwrap().to_owned()),
                    );
                    if call.contains("around") {
                        given.insert(rest.split('"').nth(2).unwrap().to_owned());
                    }
                }
                if given != *wanted {
                    wrong.push(format!("{path}: {id} wants {wanted:?} and gets {given:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_message_is_used() {
    let sources = sources();
    let named: BTreeSet<&str> = sources.iter().flat_map(|(_, text)| literals(text)).collect();
    let sets: Vec<String> = sources
        .iter()
        .flat_map(|(_, text)| text.match_indices(".label(\"").map(|(at, call)| &text[at + call.len()..]))
        .map(|rest| format!("{}-", rest.split('"').next().unwrap()))
        .collect();
    let is_unused =
        |id: &&String| !named.contains(id.as_str()) && !sets.iter().any(|set| id.starts_with(set.as_str()));
    let english = locale("en");
    let unused: Vec<_> = english.keys().filter(is_unused).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// Ids in a `match` are not seen by the test of calls: a literal that looks like a message must be one.
#[test]
fn what_looks_like_a_message_is_one() {
    let english = locale("en");
    let subjects: BTreeSet<&str> = english.keys().map(|id| id.split('-').next().unwrap()).collect();
    let mut unknown = Vec::new();
    // Other files have names of keys that look alike.
    let has_texts = |(path, text): &&(String, String)| is_code(path) && text.contains("Language");
    for (path, text) in sources().iter().filter(has_texts) {
        for part in literals(text) {
            let is_id = part.contains('-')
                && part.split('-').all(|word| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                })
                && subjects.contains(part.split('-').next().unwrap());
            let is_set = english.keys().any(|id| id.starts_with(&format!("{part}-")));
            if is_id && !is_set && !english.contains_key(part) {
                unknown.push(format!("{path}: {part}: {}", line_of(text, part)));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// The text that a template shows by itself: without tags of the template, styles, scripts and markup, but with
/// the attributes that people read.
fn shown(template: &str) -> String {
    let mut text = template.to_owned();
    for (open, close) in [
        ("{% block kind %}", "{% endblock %}"),
        ("<code>", "</code>"),
        ("{#", "#}"),
        ("{%", "%}"),
        ("{{", "}}"),
        ("<style", "</style>"),
        ("<script", "</script>"),
        ("<svg", "</svg>"),
    ] {
        while let Some(start) = text.find(open) {
            let end = text[start..].find(close).map_or(text.len(), |at| start + at + close.len());
            text.replace_range(start..end, " ");
        }
    }
    let mut words = String::new();
    for piece in text.split('<') {
        let (tag, after) = piece.split_once('>').unwrap_or(("", piece));
        for name in ["alt=\"", "title=\"", "aria-label=\"", "placeholder=\"", "label=\""] {
            if let Some((_, value)) = tag.split_once(name) {
                words += value.split('"').next().unwrap();
                words.push(' ');
            }
        }
        words += after;
        words.push(' ');
    }
    words
}

#[test]
fn templates_have_no_text_of_their_own() {
    // Names of formats, the product and its plans, the same in every language.
    let names = ["PNG", "SVG", "Practice", "Links", "Basic", "Communicator"];
    let mut found = Vec::new();
    let mail = files(&root().join("assets/mail"), &[".html", ".txt"]);
    let pages = sources().into_iter().filter(|(path, _)| !is_code(path) && !path.starts_with("web/dev/"));
    for (path, text) in pages.chain(mail) {
        let shown = shown(&text);
        let words = shown.split(|c: char| !c.is_alphabetic() && c != '’');
        let own: Vec<&str> = words.filter(|word| word.chars().count() > 1 && !names.contains(word)).collect();
        if !own.is_empty() {
            found.push(format!("{path}: {own:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The code without attributes, which document the API for programmers.
fn without_attributes(code: &str) -> String {
    let mut rest = code;
    let mut plain = String::new();
    while let Some(start) = rest.find("#[") {
        plain += &rest[..start];
        let mut depth = 0;
        let end = rest[start..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            *c == ']' && depth == 0
        });
        rest = &rest[start + end.map_or(1, |(at, _)| at + 1)..];
    }
    plain + rest
}

#[test]
fn code_that_people_read_has_no_text_of_its_own() {
    let accented = |text: &str| text.chars().any(|c| "áéíóúñ¿¡àâçèêëîïôûœ«»".contains(c));
    let is_sentence = |text: &str| {
        let is_word = |word: &str| word.chars().all(|c| c.is_alphabetic() || ".,’'".contains(c));
        text.contains(' ') && text.split(' ').all(|word| !word.is_empty() && is_word(word))
    };
    // Said to programmers and operators, not to the reader of a page.
    let is_other = ["Problem", "BadField", "FieldError", "tracing::"];
    // Names of the product and of faces, and words by which browsers and bots name themselves.
    let is_name = |path: &str, text: &str| {
        text == "Practice Links" || text.starts_with("Noto ") || path.ends_with("/user_agent.rs")
    };
    let mut found = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| is_code(path) && !path.ends_with("tests.rs")) {
        let is_read = READ_BY_PEOPLE.iter().any(|folder| path.starts_with(folder));
        let plain = without_attributes(text);
        let lines: Vec<&str> = plain.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for (at, line) in lines.iter().enumerate() {
            let context = lines[at.saturating_sub(4)..=at].join(" ");
            for literal in line.split('"').skip(1).step_by(2) {
                let is_own = is_sentence(literal) && !is_other.iter().any(|word| context.contains(word));
                if (is_read && is_own && !is_name(path, literal))
                    || (accented(literal) && !path.starts_with("kit/"))
                {
                    found.push(format!("{path}: {literal}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
