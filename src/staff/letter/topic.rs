//! From an outbox row to a letter.

use askama::Template;

use super::words::{self, Words};
use super::{Payload, store, url};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::Email;
use crate::outbox::{Job, Mail, Outgoing, Rendered, Topic};
use crate::practices;

/// Renders invitations and resets.
pub struct LetterTopic;

impl LetterTopic {
    /// Its name in the outbox.
    pub const NAME: &'static str = "staff_letter";
}

impl Topic for LetterTopic {
    fn render(&self, ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<Rendered> {
        let Ok(payload) = serde_json::from_str::<Payload>(&job.payload) else {
            return Ok(Rendered::Unwanted);
        };
        let token = payload.token(ctx);
        let Some(id) = store::find_live(conn, &token.hash(), ctx.now)? else { return Ok(Rendered::Unwanted) };
        let Some(member) = super::super::store::find_active(conn, &id)? else {
            return Ok(Rendered::Unwanted);
        };
        let Some(practice) = practices::find(conn, &member.practice_id)? else {
            return Ok(Rendered::Unwanted);
        };
        let words = words::of(payload.purpose, practice.language());
        Ok(Email::parse(&member.email).and_then(|to| mail(to, &words, &practice, &url(ctx, &token))).into())
    }
}

/// `None` when a template fails, which drops the row: what is left to fail (writing to a `String`) does not.
fn mail(to: Email, words: &Words, practice: &practices::Practice, url: &str) -> Option<Outgoing> {
    let lang = practice.language().as_str();
    let practice_name = practice.name.as_str();
    let html = Html { lang, practice_name, words, url }.render().ok()?;
    let text = Text { practice_name, words, url }.render().ok()?;
    Some(Outgoing::Email(Mail { to, subject: words.heading.to_owned(), text, html, unsubscribe: None }))
}

#[derive(Template)]
#[template(path = "staff/letter/mail.html")]
struct Html<'a> {
    lang: &'a str,
    practice_name: &'a str,
    words: &'a Words,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "staff/letter/mail.txt")]
struct Text<'a> {
    practice_name: &'a str,
    words: &'a Words,
    url: &'a str,
}
