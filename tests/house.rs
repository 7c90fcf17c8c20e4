//! Architecture rules that a compiler cannot check: which module may import which, which may write a table,
//! how long files and functions may become. The source is read as text.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The ordered modules; each may import only those listed with it. Modules that are not listed (`kit`, `db`,
/// `app`, `config`, `keys`, `http`, `limits`, `audit`, `outbox`) are shared by all of them.
const ROOMS: [(&str, &[&str]); 24] = [
    ("live", &[]),
    ("practices", &[]),
    ("printing", &[]),
    ("staff", &["practices", "printing"]),
    ("consent", &[]),
    ("funnel", &[]),
    ("webhooks", &["staff"]),
    ("links", &["practices", "funnel", "webhooks"]),
    ("invites", &["links", "practices", "consent", "notices", "webhooks"]),
    ("deferred", &["links", "practices", "funnel", "consent", "invites"]),
    ("verification", &["links", "practices", "deferred", "funnel", "consent"]),
    ("notices", &["links", "practices", "staff"]),
    ("conversations", &["links", "practices", "funnel", "notices", "webhooks", "live"]),
    ("accounts", &["verification", "links", "conversations", "deferred", "consent", "invites"]),
    ("landing", &["links", "practices", "deferred", "funnel", "printing", "invites"]),
    ("me", &["accounts", "conversations", "links", "deferred", "invites", "live", "staff"]),
    ("identity", &["accounts", "conversations"]),
    ("imports", &["identity"]),
    (
        "desk",
        &[
            "staff",
            "practices",
            "links",
            "funnel",
            "printing",
            "notices",
            "conversations",
            "live",
            "identity",
            "imports",
            "invites",
        ],
    ),
    (
        "console",
        &[
            "desk",
            "staff",
            "practices",
            "links",
            "funnel",
            "printing",
            "notices",
            "webhooks",
            "conversations",
            "identity",
            "imports",
            "invites",
            "live",
        ],
    ),
    ("ops", &[]),
    ("dev", &[]),
    ("callbacks", &["consent"]),
    ("providers", &["dev", "callbacks"]),
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// `links` for `src/links/http.rs`, `routes` for `src/routes.rs`.
    fn room(&self) -> String {
        let inside = self.path.strip_prefix("src").unwrap();
        inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned()
    }

    fn is(&self, file: &str) -> bool {
        self.path.file_name().is_some_and(|name| name == file)
    }

    /// Whether this is a handler file: `http.rs`, or a file in a module's `http/`.
    fn is_door(&self) -> bool {
        let inside = self.path.strip_prefix("src").unwrap();
        self.is("http.rs") || (self.room() != "http" && inside.iter().any(|folder| folder == "http"))
    }

    /// The code without its unit tests and comments.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap();
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// Everything that it imports from the crate, as `module` or `module::item`.
    fn imports(&self) -> BTreeSet<String> {
        let code = self.code().replace('\n', " ");
        let mut found = BTreeSet::new();
        for (start, _) in code.match_indices("crate::") {
            let rest = &code[start + "crate::".len()..];
            let end = rest.find(';').unwrap_or(rest.len());
            if let Some(group) = rest.strip_prefix('{') {
                let group = &group[..group.find("};").unwrap_or(end.saturating_sub(1))];
                found.extend(split_top_level(group).iter().map(|item| item.trim().to_owned()));
            } else {
                let path = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, ':' | '_'));
                found.insert(path.collect());
            }
        }
        found
    }

    fn rooms_used(&self) -> BTreeSet<String> {
        self.imports().iter().map(|path| path.split("::").next().unwrap().to_owned()).collect()
    }
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

fn sources() -> Vec<Source> {
    let (mut folders, mut found) = (vec![PathBuf::from("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            // Unit tests in a separate file are not counted as code, like those at the end of a file.
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                found.push(Source { text: fs::read_to_string(&path).unwrap(), path });
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

#[test]
fn rooms_import_each_other_without_cycles() {
    let order: BTreeMap<&str, &[&str]> = ROOMS.into();
    for source in sources() {
        let Some(allowed) = order.get(source.room().as_str()) else { continue };
        for used in source.rooms_used().iter().filter(|used| order.contains_key(used.as_str())) {
            let fine = *used == source.room() || allowed.contains(&used.as_str());
            assert!(fine, "{} imports {used}", source.path.display());
        }
    }
}

#[test]
fn serving_rooms_know_nothing_of_those_they_serve() {
    let rooms: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    for source in sources() {
        if ["kit", "db", "limits", "audit", "outbox", "http", "config", "keys"]
            .contains(&source.room().as_str())
        {
            let used = source.rooms_used();
            let wrong: Vec<_> = used.iter().filter(|used| rooms.contains(&used.as_str())).collect();
            assert!(wrong.is_empty(), "{} imports {wrong:?}", source.path.display());
        }
    }
}

#[test]
fn law_1_a_door_touches_no_store_schema_or_provider() {
    let doors: Vec<Source> = sources().into_iter().filter(Source::is_door).collect();
    assert!(doors.len() >= 6);
    for door in doors {
        for wrong in ["store::", "db::schema", "providers", "diesel"] {
            assert!(!door.code().contains(wrong), "{} mentions {wrong}", door.path.display());
        }
    }
}

#[test]
fn law_2_a_table_is_written_by_one_store() {
    let mut writers: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for source in sources() {
        let code = source.code();
        for verb in ["insert_into(", "update(", "delete("] {
            for (start, _) in code.match_indices(verb) {
                let argument = code[start + verb.len()..].trim_start();
                let table: String =
                    argument.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                writers
                    .entry(resolve_binding(&code[..start], &table))
                    .or_default()
                    .insert(source.path.clone());
            }
        }
    }
    let tables = tables();
    writers.retain(|name, _| tables.contains(name));
    assert_eq!(writers.keys().cloned().collect::<BTreeSet<_>>(), tables, "a table that nobody writes");
    for (table, by) in &writers {
        assert!(by.len() == 1, "{table} is written by {by:?}");
        assert!(by.iter().all(|path| path.ends_with("store.rs")), "{table} is written by {by:?}");
    }
}

fn tables() -> BTreeSet<String> {
    let schema = fs::read_to_string("src/db/schema.rs").unwrap();
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
fn law_3_providers_are_known_to_the_command_line_alone() {
    for source in sources() {
        let exempt = ["cli", "providers", "lib"].contains(&source.room().as_str());
        assert!(exempt || !source.rooms_used().contains("providers"), "{}", source.path.display());
    }
}

#[test]
fn law_4_only_db_names_a_backend() {
    for source in sources() {
        if source.room() == "db" || source.room() == "lib" {
            continue;
        }
        for wrong in
            ["PgConnection", "SqliteConnection", "diesel::pg", "diesel::sqlite", "Conn::Pg", "Conn::Sqlite"]
        {
            assert!(!source.code().contains(wrong), "{} names {wrong}", source.path.display());
        }
    }
}

#[test]
fn rules_know_nothing_of_http_and_write_no_queries() {
    for source in sources().iter().filter(|source| source.is("mod.rs") && !source.is_door()) {
        if ["http", "kit", "db"].contains(&source.room().as_str()) {
            continue;
        }
        for wrong in ["actix_web", "diesel::", "insert_into", "::table"] {
            assert!(!source.code().contains(wrong), "{} mentions {wrong}", source.path.display());
        }
    }
}

#[test]
fn files_stay_short() {
    // The schema is one list of tables on purpose.
    for source in sources().iter().filter(|source| !source.is("schema.rs")) {
        let lines = source.code().lines().count();
        assert!(lines <= 400, "{} has {lines} lines of code", source.path.display());
    }
}

#[test]
fn functions_stay_short() {
    let mut lengths: Vec<usize> =
        sources().iter().flat_map(|source| function_lengths(&source.code())).collect();
    lengths.sort_unstable();
    let p90 = lengths[lengths.len() * 9 / 10];
    assert!(lengths.len() > 300, "{} functions", lengths.len());
    assert!(p90 <= 25, "p90 is {p90}");
    assert!(*lengths.last().unwrap() <= 60, "the longest has {} lines", lengths.last().unwrap());
}

/// Lines from each `fn` to the brace that closes it at the same indent (rustfmt keeps that true).
fn function_lengths(code: &str) -> Vec<usize> {
    let lines: Vec<&str> = code.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let is_fn = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub async fn ",
            "pub const fn ",
            "const fn ",
        ]
        .iter()
        .any(|head| body.starts_with(head));
        if !is_fn {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - body.len()));
        let end =
            lines[start..].iter().position(|l| **l == close || (l.ends_with('}') && l.starts_with(line)));
        lengths.extend(end.map(|n| n + 1));
    }
    lengths
}

#[test]
fn settings_are_documented_where_people_look() {
    let defaults = serde_json::to_value(practice_links::config::Config::default()).unwrap();
    let mut fields = Vec::new();
    for (name, value) in defaults.as_object().unwrap() {
        match value.as_object() {
            Some(inner) => fields.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            None => fields.push(name.clone()),
        }
    }
    let mut listed: Vec<&str> = practice_links::config::SETTINGS.iter().map(|(name, ..)| *name).collect();
    fields.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, fields);
    let readme = fs::read_to_string(Path::new("README.md")).unwrap();
    for (name, default, meaning) in practice_links::config::SETTINGS {
        let default = if default.contains('`') { (*default).to_owned() } else { format!("`{default}`") };
        let row = format!("| `{name}` | {default} | {meaning} |");
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
}
