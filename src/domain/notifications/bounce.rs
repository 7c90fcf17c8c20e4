//! Bounces and complaints. A mailbox that bounced for good gets no more mail, the practice's other admins
//! are notified once, and a complaint about a mail turns off mails of its kind for that recipient.

use serde_json::json;

use super::message::{self, Kind, Payload};
use super::recipient::{self, Addressee};
use super::{preference, store};
use crate::domain::events;
use crate::domain::{links, practices, staff};
use crate::kit::{OutboxId, Timestamp};
use crate::platform::event_log::Actor;
use crate::platform::outbox::{self, Channel, Job, Outcome, Receipt, Report, Topics};
use crate::platform::{Tx, db};

/// A mailbox that is gone; any other rejection is about one mail.
const GONE: Outcome = Outcome::MAILBOX_GONE;

/// An event reported about a mail that a server had accepted.
pub struct Event {
    pub kind: EventKind,
    /// `Message-ID` header of the mail, made of the outbox row's id.
    pub message: String,
    /// When it happened, if the sender says so.
    pub at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Permanent bounce: the mailbox is gone.
    HardBounce,
    /// Temporary bounce: the sending server will try again.
    SoftBounce,
    /// The recipient marked it as spam.
    Complaint,
    /// It was delivered to the mailbox.
    Delivered,
}

/// Processes a mail server's report once per `webhook-id`. The id is remembered because a signature is
/// valid for minutes, and not every event in a report carries its time.
pub fn process_report(tx: &mut Tx, topics: &Topics, report: &str, events: &[Event]) -> db::Result<()> {
    let id = tx.keys.blind("mail-report", report);
    match store::remember_report(tx.conn, &id, tx.now)? {
        0 => Ok(()),
        _ => events.iter().try_for_each(|event| process_event(tx, topics, event)),
    }
}

/// Processes one event about a mail, a notification or any other kind. An unknown mail or a
/// repeated event changes nothing.
fn process_event(tx: &mut Tx, topics: &Topics, event: &Event) -> db::Result<()> {
    let Some(id) = row_id(&event.message) else { return Ok(()) };
    let Some(job) = outbox::find(tx, &id)?.filter(|job| job.channel == Channel::Email) else {
        return Ok(());
    };
    let Some(attempt) = outbox::attempts(tx, &id)?.pop() else { return Ok(()) };
    let report = match event.kind {
        EventKind::Complaint => return complain(tx, &job, event.at),
        EventKind::HardBounce => Report::Undelivered(GONE),
        // A soft bounce is not final; a hard bounce may follow.
        EventKind::SoftBounce => Report::Sent,
        EventKind::Delivered => Report::Delivered,
    };
    let is_news = outbox::report(tx, topics, &attempt.id, &report)?;
    // Many servers accept a mail and return it later, so a mail reported as delivered can bounce.
    match event.kind {
        EventKind::HardBounce if !is_news && attempt.receipt == Receipt::Delivered => mailbox_gone(tx, &job),
        _ => Ok(()),
    }
}

/// Extracts the outbox row's id, `out_…`, from a `Message-ID` such as `<out_…@domain>`.
fn row_id(message: &str) -> Option<OutboxId> {
    let (id, _) = message.trim().trim_matches(['<', '>']).split_once('@')?;
    let is_ours = id.starts_with("out_") && id.len() <= 64;
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_ours && is_plain).then(|| id.into())
}

fn complain(tx: &mut Tx, job: &Job, at: Option<Timestamp>) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    let Some(link) = payload.link else { return Ok(()) };
    let Some(to) = links::find_destination(tx, &link)? else { return Ok(()) };
    // If the recipient asked for mails again after the complaint, that choice wins.
    let chosen_at = store::changed_at(tx.conn, &payload.recipient, &to.effective.id)?;
    if chosen_at.is_some_and(|chosen_at| chosen_at > at.unwrap_or(tx.now)) {
        return Ok(());
    }
    preference::mute(tx, &to, &payload.recipient).map(drop)
}

/// Handles the end of an attempt: the mail was sent just now, to the recipient's current address.
pub(super) fn settled(tx: &mut Tx, job: &Job, outcome: &Outcome) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    match outcome {
        Outcome::Sent | Outcome::Ambiguous(_) => {
            let mailbox = mailbox_now(tx, &payload)?;
            store::set_mailed(tx.conn, &job.id, &mailbox, tx.now)
        }
        gone if *gone == GONE => {
            let mailbox = mailbox_now(tx, &payload)?;
            suppress(tx, job, &payload, &mailbox)
        }
        _ => Ok(()),
    }
}

/// Key of the recipient's current mailbox. Staff who have left have no address, so the key stored when the
/// row was queued is used.
fn mailbox_now(tx: &mut Tx, payload: &Payload) -> db::Result<String> {
    let Some(practice) = practices::find(tx, &payload.practice)? else {
        return Ok(payload.mailbox.clone());
    };
    let address = recipient::address(tx, &practice, &payload.recipient)?;
    Ok(address.map_or_else(|| payload.mailbox.clone(), |to| recipient::mailbox_key(tx.keys, &to)))
}

/// Handles a report on a mail that had been accepted.
pub(super) fn reported(tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
    if *report == Report::Undelivered(GONE) { mailbox_gone(tx, job) } else { Ok(()) }
}

/// Handles a bounce once per mail: a late copy of the report must not undo an admin's choice to
/// try the mailbox again.
fn mailbox_gone(tx: &mut Tx, job: &Job) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    // A fast server's report can arrive before the result of the send is stored.
    let mailbox = mailbox_now(tx, &payload)?;
    store::note_mailed(tx.conn, &job.id, &mailbox, tx.now)?;
    match store::mark_bounced(tx.conn, &job.id, tx.now)? {
        Some(mailbox) => suppress(tx, job, &payload, &mailbox),
        None => Ok(()),
    }
}

/// Pauses the mailbox of a mail that bounced for good.
fn suppress(tx: &mut Tx, job: &Job, payload: &Payload, mailbox: &str) -> db::Result<()> {
    if store::insert_bounce(tx.conn, mailbox, &payload.recipient, GONE.label(), tx.now)? == 0 {
        return Ok(());
    }
    metrics::counter!("bounced_mailboxes_total").increment(1);
    let (practice_id, detail) =
        (Some(&payload.practice), json!({ "reason": GONE.label(), "outbox": job.id }));
    tx.emit(practice_id, Actor::System, events::EventKind::NotificationsPaused, &payload.recipient, detail);
    notify_admins(tx, job, payload)
}

/// Notifies the other admins, or the practice's own address if there are no others.
fn notify_admins(tx: &mut Tx, job: &Job, bounced: &Payload) -> db::Result<()> {
    let Some(practice) = practices::find(tx, &bounced.practice)? else { return Ok(()) };
    let is_other = |to: &Addressee| to.recipient != bounced.recipient;
    let admins = staff::admins(tx, &practice.id)?.into_iter().map(Addressee::from);
    let mut others: Vec<Addressee> = admins.filter(is_other).collect();
    if others.is_empty() {
        others.extend(recipient::practice_itself(&practice).filter(is_other));
    }
    for to in others {
        let payload = Payload::new(tx, &practice.id, &to);
        message::enqueue(tx, Kind::Bounced, &format!("{}:bounced", job.id), &payload)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_leads_to_its_row() {
        assert_eq!(row_id("<out_0198c1f2@links.example>"), Some("out_0198c1f2".into()));
        assert_eq!(row_id(" out_0198c1f2@links.example "), Some("out_0198c1f2".into()));
        for wrong in ["", "<>", "<out_1>", "<pai_1@x>", "<out_'@x>", "<out_\0@x>"] {
            assert_eq!(row_id(wrong), None, "{wrong:?}");
        }
    }
}
