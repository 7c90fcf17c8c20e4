//! Mails that came back. A mailbox that is gone is not written to again, the practice's other admins hear of
//! it once, and whoever complains of a mail gets no more of its kind.

use serde_json::json;

use super::mail::{self, Kind, Payload};
use super::people::{self, Recipient};
use super::{preference, store};
use crate::app::Ctx;
use crate::audit;
use crate::db::{self, Conn};
use crate::kit::Timestamp;
use crate::outbox::{self, Channel, Job, Outcome, Report};
use crate::{practices, staff, topics};

/// What the mail server says of a mailbox that is gone; any other refusal is about one mail.
const GONE: &str = "mailbox_refused";

/// What became of a mail that a server had taken.
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The mail's `Message-ID`.
    pub message_id: String,
    /// When, where the sender says so.
    pub at: Option<Timestamp>,
}

/// What happened to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It came back for good.
    HardBounce,
    /// It came back, and is tried again by whoever has it.
    SoftBounce,
    /// The reader called it unwanted.
    Complaint,
    /// It is in the mailbox.
    Delivered,
}

/// Takes what a mail server reports under a `webhook-id`, once: what was signed is good for minutes, and not every
/// event in it tells its time.
pub fn take_report(ctx: &Ctx, conn: &mut Conn, webhook_id: &str, events: &[Event]) -> db::Result<()> {
    let id = ctx.keys.blind("mail-report", webhook_id);
    match store::remember_report(conn, &id, ctx.now)? {
        0 => Ok(()),
        _ => events.iter().try_for_each(|event| take_event(ctx, conn, event)),
    }
}

/// Takes what a mail server reports of one mail, a notice or any other. Of a mail that nobody knows, or for the second time, it changes nothing.
fn take_event(ctx: &Ctx, conn: &mut Conn, event: &Event) -> db::Result<()> {
    let Some(id) = row_id(&event.message_id) else { return Ok(()) };
    let topics = topics::all();
    let Some(job) = outbox::find(conn, id)?.filter(|job| job.channel() == Some(Channel::Email)) else {
        return Ok(());
    };
    let Some(attempt) = outbox::attempts(conn, id)?.pop() else { return Ok(()) };
    let report = match event.kind {
        EventKind::Complaint => return complain(ctx, conn, &job, event.at),
        EventKind::HardBounce => Report::Undelivered(Outcome::Rejected(GONE)),
        // The last word is not spoken, and a hard bounce may follow.
        EventKind::SoftBounce => Report::Sent,
        EventKind::Delivered => Report::Delivered,
    };
    let is_news = outbox::report(ctx, conn, &topics, &attempt.id, &report)?;
    // Many a mailbox takes a mail and sends it back later: what had arrived then came back all the same.
    match event.kind {
        EventKind::HardBounce if !is_news && attempt.receipt == "delivered" => came_back(ctx, conn, &job),
        _ => Ok(()),
    }
}

/// `out_…` of `<out_…@domain>`.
fn row_id(message_id: &str) -> Option<&str> {
    let (id, _) = message_id.trim().trim_matches(['<', '>']).split_once('@')?;
    let is_ours = id.starts_with("out_") && id.len() <= 64;
    is_ours.then_some(id).filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

fn complain(ctx: &Ctx, conn: &mut Conn, job: &Job, at: Option<Timestamp>) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    let Some(link) = payload.link else { return Ok(()) };
    let Some(to) = crate::links::known(conn, &link)? else { return Ok(()) };
    // Who asked for mails again after the complaint meant that.
    let said = store::changed_at(conn, &payload.person, &to.endpoint.id)?;
    if said.is_some_and(|said| said > at.unwrap_or(ctx.now)) {
        return Ok(());
    }
    preference::mute(ctx, conn, &to, &payload.person).map(drop)
}

/// Learns from an attempt's end, at which the mail has just gone where the person is written to now.
pub fn settled(ctx: &Ctx, conn: &mut Conn, job: &Job, outcome: &Outcome) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    match outcome {
        Outcome::Sent | Outcome::Ambiguous(_) => {
            let mailbox = mailbox_now(ctx, conn, &payload)?;
            store::set_mailed(conn, &job.id, &mailbox, ctx.now)
        }
        Outcome::Rejected(GONE) => {
            let mailbox = mailbox_now(ctx, conn, &payload)?;
            suppress(ctx, conn, job, &payload, &mailbox)
        }
        _ => Ok(()),
    }
}

/// Where a person is written to now; who has left is known by the address of when the row was queued.
fn mailbox_now(ctx: &Ctx, conn: &mut Conn, payload: &Payload) -> db::Result<String> {
    let Some(practice) = practices::find(conn, &payload.practice)? else {
        return Ok(payload.mailbox.clone());
    };
    let address = people::address(conn, &practice, &payload.person)?;
    Ok(address.map_or_else(|| payload.mailbox.clone(), |to| people::mailbox_key(ctx, &to)))
}

/// Learns from a report on a mail that had been taken.
pub fn reported(ctx: &Ctx, conn: &mut Conn, job: &Job, report: &Report) -> db::Result<()> {
    match report {
        Report::Undelivered(Outcome::Rejected(GONE)) => came_back(ctx, conn, job),
        _ => Ok(()),
    }
}

/// Once a mail: a late copy of the report does not undo that an admin wanted the mailbox to be tried again.
fn came_back(ctx: &Ctx, conn: &mut Conn, job: &Job) -> db::Result<()> {
    let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
    // A fast server's report comes before the answer to the send is written.
    let mailbox = mailbox_now(ctx, conn, &payload)?;
    store::note_mailed(conn, &job.id, &mailbox, ctx.now)?;
    match store::take_back(conn, &job.id, ctx.now)? {
        Some(mailbox) => suppress(ctx, conn, job, &payload, &mailbox),
        None => Ok(()),
    }
}

/// Pauses the mailbox of a mail that came back for good.
fn suppress(ctx: &Ctx, conn: &mut Conn, job: &Job, payload: &Payload, mailbox: &str) -> db::Result<()> {
    if store::insert_bounce(conn, mailbox, &payload.person, GONE, ctx.now)? == 0 {
        return Ok(());
    }
    metrics::counter!("bounced_mailboxes_total").increment(1);
    let event = audit::Event {
        practice_id: Some(&payload.practice),
        actor: "system",
        action: "notifications.paused",
        subject: &payload.person,
        detail: json!({ "reason": GONE, "outbox": job.id }),
    };
    audit::record(ctx, conn, &event)?;
    tell_admins(ctx, conn, job, payload)
}

/// The other admins, or the practice's own address where there are none.
fn tell_admins(ctx: &Ctx, conn: &mut Conn, job: &Job, bounced: &Payload) -> db::Result<()> {
    let Some(practice) = practices::find(conn, &bounced.practice)? else { return Ok(()) };
    let admins = staff::admins(conn, &practice.id)?.into_iter();
    let mut told: Vec<Recipient> = admins.map(|(person, email)| Recipient { person, email }).collect();
    told.retain(|admin| admin.person != bounced.person);
    if told.is_empty() {
        told.extend(people::itself(&practice).filter(|itself| itself.person != bounced.person));
    }
    for recipient in told {
        let payload = Payload::new(ctx, &practice.id, &recipient);
        mail::enqueue(ctx, conn, Kind::Bounced, &format!("{}:bounced", job.id), &payload, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_leads_to_its_row() {
        assert_eq!(row_id("<out_0198c1f2@links.example>"), Some("out_0198c1f2"));
        assert_eq!(row_id(" out_0198c1f2@links.example "), Some("out_0198c1f2"));
        for wrong in ["", "<>", "<out_1>", "<pai_1@x>", "<out_'@x>", "<out_\0@x>"] {
            assert_eq!(row_id(wrong), None, "{wrong:?}");
        }
    }
}
