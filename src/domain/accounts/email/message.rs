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
    match language {
        Language::En => Words {
            heading: "Your code for this address",
            lead: "Enter this code in the app to confirm that the address is yours:",
            limit: "It works for 30 minutes.",
            otherwise: "If you did not ask for it, do nothing: without the code, nothing changes.",
        },
        Language::Es => Words {
            heading: "Su código para esta dirección",
            lead: "Escriba este código en la aplicación para confirmar que la dirección es suya:",
            limit: "Sirve durante 30 minutos.",
            otherwise: "Si no lo pidió, no haga nada: sin el código no cambia nada.",
        },
    }
}

/// The number's new owner may have asked: the e-mail says what giving the code away would open.
fn for_device(language: Language) -> Words {
    match language {
        Language::En => Words {
            heading: "Your code for the new device",
            lead: "Someone signed in with your mobile number on a new device. If it was you, enter this code \
                there to see your earlier conversations:",
            limit: "It works for 30 minutes. Do not share it.",
            otherwise: "If it was not you, do nothing: without the code, the device sees none of your \
                conversations.",
        },
        Language::Es => Words {
            heading: "Su código para el dispositivo nuevo",
            lead: "Alguien inició sesión con su número de celular en un dispositivo nuevo. Si fue usted, \
                escriba allí este código para ver sus conversaciones anteriores:",
            limit: "Sirve durante 30 minutos. No se lo dé a nadie.",
            otherwise: "Si no fue usted, no haga nada: sin el código, el dispositivo no ve ninguna de sus \
                conversaciones.",
        },
    }
}

/// `None` if a template fails, which drops the row; the only failure left (writing to a
/// `String`) does not occur.
fn mail(tx: &Tx, row: &EmailCode, language: Language) -> Option<Outgoing> {
    let words = if row.asked_by == row.account_id.as_str() { for_address } else { for_device };
    let (words, code) = (&words(language), &super::derive(tx, row));
    let app_name = tx.settings.app.name.as_str();
    let html = Html { lang: language.as_str(), app_name, words, code }.render().ok()?;
    let text = Text { app_name, words, code }.render().ok()?;
    let (to, subject) = (Email::parse(&row.email)?, words.heading.to_owned());
    Some(Outgoing::Email(Mail { to, subject, text, html, unsubscribe: None }))
}

#[derive(Template)]
#[template(path = "domain/accounts/email/mail.html")]
struct Html<'a> {
    lang: &'a str,
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
