//! Renders notifications from outbox rows, and handles the results of sending them.

use askama::Template;
use strum::VariantArray as _;

use super::mail_text::{self, MailText};
use super::message::{Kind, Payload};
use super::recipient::{self, Recipient};
use super::store::Digest;
use super::{Frequency, bounce, store, token};
use crate::domain::links::{self, Destination};
use crate::domain::practices::{self, Practice};
use crate::kit::{Email, Language, LinkId};
use crate::platform::outbox::{Job, Mail, Outcome, Outgoing, Rendered, Report, Topic, Topics};
use crate::platform::{Tx, db};

/// The outbox topics of all notifications.
pub fn topics() -> Topics {
    let topic = |kind: &Kind| (kind.topic(), Box::new(NotificationTopic(*kind)) as Box<dyn Topic>);
    Kind::VARIANTS.iter().map(topic).collect()
}

/// One outbox topic per kind of notification.
struct NotificationTopic(Kind);

impl Topic for NotificationTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(facts) = Facts::of(tx, job)? else { return Ok(Rendered::Unwanted) };
        let list = facts.link.as_ref().map(|to| &to.effective.id);
        let unsubscribe = match list.filter(|_| self.0.is_optional()) {
            Some(list) if is_off(tx, &facts.payload.recipient, list)? => return Ok(Rendered::Unwanted),
            Some(list) => Some(token::url(tx, &facts.payload.recipient, list)),
            None => None,
        };
        let text = match self.0 {
            Kind::NewPairing => {
                mail_text::new_pairing(&facts.practice, facts.payload.at, &facts.link_label())
            }
            Kind::NewDevice => mail_text::new_device(&facts.practice, facts.payload.at),
            Kind::Bounced => mail_text::bounced(&facts.practice, facts.payload.at),
            Kind::OtherNumber => {
                mail_text::other_number(&facts.practice, facts.payload.at, &facts.link_label())
            }
            Kind::Digest => match facts.digest(tx)? {
                Some(digest) => mail_text::digest(&facts.practice, &digest, &facts.link_label()),
                None => return Ok(Rendered::Unwanted),
            },
        };
        Ok(facts.mail(tx, text, unsubscribe).into())
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        bounce::settled(tx, job, outcome)
    }

    fn reported(&self, tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
        bounce::reported(tx, job, report)
    }
}

fn is_off(tx: &mut Tx, recipient: &Recipient, list: &LinkId) -> db::Result<bool> {
    Ok(store::frequency(tx.conn, recipient, list)? == Frequency::Off)
}

/// Everything that all notifications need for rendering.
struct Facts {
    payload: Payload,
    practice: Practice,
    to: Email,
    link: Option<Destination>,
}

impl Facts {
    /// `None` if there is no recipient, or if the recipient's mailbox bounced.
    fn of(tx: &mut Tx, job: &Job) -> db::Result<Option<Self>> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(None) };
        let Some(practice) = practices::find(tx, &payload.practice)? else { return Ok(None) };
        let Some(to) = recipient::address(tx, &practice, &payload.recipient)? else { return Ok(None) };
        if !store::bounces(tx.conn, &[recipient::mailbox_key(tx.keys, &to)])?.is_empty() {
            return Ok(None);
        }
        let link = match &payload.link {
            Some(id) => links::find_destination(tx, id)?,
            None => None,
        };
        Ok(Some(Self { payload, practice, to, link }))
    }

    fn digest(&self, tx: &mut Tx) -> db::Result<Option<Digest>> {
        match &self.payload.digest {
            Some(id) => store::digest(tx.conn, id),
            None => Ok(None),
        }
    }

    fn is_discreet(&self) -> bool {
        self.link.as_ref().is_some_and(Destination::is_discreet)
    }

    /// Empty if the link is discreet.
    fn link_label(&self) -> String {
        match &self.link {
            Some(to) if !to.is_discreet() => to.link.label.clone(),
            _ => String::new(),
        }
    }

    /// `None` if a template fails, which drops the row: templates are checked at compile time, and the only
    /// runtime failure left (writing to a `String`) does not occur.
    fn mail(&self, tx: &Tx, text: MailText, unsubscribe: Option<String>) -> Option<Outgoing> {
        let practice_name = if self.is_discreet() { "" } else { &self.practice.name };
        let console_url = &format!("{}/console", tx.settings.public_url);
        let language = self.practice.language;
        let stop_url = unsubscribe.as_deref().unwrap_or_default();
        let html = Html { language, practice_name, text: &text, console_url, stop_url }.render().ok()?;
        let plain = Plain { language, practice_name, text: &text, console_url, stop_url }.render().ok()?;
        let to = self.to.clone();
        Some(Outgoing::Email(Mail { to, subject: text.heading, text: plain, html, unsubscribe }))
    }
}

#[derive(Template)]
#[template(path = "domain/notifications/notification.html")]
struct Html<'a> {
    language: Language,
    practice_name: &'a str,
    text: &'a MailText,
    console_url: &'a str,
    stop_url: &'a str,
}

#[derive(Template)]
#[template(path = "domain/notifications/notification.txt")]
struct Plain<'a> {
    language: Language,
    practice_name: &'a str,
    text: &'a MailText,
    console_url: &'a str,
    stop_url: &'a str,
}
