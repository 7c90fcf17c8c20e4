//! Notices: the practice's e-mails. They say that something happened and where to look; who it was about is
//! behind the sign-in, because e-mail is a postcard.
//!
//! A pairing is in exactly one mail for each recipient: in one of its own, or in a digest.

mod bounce;
mod digest;
mod frequency;
pub mod http;
mod mail;
mod page;
mod people;
mod preference;
mod signature;
mod store;
mod token;
mod words;

pub use bounce::{Event, EventKind, take_report};
pub use frequency::Frequency;
pub use mail::topics;
pub use preference::{Change, Entry, Paused, Refusal, Told, change, entries, look_up, unsubscribe};
pub use signature::{Signed, is_ours};

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::links::Destination;
use crate::practices::{self, Practice};
use mail::{Kind, Payload};

/// More new patients than this within a burst's length become one mail.
const MOST_SINGLE: usize = 10;

/// A mail server's report is repeated for days at most.
const REPEATED: Duration = Duration::from_hours(7 * 24);
/// And it is about a mail of the last weeks: the outbox keeps its rows as long.
const REPORTED: Duration = Duration::from_hours(30 * 24);

/// Tells whoever wants to know that a patient was paired.
pub fn announce_pairing(ctx: &Ctx, conn: &mut Conn, to: &Destination, pairing_id: &str) -> db::Result<()> {
    let list = &to.endpoint.id;
    let recipients = people::of_link(conn, list, &to.practice)?;
    let persons: Vec<String> = recipients.iter().map(|recipient| recipient.person.clone()).collect();
    let wishes = store::frequencies(conn, std::slice::from_ref(list), &persons)?;
    for recipient in recipients {
        let wish = wishes.get(&(recipient.person.clone(), list.clone())).copied().unwrap_or_default();
        let payload = Payload::new(ctx, &to.practice.id, &recipient).about(&to.link.id);
        let due = wish.due(ctx.now, &zone(&to.practice));
        match wish {
            Frequency::Off => {}
            _ if digest::join(ctx, conn, &recipient.person, list, due)? => {}
            Frequency::Immediate if !is_burst(ctx, conn, &to.link.id)? => {
                mail::enqueue(ctx, conn, Kind::NewPairing, pairing_id, &payload, None)?;
            }
            _ => digest::open(ctx, conn, list, payload, due)?,
        }
    }
    Ok(())
}

/// Whether a link brought so many patients lately that another mail each would bury the inbox. Pairings that
/// are not committed yet are not seen: of some that come in the same instant a few more are told singly.
fn is_burst(ctx: &Ctx, conn: &mut Conn, link_id: &str) -> db::Result<bool> {
    let since = Frequency::burst_began(ctx.now);
    let most = i64::try_from(MOST_SINGLE + 1).unwrap_or(i64::MAX);
    Ok(store::paired_since(conn, link_id, since, most)? > MOST_SINGLE)
}

/// Tells the practice's own address, or where it has none whoever is told of the link's patients, that a patient signed
/// in on a new device, once a sign-in. What is about safety has no frequency and no unsubscription.
pub fn announce_new_device(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    link_id: Option<&str>,
    session_id: &str,
) -> db::Result<()> {
    let Some(practice) = practices::find(conn, practice_id)? else { return Ok(()) };
    let told = match (people::itself(&practice), link_id) {
        (Some(itself), _) => vec![itself],
        (None, Some(link_id)) => people::of_link(conn, link_id, &practice)?,
        (None, None) => Vec::new(),
    };
    for recipient in told {
        let mut payload = Payload::new(ctx, practice_id, &recipient);
        payload.link = link_id.map(str::to_owned);
        let subject = format!("{session_id}:{practice_id}");
        mail::enqueue(ctx, conn, Kind::NewDevice, &subject, &payload, None)?;
    }
    Ok(())
}

/// Tells whoever is told of a link's patients that an invite was tried with another number than the invited one, once
/// an invite. It is about safety, so it has no frequency either.
pub fn announce_other_number(
    ctx: &Ctx,
    conn: &mut Conn,
    to: &Destination,
    invite_id: &str,
) -> db::Result<()> {
    for recipient in people::of_link(conn, &to.endpoint.id, &to.practice)? {
        let payload = Payload::new(ctx, &to.practice.id, &recipient).about(&to.link.id);
        mail::enqueue(ctx, conn, Kind::OtherNumber, invite_id, &payload, None)?;
    }
    Ok(())
}

/// Deletes digests that went out long ago, and forgets mails that no server sends back any more.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    let reports = store::forget_reports(conn, ctx.now - REPEATED)?;
    let mails = store::forget_mailed(conn, ctx.now - REPORTED)?;
    Ok(reports + mails + digest::sweep(ctx, conn)?)
}

/// The practice's own time zone; UTC where it is unknown.
fn zone(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}
