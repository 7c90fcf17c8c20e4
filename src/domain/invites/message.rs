//! The two messages of an invite: a text with one link, and an e-mail with another.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Channel, Invite, quiet, record, store, texts};
use crate::domain::consent;
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::kit::{InviteId, Secret, Timestamp};
use crate::platform::event_log::Actor;
use crate::platform::outbox::{
    self, Job, Message, Outcome, Outgoing, Rendered, Report, Sender, TextMessage, Topic,
};
use crate::platform::{Tx, db, rate_limits};

/// Retry delays that span a night: a text that a provider refused in the evening must be
/// retried in the morning.
const SCHEDULE: [u64; 30] = [
    2, 5, 15, 60, 300, 900, 1_800, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600,
    3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600,
];
/// A text is not sent in the last hour of the invite, because its link would expire before it is read.
const LEAST: Duration = Duration::from_hours(1);

/// Payload of an outbox row, from which both secrets are derived.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    invite: InviteId,
    seed: String,
}

impl Secrets {
    pub(super) fn new(tx: &Tx, invite_id: &InviteId) -> Self {
        Self { invite: invite_id.to_owned(), seed: URL_SAFE_NO_PAD.encode(tx.random::<32>()) }
    }

    /// Secret in the link of the text message.
    pub(super) fn text(&self, tx: &Tx) -> Secret {
        self.secret(tx, "invite-text")
    }

    /// Secret in the link of the e-mail.
    pub(super) fn mail(&self, tx: &Tx) -> Secret {
        self.secret(tx, "invite-mail")
    }

    /// 128 bits, because a text message has no room for more.
    fn secret(&self, tx: &Tx, purpose: &str) -> Secret {
        let key = tx.keys.derive(purpose, &[self.invite.as_str().as_bytes(), self.seed.as_bytes()]);
        Secret::from_client(&URL_SAFE_NO_PAD.encode(key.get(..16).unwrap_or_default()))
    }

    fn message(&self, topic: &'static str, channel: outbox::Channel, hash: &str, invite: &Invite) -> Message {
        Message {
            topic,
            priority: outbox::Priority::Bulk,
            channel,
            dedupe_key: format!("invite:{hash}"),
            recipient: None,
            payload: serde_json::to_value(self).unwrap_or_default(),
            due: None,
            not_after: Some(invite.expires_at - LEAST),
        }
    }
}

/// Queues the text message, to be sent at `due`.
pub(super) fn enqueue_text(
    tx: &mut Tx,
    invite: &Invite,
    secrets: &Secrets,
    due: Timestamp,
) -> db::Result<()> {
    let message = secrets.message(TextTopic::NAME, outbox::Channel::Sms, &secrets.text(tx).hash(), invite);
    outbox::enqueue(tx, &Message { due: Some(due), ..message }).map(drop)
}

pub(super) fn enqueue_mail(tx: &mut Tx, invite: &Invite, secrets: &Secrets) -> db::Result<()> {
    let message = secrets.message(MailTopic::NAME, outbox::Channel::Email, &secrets.mail(tx).hash(), invite);
    outbox::enqueue(tx, &message).map(drop)
}

pub struct TextTopic;

impl TextTopic {
    /// Topic name, stored in the outbox.
    pub const NAME: &'static str = "invite_text";
}

impl Topic for TextTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(secret) = job.payload::<Secrets>().map(|secrets| secrets.text(tx)) else {
            return Ok(Rendered::Unwanted);
        };
        let live = store::by_token(tx.conn, &secret.hash())?.filter(|it| it.state(tx.now).is_live());
        let Some((invite, to)) = with_destination(tx, live)? else { return Ok(Rendered::Unwanted) };
        let Some(phone) = invite.phone() else { return Ok(Rendered::Unwanted) };
        let barred = consent::opt_outs(tx, &rate_limits::number_key(tx, &phone))?;
        if !barred.is_empty() {
            return Ok(Rendered::Unwanted);
        }
        if quiet::day_from(tx.now, &phone, &to.practice) > tx.now {
            return Ok(Rendered::NotYet("quiet_hours"));
        }
        let url = format!("{}/i/{}", tx.settings.public_url, secret.expose());
        let body = texts::text(sender_name(tx, &to), &url, invite.language);
        Ok(Rendered::Ready(Outgoing::Sms(TextMessage {
            to: phone,
            body,
            code: None,
            sender: Sender::AnyBut(barred),
        })))
    }

    fn schedule(&self) -> &'static [u64] {
        &SCHEDULE
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, is_over: bool) -> db::Result<()> {
        match job.payload::<Secrets>() {
            // If the message became unwanted, its secret is no longer stored and no invite is found.
            // Otherwise the number has opted out with STOP.
            Some(secrets) if is_over && *outcome != Outcome::Sent => {
                mark_bounced(tx, &secrets.text(tx), Channel::Sms)
            }
            _ => Ok(()),
        }
    }

    fn reported(&self, tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
        match (report, job.payload::<Secrets>()) {
            (Report::Undelivered(_), Some(secrets)) => mark_bounced(tx, &secrets.text(tx), Channel::Sms),
            _ => Ok(()),
        }
    }
}

pub struct MailTopic;

impl MailTopic {
    /// Topic name, stored in the outbox.
    pub const NAME: &'static str = "invite_mail";
}

impl Topic for MailTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(secret) = job.payload::<Secrets>().map(|secrets| secrets.mail(tx)) else {
            return Ok(Rendered::Unwanted);
        };
        let live = store::by_email_secret(tx.conn, &secret.hash(), tx.now)?;
        let live = live.filter(|invite| invite.email_proven_at.is_none());
        let Some((invite, to)) = with_destination(tx, live)? else { return Ok(Rendered::Unwanted) };
        let url = format!("{}/i/{}/email", tx.settings.public_url, secret.expose());
        let wording = texts::mail(invite.language);
        let mail = |email| wording.render(email, sender_name(tx, &to), invite.language, &url);
        Ok(invite.email().and_then(mail).into())
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, is_over: bool) -> db::Result<()> {
        match job.payload::<Secrets>() {
            Some(secrets) if is_over && !matches!(outcome, Outcome::Sent | Outcome::Unwanted) => {
                mark_bounced(tx, &secrets.mail(tx), Channel::Email)
            }
            _ => Ok(()),
        }
    }

    fn reported(&self, tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
        match (report, job.payload::<Secrets>()) {
            (Report::Undelivered(_), Some(secrets)) => mark_bounced(tx, &secrets.mail(tx), Channel::Email),
            _ => Ok(()),
        }
    }
}

fn mark_bounced(tx: &mut Tx, secret: &Secret, channel: Channel) -> db::Result<()> {
    if let Some(invite) = store::mark_bounced(tx.conn, &secret.hash(), channel)? {
        record(tx, &invite, Actor::System, EventKind::InviteBounced);
    }
    Ok(())
}

/// Returns a live invite and its destination; `None` if the link is paused or closed, since the page
/// could not be used.
fn with_destination(tx: &mut Tx, invite: Option<Invite>) -> db::Result<Option<(Invite, Destination)>> {
    let Some(invite) = invite else { return Ok(None) };
    match links::destination_of(tx, &invite.link_id) {
        Ok(to) => Ok(Some((invite, to))),
        Err(links::Error::Db(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the sender's name: the practice, or the app for a discreet link.
fn sender_name<'a>(tx: &'a Tx, to: &'a Destination) -> &'a str {
    if to.is_discreet() { &tx.settings.app.name } else { &to.practice.name }
}
