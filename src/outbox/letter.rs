//! A letter: an e-mail with one button. Each room that sends one brings its words, the shape is the same.

use askama::Template;

use super::{Mail, Outgoing};
use crate::kit::{Email, Language};

/// A letter in words.
pub struct Letter {
    /// The subject and the heading.
    pub heading: &'static str,
    /// What it is about.
    pub lead: &'static str,
    /// What the button says.
    pub button: &'static str,
    /// How long it is good.
    pub limit: &'static str,
    /// What to do where it was not expected.
    pub otherwise: &'static str,
}

impl Letter {
    /// The mail of the one called `from`, whose button leads to `url`. `None` when a template fails, which drops the
    /// row: what is left to fail (writing to a `String`) does not.
    pub fn mail(&self, to: Email, from: &str, language: Language, url: &str) -> Option<Outgoing> {
        let html = Html { lang: language.as_str(), from, letter: self, url }.render().ok()?;
        let text = Plain { from, letter: self, url }.render().ok()?;
        Some(Outgoing::Email(Mail { to, subject: self.heading.to_owned(), text, html, unsubscribe: None }))
    }
}

#[derive(Template)]
#[template(path = "outbox/letter.html")]
struct Html<'a> {
    lang: &'a str,
    from: &'a str,
    letter: &'a Letter,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "outbox/letter.txt")]
struct Plain<'a> {
    from: &'a str,
    letter: &'a Letter,
    url: &'a str,
}
