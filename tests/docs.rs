//! The pages that people read: every link, path, command, setting, problem code and operation in them is real, and the
//! README stays short. What a page says about behavior is the business of the other tests.
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
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use practice_links::web::http::Code;
use practice_links::web::openapi;
use serde_json::Value;

/// A front door that takes longer to read is not read.
const README_WORDS: usize = 950;
/// A page with larger pictures is slow to open.
const PICTURE_BYTES: u64 = 150 * 1024;

/// Folders of the tree: a code span that begins with one of them is a path.
const FOLDERS: [&str; 10] =
    [".ci", "api-spec", "assets", "benches", "crates", "docs", "migrations", "scripts", "src", "tests"];

/// Programs of others that the pages call. Any other first word of a command is a mistake.
const PROGRAMS: [&str; 13] = [
    "apt-get",
    "base64",
    "cp",
    "curl",
    "install",
    "npm",
    "openssl",
    "pg_dump",
    "pg_restore",
    "pip",
    "rustup",
    "sqlite3",
    "tail",
];

const CARGO: [&str; 9] = ["bench", "build", "check", "clippy", "deny", "doc", "fmt", "run", "test"];

/// A page, taken apart into its prose and its blocks of code.
struct Page {
    path: PathBuf,
    prose: Vec<(usize, String)>,
    blocks: Vec<Block>,
}

struct Block {
    line: usize,
    language: String,
    text: String,
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (mut prose, mut blocks) = (Vec::new(), Vec::<Block>::new());
        let mut is_open = false;
        for (at, line) in text.lines().enumerate() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if is_open => is_open = false,
                Some(language) => {
                    is_open = true;
                    let language = language.trim().to_owned();
                    blocks.push(Block { line: at + 1, language, text: String::new() });
                }
                None if is_open => {
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                None => prose.push((at + 1, line.to_owned())),
            }
        }
        assert!(!is_open, "{}: a block of code has no end", path.display());
        Self { path: path.to_owned(), prose, blocks }
    }

    /// `docs/qa.md:12`, for the message of a failure.
    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// The code spans of the prose.
    fn spans(&self) -> impl Iterator<Item = (usize, &str)> {
        self.prose
            .iter()
            .flat_map(|(at, line)| line.split('`').skip(1).step_by(2).map(move |span| (*at, span)))
    }

    /// The targets of links and pictures.
    fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        let of = |opening: &'static str, closing: char| {
            self.prose.iter().flat_map(move |(at, line)| {
                line.split(opening).skip(1).filter_map(move |rest| Some((*at, rest.split_once(closing)?.0)))
            })
        };
        of("](", ')').chain(of("src=\"", '"'))
    }

    /// The anchors that GitHub gives the headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose.iter().filter(|(_, line)| line.starts_with('#'));
        headings.map(|(_, line)| slug(line.trim_start_matches('#').trim())).collect()
    }
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

/// All pages but the changelog, which names what is gone.
fn pages() -> Vec<Page> {
    let mut found: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from).into();
    files(Path::new("docs"), ".md", &mut found);
    assert!(found.len() > 15, "the pages were not found");
    found.iter().map(|path| Page::read(path)).collect()
}

/// `docs/../README.md` is `README.md`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts.iter().collect()
}

#[test]
fn links_have_a_target() {
    for page in pages() {
        let folder = page.path.parent().unwrap();
        for (at, link) in page.links().filter(|(_, link)| !link.starts_with("http")) {
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, at)| (path, Some(at)));
            let target = if path.is_empty() { page.path.clone() } else { normal(&folder.join(path)) };
            assert!(target.exists(), "{}: {link} does not exist", page.at(at));
            if let Some(anchor) = anchor {
                let anchors = Page::read(&target).anchors();
                assert!(anchors.contains(anchor), "{}: no heading for {link} in {anchors:?}", page.at(at));
            }
        }
    }
}

/// A page without a way to it is not found.
#[test]
fn pages_are_linked_from_an_index() {
    let targets = |index: &str| -> BTreeSet<PathBuf> {
        let page = Page::read(Path::new(index));
        let folder = page.path.parent().unwrap().to_owned();
        page.links().map(|(_, link)| normal(&folder.join(link.split('#').next().unwrap()))).collect()
    };
    let (front, decisions) = (targets("README.md"), targets("docs/decisions/README.md"));
    for page in pages().iter().filter(|page| page.path != Path::new("README.md")) {
        let is_listed = front.contains(&page.path) || decisions.contains(&page.path);
        assert!(is_listed, "{} is not linked", page.path.display());
    }
}

#[test]
fn paths_exist() {
    for page in pages() {
        for (at, span) in page.spans().filter(|(_, span)| !span.contains(' ')) {
            assert!(exists(span), "{}: {span} does not exist", page.at(at));
        }
    }
}

/// Whether a word that is a path of the tree exists; of one with a placeholder, the part before it. What `npm ci` installs
/// is not part of the tree.
fn exists(word: &str) -> bool {
    let is_path = word.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
    let is_path = is_path && !word.starts_with("scripts/node_modules");
    let certain = word.split(['*', '{', '<', '…']).next().unwrap();
    let certain =
        if certain == word { word } else { certain.rsplit_once('/').map_or(certain, |(head, _)| head) };
    !is_path || Path::new(certain).exists()
}

#[test]
fn readme_stays_short() {
    let words = fs::read_to_string("README.md").unwrap().split_whitespace().count();
    assert!(words <= README_WORDS, "README.md has {words} words");
}

#[test]
fn pictures_are_small_and_used() {
    let used: BTreeSet<PathBuf> = pages()
        .iter()
        .flat_map(|page| {
            let folder = page.path.parent().unwrap().to_owned();
            page.links().map(|(_, link)| normal(&folder.join(link))).collect::<Vec<_>>()
        })
        .collect();
    let mut pictures = Vec::new();
    files(Path::new("assets/screenshots"), ".png", &mut pictures);
    assert!(!pictures.is_empty(), "the pictures were not found");
    for picture in pictures {
        let size = fs::metadata(&picture).unwrap().len();
        assert!(size <= PICTURE_BYTES, "{} has {size} bytes", picture.display());
        assert!(used.contains(&picture), "{} is on no page", picture.display());
    }
}

#[test]
fn commands_are_real() {
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "sh") {
            for command in commands(&block.text) {
                check_command(&command).unwrap_or_else(|why| panic!("{}: {why}", page.at(block.line)));
            }
        }
        let is_command = |span: &str| {
            let first = span.split(' ').next().unwrap();
            ["practice-links", "cargo", "python", "node", "admin"].contains(&first) && span != "admin"
        };
        for (at, span) in page.spans().filter(|(_, span)| is_command(span)) {
            for command in commands(span) {
                check_command(&command).unwrap_or_else(|why| panic!("{}: {why}", page.at(at)));
            }
        }
    }
}

/// The commands of a script: words, with quotes taken off, parted by `|`, `;`, `&&` and line ends.
fn commands(script: &str) -> Vec<Vec<String>> {
    let (mut found, mut words) = (Vec::new(), Vec::new());
    let (mut word, mut quote) = (None::<String>, None::<char>);
    let script = script.replace("\\\n", " ");
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            ('|' | ';' | '&' | '\n', None) => {
                words.extend(word.take());
                found.push(std::mem::take(&mut words));
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    found.push(words);
    found.retain(|words| !words.is_empty());
    found
}

fn check_command(words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_setting =
        |word: &&&str| word.split_once('=').is_some_and(|(name, _)| name.chars().all(is_variable));
    let words = &words[words.iter().take_while(is_setting).count()..];
    if let Some(missing) = words.iter().find(|word| !exists(word)) {
        return Err(format!("{missing} does not exist"));
    }
    match *words {
        ["practice-links", ref rest @ ..] => check_cli(rest),
        ["admin", ..] => check_cli(words),
        ["cargo", name, ref rest @ ..] if CARGO.contains(&name) => check_cargo(name, rest),
        ["python" | "python3" | "node", script, ..] if script.starts_with("scripts/") => Ok(()),
        [program, ..] if PROGRAMS.contains(&program) || program.starts_with("scripts/") => Ok(()),
        [] | [".ci/run"] => Ok(()),
        [..] => Err(format!("unknown command: {}", words.join(" "))),
    }
}

fn is_variable(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// What `--help` lists of a command: its subcommands, its flags, and whether it takes arguments.
struct Help {
    commands: BTreeSet<String>,
    flags: BTreeMap<String, Flag>,
    has_arguments: bool,
}

struct Flag {
    has_value: bool,
    /// The values that it takes; empty where any will do.
    values: Vec<String>,
}

fn help(path: &[&str]) -> Help {
    let output =
        Command::new(env!("CARGO_BIN_EXE_practice-links")).args(path).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let section = |name: &str| -> Vec<String> {
        let lines = text.lines().skip_while(move |line| *line != name).skip(1);
        lines.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned()).collect()
    };
    let first = |line: &String| line.split(' ').next().unwrap().to_owned();
    let flag = |line: String| {
        let name = line.split([' ', ',']).find(|word| word.starts_with("--"))?.to_owned();
        let values = line.split_once("[possible values: ").map(|(_, rest)| rest.trim_end_matches(']'));
        let values = values.map(|values| values.split(", ").map(str::to_owned).collect()).unwrap_or_default();
        Some((name, Flag { has_value: line.contains('<'), values }))
    };
    Help {
        commands: section("Commands:").iter().map(first).collect(),
        flags: section("Options:").into_iter().filter_map(flag).collect(),
        has_arguments: !section("Arguments:").is_empty(),
    }
}

fn check_cli(words: &[&str]) -> Result<(), String> {
    let (mut path, mut at) = (Vec::new(), 0);
    let mut known = help(&path);
    while at < words.len() {
        let word = words[at];
        at += 1;
        if let Some(Flag { has_value, values }) = known.flags.get(word) {
            let value = words.get(at).copied().unwrap_or_default();
            if !values.is_empty() && !values.iter().any(|known| known == value) {
                return Err(format!("{word} takes {values:?}, not {value:?}"));
            }
            at += usize::from(*has_value);
        } else if known.commands.contains(word) {
            path.push(word);
            known = help(&path);
        } else if word.starts_with('-') || !known.has_arguments {
            return Err(format!("practice-links {}: unknown {word}", path.join(" ")));
        }
    }
    Ok(())
}

fn check_cargo(name: &str, words: &[&str]) -> Result<(), String> {
    let (own, rest) = match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &words[..0]),
    };
    let value = |flag: &str| own.iter().position(|word| *word == flag).and_then(|at| own.get(at + 1));
    for (flag, folder) in [("--test", "tests"), ("--bench", "benches")] {
        if let Some(target) = value(flag) {
            let is_there = [format!("{folder}/{target}.rs"), format!("{folder}/{target}/main.rs")];
            if !is_there.iter().any(|path| Path::new(path).exists()) {
                return Err(format!("there is no {flag} {target}"));
            }
        }
    }
    if let Some(profile) = value("--profile")
        && !fs::read_to_string("Cargo.toml").unwrap().contains(&format!("[profile.{profile}]"))
    {
        return Err(format!("there is no profile {profile}"));
    }
    match name {
        "run" => check_cli(&rest.iter().copied().take_while(|word| *word != ">").collect::<Vec<_>>()),
        "test" => rest.iter().filter(|word| !word.starts_with('-')).try_for_each(|filter| has_test(filter)),
        _ => Ok(()),
    }
}

/// Whether a filter of `cargo test` finds anything: a module of `tests/api`, or part of a test's name.
fn has_test(filter: &str) -> Result<(), String> {
    let is_module = filter
        .split_once("::")
        .is_some_and(|(module, _)| Path::new(&format!("tests/api/{module}.rs")).exists());
    let mut tests = Vec::new();
    files(Path::new("tests"), ".rs", &mut tests);
    let has_name = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().any(|line| line.trim_start().starts_with("fn ") && line.contains(filter))
    };
    match is_module || tests.iter().any(has_name) {
        true => Ok(()),
        false => Err(format!("no test is called {filter}")),
    }
}

/// The names in the first column of the page of settings.
fn settings() -> BTreeSet<String> {
    let page = Page::read(Path::new("docs/settings.md"));
    let rows = page.prose.iter().filter_map(|(_, line)| line.strip_prefix("| `")?.split_once('`'));
    let names: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() > 40, "the settings were not found");
    names
}

#[test]
fn settings_exist() {
    let names = settings();
    let sections: BTreeSet<&str> = names.iter().filter_map(|name| Some(name.split_once('.')?.0)).collect();
    for page in pages().iter().filter(|page| page.path != Path::new("docs/settings.md")) {
        let is_setting = |span: &str| {
            let (section, rest) = span.split_once('.').unwrap_or_default();
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            sections.contains(section) && rest.chars().all(is_name)
        };
        for (at, span) in page.spans().filter(|(_, span)| is_setting(span)) {
            assert!(names.contains(span), "{}: {span} is no setting", page.at(at));
        }
        let text = fs::read_to_string(&page.path).unwrap();
        for rest in text.split("PRACTICE_LINKS_").skip(1) {
            let variable: String = rest.chars().take_while(|c| is_variable(*c)).collect();
            let name = variable.to_ascii_lowercase().replace("__", ".");
            assert!(names.contains(&name), "{}: no setting {variable}", page.path.display());
        }
    }
}

/// ``409 `account_exists` `` names a problem and its status.
#[test]
fn problem_codes_exist_with_their_status() {
    let known: BTreeMap<&str, u16> = Code::ALL.iter().map(|code| (code.as_str(), code.status())).collect();
    let mut count = 0;
    for page in pages() {
        for (at, line) in &page.prose {
            for (before, code) in line.split(" `").zip(line.split(" `").skip(1)) {
                let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
                let code = code.split('`').next().unwrap();
                let is_code = digits.len() == 3 && code.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                if let (true, Ok(status)) = (is_code, digits.parse::<u16>()) {
                    assert_eq!(known.get(code), Some(&status), "{}: {status} {code}", page.at(*at));
                    count += 1;
                }
            }
        }
    }
    assert!(count > 40, "{count} problem codes were found");
}

#[test]
fn operations_exist() {
    let document: Value = serde_json::from_str(&openapi::json()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let plain = |path: &str| -> String {
        let segments = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        segments.collect::<Vec<_>>().join("/")
    };
    let known: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |m| (m.clone(), plain(path))))
        .collect();
    let mut count = 0;
    for page in pages() {
        for (at, span) in page.spans() {
            let Some((method, rest)) = span.split_once(' ') else { continue };
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) || !rest.starts_with("/v1/") {
                continue;
            }
            let path = plain(rest.split([' ', '?']).next().unwrap());
            let operation = (method.to_lowercase(), path);
            assert!(known.contains(&operation), "{}: there is no {span}", page.at(at));
            count += 1;
        }
    }
    assert!(count > 40, "{count} operations were found");
}
