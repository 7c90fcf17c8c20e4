//! The architecture's rules that a compiler cannot check, read from the source as text: which layer may import which,
//! which file may write a table, how long things may grow, and the words of the prose. There is no list of exceptions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test does"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use practice_links::app::DECLARATIONS;
use practice_links::platform::settings::reference::{Setting, sections};

/// The layers with their rank: a module imports only modules of a lower rank, or of its own layer.
/// `web` and `delivery` are equals.
const LAYERS: [(&str, u8); 7] =
    [("kit", 0), ("platform", 1), ("domain", 2), ("web", 3), ("delivery", 3), ("app", 4), ("cli", 5)];

/// Words of a private language, which a search for the field's own words never finds.
const STRANGE_WORDS: [&str; 8] =
    ["nobody", "whoever", "somebody", "whom", "stands", "leads", "what became", "is none"];

type Graph = BTreeMap<String, BTreeSet<String>>;

struct Source {
    /// Relative to `src`, such as `domain/links/mod.rs`.
    path: String,
    text: String,
}

impl Source {
    /// `domain/links` for `domain/links/mod.rs`, `web/routes` for `web/routes.rs`.
    fn module(&self) -> String {
        let path = self.path.trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path).to_owned()
    }

    fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    fn is_store(&self) -> bool {
        self.path.ends_with("/store.rs")
    }

    /// The code without its unit tests and comments, line by line.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Comments and the lines of function signatures: where the prose is.
    fn prose(&self) -> String {
        let is_prose = |line: &&str| line.trim_start().starts_with("//") || line.contains(" fn ");
        self.text.lines().filter(is_prose).collect::<Vec<_>>().join("\n").to_lowercase()
    }
}

fn sources() -> Vec<Source> {
    let (mut folders, mut found) = (vec![PathBuf::from("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix("src").unwrap().to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 300, "the sources were not found");
    found
}

/// The paths of a use tree: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let inside = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let items = split_top_level(inside);
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| leaves(item)).map(|leaf| format!("{}{leaf}", head.trim())).collect()
}

fn split_top_level(group: &str) -> Vec<String> {
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().unwrap().push(c);
    }
    items
}

/// Every path into the crate that a file names: in its `use` items, and inline.
fn paths(code: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), String::new());
    for statement in code.split_inclusive(';') {
        let item = statement.trim_start();
        let at = item.rfind("\nuse ").map(|at| at + 1).into_iter();
        let at =
            at.chain(item.rfind("\npub use ").map(|at| at + 1)).chain(item.starts_with("use ").then_some(0));
        let at = at.chain(item.starts_with("pub use ").then_some(0)).max();
        let Some(at) = at else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(&item[..at]);
        let tree = item[at..].trim_end_matches(';').trim_start_matches("pub ").trim_start_matches("use ");
        found.extend(leaves(tree));
    }
    for root in ["crate::", "super::"] {
        for (start, _) in rest.match_indices(root) {
            let is_inside =
                rest[..start].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'));
            let path = rest[start..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, ':' | '_'));
            found.extend((!is_inside).then(|| path.collect::<String>()));
        }
    }
    found
}

/// The deepest module that `path` names, seen from `module`.
fn target(path: &str, module: &str, known: &BTreeSet<String>) -> Option<String> {
    let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut at: Vec<&str> = match parts.first() {
        Some(&"crate") => {
            parts.remove(0);
            Vec::new()
        }
        Some(&"super") => {
            let mut at: Vec<&str> = module.split('/').collect();
            while parts.first() == Some(&"super") {
                parts.remove(0);
                at.pop();
            }
            at
        }
        _ => return None,
    };
    at.extend(parts);
    while !at.is_empty() && !known.contains(&at.join("/")) {
        at.pop();
    }
    (!at.is_empty()).then(|| at.join("/"))
}

/// Which module imports which. Naming one's own parent is not an import.
fn graph(sources: &[Source]) -> Graph {
    let known: BTreeSet<String> = sources.iter().map(Source::module).collect();
    let mut graph = Graph::new();
    for source in sources {
        let module = source.module();
        let targets = paths(&source.code()).into_iter().filter_map(|path| target(&path, &module, &known));
        let is_ancestor = |to: &String| module == *to || module.starts_with(&format!("{to}/"));
        graph.insert(module.clone(), targets.filter(|to| !is_ancestor(to)).collect());
    }
    graph
}

/// The first two folders of a module: `domain/links` for `domain/links/store`.
fn room(module: &str) -> String {
    module.split('/').take(2).collect::<Vec<_>>().join("/")
}

fn rooms(graph: &Graph) -> Graph {
    let mut rooms = Graph::new();
    for (module, targets) in graph {
        let others = targets.iter().map(|to| room(to)).filter(|to| *to != room(module));
        rooms.entry(room(module)).or_default().extend(others);
    }
    rooms
}

/// Takes away what imports nothing that is left, until nothing more goes: what stays is part of a cycle, or
/// imports one.
fn cyclic(mut graph: Graph) -> Graph {
    loop {
        let nodes: BTreeSet<String> = graph.keys().cloned().collect();
        for targets in graph.values_mut() {
            targets.retain(|to| nodes.contains(to));
        }
        let before = graph.len();
        graph.retain(|_, targets| !targets.is_empty());
        if graph.len() == before {
            return graph;
        }
    }
}

#[test]
fn modules_and_rooms_import_each_other_without_cycles() {
    let graph = graph(&sources());
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 1_000, "the imports were not found");
    let rooms = cyclic(rooms(&graph));
    assert!(rooms.is_empty(), "rooms in cycles: {rooms:#?}");
    let files = cyclic(graph);
    assert!(files.is_empty(), "files in cycles: {files:#?}");
}

#[test]
fn layers_import_only_layers_below() {
    let rank = |module: &str| {
        let layer = module.split('/').next().unwrap();
        LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, rank)| *rank)
    };
    for (module, targets) in graph(&sources()) {
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let own = rank(&module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for to in targets {
            assert!(rank(&to).is_some_and(|rank| rank <= own), "{module} imports {to}");
        }
    }
}

#[test]
fn handlers_touch_no_store_and_no_table() {
    for source in sources().iter().filter(|source| source.layer() == "web" && !source.is_store()) {
        for wrong in ["store::", "db::schema", "diesel"] {
            assert!(!source.code().contains(wrong), "{} mentions {wrong}", source.path);
        }
    }
}

#[test]
fn rules_know_nothing_of_http_and_write_no_queries() {
    for source in sources().iter().filter(|source| source.layer() == "domain" && !source.is_store()) {
        for wrong in ["actix_web", "insert_into", "::table.", "::table)", "diesel::update", "diesel::delete"]
        {
            assert!(!source.code().contains(wrong), "{} mentions {wrong}", source.path);
        }
    }
}

#[test]
fn a_table_is_written_by_one_store() {
    let mut writers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let code = source.code();
        for verb in ["insert_into(", "update(", "delete("] {
            for (start, _) in code.match_indices(verb) {
                let argument = code[start + verb.len()..].trim_start();
                let table: String =
                    argument.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let table = resolve_binding(&code[..start], &table);
                writers.entry(table).or_default().insert(source.path.clone());
            }
        }
    }
    let tables = tables();
    writers.retain(|name, _| tables.contains(name));
    assert_eq!(writers.keys().cloned().collect::<BTreeSet<_>>(), tables, "a table that is never written");
    for (table, by) in &writers {
        assert!(by.len() == 1 && by.iter().all(|path| path.ends_with("store.rs")), "{table}: {by:?}");
    }
}

fn tables() -> BTreeSet<String> {
    let schema = fs::read_to_string("src/platform/db/schema.rs").unwrap();
    let starts =
        schema.match_indices("diesel::table! {").map(|(at, head)| schema[at + head.len()..].trim_start());
    starts.map(|rest| rest.split([' ', '(']).next().unwrap().to_owned()).collect()
}

/// `update(row)` after `let row = accounts::table…` writes `accounts`.
fn resolve_binding(before: &str, name: &str) -> String {
    let binding = format!("let {name} =");
    match before.rfind(&binding) {
        Some(at) => before[at + binding.len()..]
            .trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect(),
        None => name.to_owned(),
    }
}

#[test]
fn only_the_database_layer_names_a_backend() {
    for source in sources().iter().filter(|source| !source.path.starts_with("platform/db/")) {
        for wrong in [
            "PgConnection",
            "SqliteConnection",
            "diesel::pg",
            "diesel::sqlite",
            "Server::Pg",
            "Server::Sqlite",
        ] {
            assert!(!source.code().contains(wrong), "{} names {wrong}", source.path);
        }
    }
}

/// A function or a struct that takes an id as text lets a patient pass for an account.
#[test]
fn ids_are_types_and_not_text() {
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let is_text = |rest: &str| {
                let kind = rest.trim_start_matches("Option<").trim_start_matches('&');
                let kind =
                    kind.strip_prefix('\'').map_or(kind, |kind| kind.split_once(' ').unwrap_or(("", "")).1);
                ["str", "String"].iter().any(|text| {
                    kind.strip_prefix(text).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
                })
            };
            let found = line.match_indices("id: ").any(|(at, name)| {
                let before = line[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
                let name_is_id = before == at || line[before..at].ends_with('_');
                name_is_id && is_text(&line[at + name.len()..])
            });
            assert!(!found, "{}:{}: {line}", source.path, number + 1);
        }
    }
}

#[test]
fn files_stay_short() {
    // The schema is a list of tables, and one list on purpose.
    for source in sources().iter().filter(|source| !source.path.ends_with("/schema.rs")) {
        let lines = source.code().lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 400, "{} has {lines} lines of code", source.path);
    }
}

#[test]
fn lines_stay_narrow() {
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let width = line.chars().count();
            assert!(width <= 110, "{}:{} is {width} wide", source.path, number + 1);
        }
    }
}

#[test]
fn functions_stay_short() {
    let mut lengths: Vec<(usize, String)> = Vec::new();
    for source in sources() {
        let found = function_lengths(&source.text);
        lengths.extend(found.into_iter().map(|(n, line)| (n, format!("{}: {line}", source.path))));
    }
    lengths.sort_unstable();
    assert!(lengths.len() > 2_000, "{} functions", lengths.len());
    let at = |percent: usize| lengths[lengths.len() * percent / 100].0;
    assert!(at(90) <= 20, "p90 is {}", at(90));
    assert!(at(99) <= 35, "p99 is {}", at(99));
    let (longest, name) = lengths.last().unwrap();
    assert!(*longest <= 60, "{name} has {longest} lines");
}

/// Lines from each `fn` to the brace that closes it at the same indent (rustfmt keeps that true).
fn function_lengths(code: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let body =
            body.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map_or(body, |(_, rest)| rest);
        let body = ["pub ", "const ", "async "].iter().fold(body, |body, word| body.trim_start_matches(word));
        if !body.starts_with("fn ") {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|l| **l == close || (*l == *line && l.ends_with('}')));
        lengths.extend(end.map(|n| (n + 1, body.to_owned())));
    }
    lengths
}

#[test]
fn prose_uses_the_words_of_the_field() {
    let prose: Vec<String> = sources().iter().map(Source::prose).collect();
    for word in STRANGE_WORDS {
        let count: usize = prose.iter().map(|text| count_of(text, word)).sum();
        assert!(count <= 10, "{word} is used {count} times");
    }
}

/// How often `word` occurs as a whole word.
fn count_of(text: &str, word: &str) -> usize {
    let is_end = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .filter(|(at, word)| {
            is_end(text[..*at].chars().next_back()) && is_end(text[at + word.len()..].chars().next())
        })
        .count()
}

/// A comment of three words restates a name; a reader gains nothing by it.
#[test]
fn comments_say_more_than_a_name() {
    let is_short = |line: &&str| {
        line.trim_start().strip_prefix("///").is_some_and(|words| words.split_whitespace().count() <= 3)
    };
    let count: usize = sources().iter().map(|source| source.text.lines().filter(is_short).count()).sum();
    assert!(count <= 100, "{count} lines of documentation have three words or fewer");
}

/// A stranger searches for the words of the field.
#[test]
fn the_fields_words_are_found_where_they_belong() {
    let sources = sources();
    for (word, file) in [
        ("rate limit", "platform/rate_limits/mod.rs"),
        ("permission", "domain/staff/permission.rs"),
        ("audit log", "domain/audit_log/mod.rs"),
        ("event log", "platform/event_log/mod.rs"),
        ("reaction", "domain/reactions.rs"),
        ("circuit breaker", "delivery/circuit_breaker.rs"),
        ("background job", "platform/outbox/mod.rs"),
        ("pending pairing", "domain/pending_pairings/mod.rs"),
        ("event stream", "platform/event_stream/mod.rs"),
    ] {
        let source = sources.iter().find(|source| source.path == file).unwrap_or_else(|| panic!("no {file}"));
        let head: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.to_lowercase().contains(word), "{file} does not say {word} in its head");
    }
}

/// The operator's page and the example file consist of these texts.
#[test]
fn every_setting_has_a_text_and_a_value_to_show() {
    let sections = sections(&DECLARATIONS);
    assert!(sections.iter().map(|section| section.settings.len()).sum::<usize>() > 50, "no settings found");
    for section in &sections {
        assert!(section.name.is_empty() || section.meaning.ends_with('.'), "[{}] has no text", section.name);
        for setting in &section.settings {
            let Setting { path, meaning, default_in_words: words, .. } = setting;
            assert!(meaning.ends_with(['.', ')']), "{path} has no sentence: {meaning:?}");
            assert!(!meaning.contains("Example:") && !meaning.contains("Default:"), "{path}: {meaning:?}");
            assert!(words.as_ref().is_none_or(|words| !words.is_empty()), "{path}: its default is empty");
            assert!(setting.sample().is_some(), "{path} has neither a default nor an example");
        }
    }
}
