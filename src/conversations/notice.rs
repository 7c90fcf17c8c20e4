//! The practice's e-mails: content-free, on purpose. They say that something happened and where to look;
//! who it was about is behind the sign-in. E-mail is a postcard.

use askama::Template;
use serde_json::json;

use super::Pairing;
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::{Email, Language, Timestamp};
use crate::links::{self, Destination};
use crate::outbox::{self, Job, Mail, Message, Outgoing, Rendered, Topic};
use crate::practices::{self, Practice};
use crate::staff;

/// "A new patient connected."
pub struct NewPairingTopic;

impl NewPairingTopic {
    /// The topic's name in the outbox.
    pub const NAME: &'static str = "notice_new_pairing";
}

/// "A patient signed in on a new device."
pub struct NewDeviceTopic;

impl NewDeviceTopic {
    /// The topic's name in the outbox.
    pub const NAME: &'static str = "notice_new_device";
}

#[derive(Template)]
#[template(path = "conversations/notice.html")]
struct NewPairingHtml<'a> {
    lang: &'a str,
    practice_name: &'a str,
    when: &'a str,
    link_label: &'a str,
    inbox_url: &'a str,
}

#[derive(Template)]
#[template(path = "conversations/notice.txt")]
struct NewPairingText<'a> {
    lang: &'a str,
    practice_name: &'a str,
    when: &'a str,
    link_label: &'a str,
    inbox_url: &'a str,
}

#[derive(Template)]
#[template(path = "conversations/new_device.html")]
struct NewDeviceHtml<'a> {
    lang: &'a str,
    practice_name: &'a str,
    when: &'a str,
    inbox_url: &'a str,
}

#[derive(Template)]
#[template(path = "conversations/new_device.txt")]
struct NewDeviceText<'a> {
    lang: &'a str,
    practice_name: &'a str,
    when: &'a str,
    inbox_url: &'a str,
}

/// Queues the notice of a new pairing, where the practice wants one.
pub fn enqueue_new_pairing(ctx: &Ctx, conn: &mut Conn, to: &Destination, pairing_id: &str) -> db::Result<()> {
    let payload = json!({ "practice": to.practice.id, "link": to.link.id, "at": ctx.now });
    for recipient in recipients(conn, to)? {
        enqueue(ctx, conn, NewPairingTopic::NAME, &recipient, pairing_id, payload.clone())?;
    }
    Ok(())
}

/// The people on the link's list; where there is nobody on it, the practice's own address.
fn recipients(conn: &mut Conn, to: &Destination) -> db::Result<Vec<String>> {
    let listed = links::notified(conn, &to.endpoint.id)?;
    let found = staff::emails(conn, &listed)?;
    match found.is_empty() {
        true => Ok(to.practice.notice_email.clone().into_iter().collect()),
        false => Ok(found.into_iter().map(|(_, email)| email.as_str().to_owned()).collect()),
    }
}

/// Queues the notice of a new device, once a sign-in and practice.
pub fn enqueue_new_device(ctx: &Ctx, conn: &mut Conn, pairing: &Pairing, session_id: &str) -> db::Result<()> {
    let practice_id = &pairing.practice.id;
    let Some(practice) = practices::find(conn, practice_id)? else { return Ok(()) };
    let fact = format!("{session_id}:{practice_id}");
    let Some(recipient) = &practice.notice_email else { return Ok(()) };
    let payload = json!({ "practice": practice.id, "link": pairing.source.link_id, "at": ctx.now });
    enqueue(ctx, conn, NewDeviceTopic::NAME, recipient, &fact, payload)
}

fn enqueue(
    ctx: &Ctx,
    conn: &mut Conn,
    topic: &'static str,
    recipient: &str,
    fact: &str,
    payload: serde_json::Value,
) -> db::Result<()> {
    // The key outlives the address in the row, so it names the recipient blindly.
    let dedupe_key = format!("mail:{fact}:{}", ctx.keys.blind("recipient", recipient));
    let message = Message {
        topic,
        channel: outbox::Channel::Email,
        dedupe_key,
        recipient: Some(recipient.to_owned()),
        payload,
        due: None,
        not_after: None,
    };
    outbox::enqueue(ctx, conn, &message).map(drop)
}

#[derive(serde::Deserialize)]
struct Payload {
    practice: String,
    link: Option<String>,
    at: Timestamp,
}

/// What every notice is about.
struct Facts {
    to: Email,
    practice: Practice,
    lang: &'static str,
    when: String,
    inbox_url: String,
    /// Empty where the link is a discreet one, as is the label.
    practice_name: String,
    link_label: String,
}

fn facts(ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<Option<Facts>> {
    let Ok(payload) = serde_json::from_str::<Payload>(&job.payload) else { return Ok(None) };
    let Some(practice) = practices::find(conn, &payload.practice)? else { return Ok(None) };
    let Some(to) = job.recipient.as_deref().and_then(Email::parse) else { return Ok(None) };
    let link = match &payload.link {
        Some(id) => links::known(conn, id)?,
        None => None,
    };
    let is_discreet = link.as_ref().is_some_and(Destination::is_discreet);
    let told = |text: String| if is_discreet { String::new() } else { text };
    Ok(Some(Facts {
        to,
        lang: practice.language().as_str(),
        when: local_time(payload.at, &practice),
        inbox_url: format!("{}/console", ctx.config.public_url),
        practice_name: told(practice.name.clone()),
        link_label: told(link.map(|link| link.link.label.clone()).unwrap_or_default()),
        practice,
    }))
}

impl Topic for NewPairingTopic {
    fn render(&self, ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<Rendered> {
        let Some(facts) = facts(ctx, conn, job)? else { return Ok(Rendered::Unwanted) };
        let Facts { lang, when, inbox_url, practice_name, link_label, .. } = &facts;
        let html = NewPairingHtml { lang, practice_name, when, link_label, inbox_url };
        let text = NewPairingText { lang, practice_name, when, link_label, inbox_url };
        let subject = match facts.practice.language() {
            Language::En => "A new patient connected",
            Language::Es => "Se conectó un paciente nuevo",
        };
        Ok(mail(&facts, subject, html.render(), text.render()).into())
    }
}

impl Topic for NewDeviceTopic {
    fn render(&self, ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<Rendered> {
        let Some(facts) = facts(ctx, conn, job)? else { return Ok(Rendered::Unwanted) };
        let Facts { lang, when, inbox_url, practice_name, .. } = &facts;
        let html = NewDeviceHtml { lang, practice_name, when, inbox_url };
        let text = NewDeviceText { lang, practice_name, when, inbox_url };
        let subject = match facts.practice.language() {
            Language::En => "A patient signed in on a new device",
            Language::Es => "Un paciente entró desde otro dispositivo",
        };
        Ok(mail(&facts, subject, html.render(), text.render()).into())
    }
}

/// `None` when a template fails, which drops the row: the templates are checked when they are compiled, and
/// what is left to fail (writing to a `String`) does not.
fn mail(
    facts: &Facts,
    subject: &str,
    html: askama::Result<String>,
    text: askama::Result<String>,
) -> Option<Outgoing> {
    let (html, text) = (html.ok()?, text.ok()?);
    let (to, subject) = (facts.to.clone(), subject.to_owned());
    Some(Outgoing::Email(Mail { to, subject, text, html, unsubscribe: None }))
}

/// Date and time in the practice's own zone; UTC where the zone is unknown.
fn local_time(at: Timestamp, practice: &Practice) -> String {
    let zone = jiff::tz::TimeZone::get(&practice.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let format = match practice.language() {
        Language::En => "%b %-d, %Y, %-I:%M %p %Z",
        Language::Es => "%d/%m/%Y, %H:%M %Z",
    };
    at.to_jiff().to_zoned(zone).strftime(format).to_string()
}
