//! The e-mail that carries the code.

use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{EmailCode, store};
use crate::kit::{Email, Language, Timestamp};
use crate::platform::outbox::{self, Channel, Job, Mail, Message, Outgoing, Rendered, Topic};
use crate::platform::{Tx, db};

pub struct EmailCodeTopic;

impl EmailCodeTopic {
    pub const NAME: &'static str = "email_code";
}

/// The outbox row contains neither the address nor the code.
#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(alias = "account")] // in rows queued when only accounts asked
    asked_by: String,
    seed: String,
    language: Language,
}

pub(super) fn enqueue(
    tx: &mut Tx,
    asked_by: &str,
    seed: &str,
    language: Language,
    until: Timestamp,
) -> db::Result<()> {
    let message = Message {
        topic: EmailCodeTopic::NAME,
        priority: outbox::Priority::Code,
        channel: Channel::Email,
        dedupe_key: format!("email-code:{seed}"),
        recipient: None,
        payload: json!({ "asked_by": asked_by, "seed": seed, "language": language }),
        due: None,
        not_after: Some(until),
    };
    outbox::enqueue(tx, &message).map(drop)
}

impl Topic for EmailCodeTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let row = store::find(tx.conn, &payload.asked_by, &payload.seed, tx.now)?;
        Ok(row.and_then(|row| mail(tx, &row, payload.language)).into())
    }
}

struct Words {
    heading: &'static str,
    lead: &'static str,
    limit: &'static str,
    otherwise: &'static str,
}

fn for_address(language: Language) -> Words {
    Words {
        heading: language.text("mail-address-code-heading"),
        lead: language.text("mail-address-code-lead"),
        limit: language.text("mail-address-code-limit"),
        otherwise: language.text("mail-address-code-otherwise"),
    }
}

/// The number's new owner may have asked: the e-mail says what giving the code away would open.
fn for_device(language: Language) -> Words {
    Words {
        heading: language.text("mail-device-code-heading"),
        lead: language.text("mail-device-code-lead"),
        limit: language.text("mail-device-code-limit"),
        otherwise: language.text("mail-device-code-otherwise"),
    }
}

/// `None` if a template fails, which drops the row; the only failure left (writing to a
/// `String`) does not occur.
fn mail(tx: &Tx, row: &EmailCode, language: Language) -> Option<Outgoing> {
    let words = if row.asked_by == row.account_id.as_str() { for_address } else { for_device };
    let (words, code) = (&words(language), &super::derive(tx, row));
    let app_name = tx.settings.app.name.as_str();
    let html = Html { language, app_name, words, code }.render().ok()?;
    let text = Text { app_name, words, code }.render().ok()?;
    let (to, subject) = (Email::parse(&row.email)?, words.heading.to_owned());
    Some(Outgoing::Email(Mail { to, subject, text, html, unsubscribe: None }))
}

#[derive(Template)]
#[template(path = "domain/accounts/email/mail.html")]
struct Html<'a> {
    language: Language,
    app_name: &'a str,
    words: &'a Words,
    code: &'a str,
}

#[derive(Template)]
#[template(path = "domain/accounts/email/mail.txt")]
struct Text<'a> {
    app_name: &'a str,
    words: &'a Words,
    code: &'a str,
}
