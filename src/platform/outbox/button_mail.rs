//! An e-mail with one button. Each module that sends one brings its text; the layout is shared.

use askama::Template;

use super::{Mail, Outgoing};
use crate::kit::{Email, Language};

/// Text of the e-mail, in one language.
pub struct ButtonMail {
    /// Subject line and heading.
    pub heading: &'static str,
    /// What the e-mail is about.
    pub lead: &'static str,
    /// Label of the button.
    pub button: &'static str,
    /// How long the link is valid.
    pub limit: &'static str,
    /// What to do if the e-mail was not expected.
    pub otherwise: &'static str,
}

impl ButtonMail {
    /// Renders the e-mail of the sender called `from`, with a button to `url`. `None` if a template fails,
    /// which drops the row: the only runtime failure left (writing to a `String`) does not occur.
    pub fn render(&self, to: Email, from: &str, language: Language, url: &str) -> Option<Outgoing> {
        let html = Html { language, from, mail: self, url }.render().ok()?;
        let text = Plain { language, from, mail: self, url }.render().ok()?;
        Some(Outgoing::Email(Mail { to, subject: self.heading.to_owned(), text, html, unsubscribe: None }))
    }
}

#[derive(Template)]
#[template(path = "platform/outbox/button_mail.html")]
struct Html<'a> {
    language: Language,
    from: &'a str,
    mail: &'a ButtonMail,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "platform/outbox/button_mail.txt")]
struct Plain<'a> {
    language: Language,
    from: &'a str,
    mail: &'a ButtonMail,
    url: &'a str,
}
