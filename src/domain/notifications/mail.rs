//! Renders notices from outbox rows, and handles the results of sending them.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::people::{self, Recipient};
use super::store::Digest;
use super::words::{self, Letter};
use super::{Frequency, bounce, store, token};
use crate::domain::links::{self, Destination};
use crate::domain::practices::{self, Practice};
use crate::kit::ids::{DigestId, LinkId, PracticeId};
use crate::kit::{Email, Timestamp};
use crate::platform::db;
use crate::platform::outbox::{
    self, Channel, Job, Mail, Message, Outcome, Outgoing, Rendered, Report, Topic, Topics,
};
use crate::platform::tx::Tx;

/// Kinds of notices, with an example of each subject line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// "A new patient connected."
    NewPairing,
    /// "5 new patients connected."
    Digest,
    /// "A patient signed in on a new device."
    NewDevice,
    /// "An address refuses our e-mails."
    Bounced,
    /// "An invite was opened with a different number."
    OtherNumber,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::NewPairing, Self::Digest, Self::NewDevice, Self::Bounced, Self::OtherNumber];

    /// Name of the topic in the outbox.
    pub fn topic(self) -> &'static str {
        match self {
            Self::NewPairing => "notice_new_pairing",
            Self::Digest => "notice_digest",
            Self::NewDevice => "notice_new_device",
            Self::Bounced => "notice_bounced",
            Self::OtherNumber => "notice_other_number",
        }
    }

    /// Whether the recipient can turn it off or lower its frequency.
    fn is_optional(self) -> bool {
        matches!(self, Self::NewPairing | Self::Digest)
    }
}

/// What an outbox row stores: ids, and no address in clear text.
#[derive(Serialize, Deserialize)]
pub struct Payload {
    pub practice: PracticeId,
    /// Recipient: a staff member's id, or the practice's id for its own address.
    pub person: String,
    /// Keyed hash of the address when the row was queued: what a bounce pauses if the person has
    /// no address any more.
    pub mailbox: String,
    pub link: Option<LinkId>,
    pub at: Timestamp,
    /// Id of the digest, for [`Kind::Digest`] only.
    pub digest: Option<DigestId>,
}

impl Payload {
    /// Payload for one recipient, about no link, as of now.
    pub fn new(tx: &Tx, practice_id: &PracticeId, recipient: &Recipient) -> Self {
        Self {
            practice: practice_id.to_owned(),
            person: recipient.person.clone(),
            mailbox: people::mailbox_key(tx.keys, &recipient.email),
            link: None,
            at: tx.now,
            digest: None,
        }
    }

    pub fn about(self, link_id: &LinkId) -> Self {
        Self { link: Some(link_id.to_owned()), ..self }
    }
}

/// Deduplication key: one row per fact and person, or per digest, which belongs to one person.
pub fn dedupe_key(kind: Kind, fact: &str, person: &str) -> String {
    match kind {
        Kind::Digest => format!("digest:{fact}"),
        _ => format!("mail:{fact}:{person}"),
    }
}

/// Queues a notice. The row stores no address: the mail goes to the person's address when it is sent.
pub fn enqueue(
    tx: &mut Tx,
    kind: Kind,
    fact: &str,
    payload: &Payload,
    due: Option<Timestamp>,
) -> db::Result<()> {
    let message = Message {
        topic: kind.topic(),
        channel: Channel::Email,
        dedupe_key: dedupe_key(kind, fact, &payload.person),
        recipient: None,
        payload: serde_json::to_value(payload).unwrap_or_default(),
        due,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}

/// The outbox topics of all notices.
pub fn topics() -> Topics {
    Kind::ALL.into_iter().map(|kind| (kind.topic(), Box::new(Notice(kind)) as Box<dyn Topic>)).collect()
}

/// One outbox topic per kind of notice.
struct Notice(Kind);

impl Topic for Notice {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(facts) = Facts::of(tx, job)? else { return Ok(Rendered::Unwanted) };
        let list = facts.link.as_ref().map(|to| &to.endpoint.id);
        let unsubscribe = match list.filter(|_| self.0.is_optional()) {
            Some(list) if is_off(tx, &facts.payload.person, list)? => return Ok(Rendered::Unwanted),
            Some(list) => Some(token::url(tx, &facts.payload.person, list)),
            None => None,
        };
        let letter = match self.0 {
            Kind::NewPairing => words::new_pairing(&facts.practice, facts.payload.at, &facts.link_label()),
            Kind::NewDevice => words::new_device(&facts.practice, facts.payload.at),
            Kind::Bounced => words::bounced(&facts.practice, facts.payload.at),
            Kind::OtherNumber => words::other_number(&facts.practice, facts.payload.at, &facts.link_label()),
            Kind::Digest => match facts.digest(tx)? {
                Some(digest) => words::digest(&facts.practice, &digest, &facts.link_label()),
                None => return Ok(Rendered::Unwanted),
            },
        };
        Ok(facts.mail(tx, letter, unsubscribe).into())
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        bounce::settled(tx, job, outcome)
    }

    fn reported(&self, tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
        bounce::reported(tx, job, report)
    }
}

fn is_off(tx: &mut Tx, person: &str, list: &LinkId) -> db::Result<bool> {
    let said = store::frequencies(tx.conn, std::slice::from_ref(list), &[person.to_owned()])?;
    Ok(said.into_values().any(|frequency| frequency == Frequency::Off))
}

/// Everything that all notices need for rendering.
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
        let Some(to) = people::address(tx, &practice, &payload.person)? else { return Ok(None) };
        if !store::bounces(tx.conn, &[people::mailbox_key(tx.keys, &to)])?.is_empty() {
            return Ok(None);
        }
        let link = match &payload.link {
            Some(id) => links::known(tx, id)?,
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
    fn mail(&self, tx: &Tx, letter: Letter, unsubscribe: Option<String>) -> Option<Outgoing> {
        let practice_name = if self.is_discreet() { "" } else { &self.practice.name };
        let console_url = format!("{}/console", tx.settings.public_url);
        let lang = self.practice.language().as_str();
        let stop_url = unsubscribe.as_deref().unwrap_or_default();
        let letter_ref = &letter;
        let html = Html { lang, practice_name, letter: letter_ref, console_url: &console_url, stop_url };
        let text = Text { lang, practice_name, letter: letter_ref, console_url: &console_url, stop_url };
        let (html, text) = (html.render().ok()?, text.render().ok()?);
        Some(Outgoing::Email(Mail { to: self.to.clone(), subject: letter.heading, text, html, unsubscribe }))
    }
}

#[derive(Template)]
#[template(path = "domain/notifications/mail.html")]
struct Html<'a> {
    lang: &'a str,
    practice_name: &'a str,
    letter: &'a Letter,
    console_url: &'a str,
    stop_url: &'a str,
}

#[derive(Template)]
#[template(path = "domain/notifications/mail.txt")]
struct Text<'a> {
    lang: &'a str,
    practice_name: &'a str,
    letter: &'a Letter,
    console_url: &'a str,
    stop_url: &'a str,
}
