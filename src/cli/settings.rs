//! `practice-links settings`: the operator's page and an example file, written from the declarations.

use std::fmt::Write as _;

use clap::ValueEnum;

use crate::app::DECLARATIONS;
use crate::platform::settings::reference::{self, Section, Setting};

/// Longest line of a comment in the example file.
const WIDTH: usize = 100;

const PAGE: &str = "\
# Settings

From `practice-links.toml` (or `--config FILE`) and the environment, which wins. A setting of the table
`[database]` is named `database.url` here; in the environment its levels are joined by two underscores. Lists
are comma-separated there, and an empty variable is one that is not set. A setting that is wrong or unknown
stops the start in one line that names it.

[practice-links.example.toml](practice-links.example.toml) has all of them, to start from. Both pages are
printed by `practice-links settings`; to change them, change the declaration of a setting in the code.
";

const FILE: &str = "\
# Every setting of Practice Links, with its default, or with an example where there is none.
# Remove the first character of a line to set it. Each can also be set in the environment:
# PRACTICE_LINKS_ and the name in capitals, with two underscores after the table's name.
";

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Markdown,
    Toml,
}

pub(super) fn render(format: Format) -> String {
    let sections = reference::sections(&DECLARATIONS);
    match format {
        Format::Markdown => sections.iter().fold(PAGE.to_owned(), |page, section| page + &table(section)),
        Format::Toml => sections.iter().fold(FILE.to_owned(), |file, section| file + &lines(section)),
    }
}

fn table(section: &Section) -> String {
    let mut page = match section.name {
        "" => "\n## The service itself\n".to_owned(),
        name => format!("\n## `{name}`\n\n{}\n", section.meaning),
    };
    page += "\n| setting | environment variable | default | meaning |\n| --- | --- | --- | --- |\n";
    for setting in &section.settings {
        let example =
            setting.example.as_ref().map(|example| format!(" Example: `{}`", reference::plain(example)));
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {} | {}{} |",
            setting.path,
            setting.variable(),
            default(setting),
            setting.meaning,
            example.unwrap_or_default()
        );
    }
    page
}

fn default(setting: &Setting) -> String {
    match (&setting.default_in_words, &setting.default) {
        (Some(words), _) => words.clone(),
        (None, Some(value)) => format!("`{}`", reference::plain(value)),
        (None, None) => "none".to_owned(),
    }
}

fn lines(section: &Section) -> String {
    let mut file = String::new();
    if !section.name.is_empty() {
        let _ = write!(file, "\n{}[{}]\n", comment(&section.meaning), section.name);
    }
    for setting in &section.settings {
        let name = setting.path.rsplit('.').next().unwrap_or_default();
        let words = setting.default_in_words.as_ref().map(|words| comment(&format!("Default: {words}.")));
        let sample = setting.sample().map(ToString::to_string).unwrap_or_default();
        let text = comment(&setting.meaning) + &words.unwrap_or_default();
        let _ = write!(file, "\n{text}#{name} = {sample}\n");
    }
    file
}

/// Breaks `text` into lines of a comment.
fn comment(text: &str) -> String {
    let (mut lines, mut width) = (String::from("#"), 1);
    for word in text.split(' ') {
        if width + 1 + word.chars().count() > WIDTH {
            lines += "\n#";
            width = 1;
        }
        lines += " ";
        lines += word;
        width += 1 + word.chars().count();
    }
    lines + "\n"
}
