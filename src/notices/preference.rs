//! Who is mailed about what, and how often.
//!
//! A practice must go on hearing of its new patients. Whoever turns mails off is refused (or, by the link in a
//! mail, lowered to one a day) where that would leave no person and link of the whole practice that is on and
//! whose address takes mail. People turn off one after the other: each holds the practice's turn meanwhile.

use std::collections::HashMap;

use serde_json::json;

use super::store::{self, Bounce, Slot};
use super::{Frequency, people, token};
use crate::app::Ctx;
use crate::audit;
use crate::db::{self, Conn};
use crate::kit::{Email, Timestamp};
use crate::links::{self, Destination};
use crate::practices::Practice;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The person is not told of that link, or of any.
    #[error("not listed")]
    NotListed,
    /// Nobody at all would be told any more.
    #[error("last recipient")]
    LastRecipient,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A person and a link that they are told of.
pub struct Entry {
    /// A staff member's id, or the practice's for its own address.
    pub person: String,
    /// What colleagues call them; the practice's name for its own address.
    pub name: String,
    /// Where they are written to.
    pub email: String,
    /// The link.
    pub link_id: String,
    /// What the practice calls it.
    pub link_label: String,
    /// How often they are told.
    pub frequency: Frequency,
    /// Why they are not written to for now.
    pub paused: Option<Paused>,
}

/// A mailbox that takes no mail.
pub struct Paused {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// A change of how often a person is told.
pub struct Change {
    /// A staff member's id, or the practice's.
    pub person: String,
    /// One link; `None` is all of theirs.
    pub link_id: Option<String>,
    /// How often from now on.
    pub frequency: Option<Frequency>,
    /// Whether a mailbox that took no mail is tried again.
    pub resume: bool,
}

/// Up to `limit` entries of a practice (or of one person alone) after a link and person, in their order.
pub fn entries(
    ctx: &Ctx,
    conn: &mut Conn,
    practice: &Practice,
    only: Option<&str>,
    after: (&str, &str),
    limit: i64,
) -> db::Result<Vec<Entry>> {
    let mut slots = store::listed(conn, &practice.id, only, after, limit)?;
    if let Some(itself) =
        people::itself(practice).filter(|itself| only.is_none_or(|only| only == itself.person))
    {
        let bare = store::unlisted(conn, &practice.id, after.0, limit)?.into_iter();
        slots.extend(bare.map(|(link_id, link_label)| Slot {
            link_id,
            link_label,
            person: practice.id.clone(),
            name: practice.name.clone(),
            email: itself.email.as_str().to_owned(),
        }));
    }
    slots.sort_by(|a, b| (&a.link_id, &a.person).cmp(&(&b.link_id, &b.person)));
    slots.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    with_states(ctx, conn, slots)
}

fn with_states(ctx: &Ctx, conn: &mut Conn, slots: Vec<Slot>) -> db::Result<Vec<Entry>> {
    let all = |of: fn(&Slot) -> &String| {
        let mut all: Vec<String> = slots.iter().map(of).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let said = store::frequencies(conn, &all(|slot| &slot.link_id), &all(|slot| &slot.person))?;
    let key = |email: &str| Email::parse(email).map(|email| people::mailbox_key(ctx, &email));
    let keys: Vec<String> = all(|slot| &slot.email).iter().filter_map(|email| key(email)).collect();
    let bounces: HashMap<String, Bounce> =
        store::bounces(conn, &keys)?.into_iter().map(|bounce| (bounce.address_key.clone(), bounce)).collect();
    let entry = |slot: Slot| {
        let bounce = key(&slot.email).and_then(|key| bounces.get(&key));
        let paused = bounce.map(|bounce| Paused { reason: bounce.reason.clone(), since: bounce.created_at });
        let frequency = said.get(&(slot.person.clone(), slot.link_id.clone())).copied().unwrap_or_default();
        let Slot { link_id, link_label, person, name, email } = slot;
        Entry { person, name, email, link_id, link_label, frequency, paused }
    };
    Ok(slots.into_iter().map(entry).collect())
}

/// Changes how often a person is told, for `actor`; their entries as they are then.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    actor: &str,
    practice: &Practice,
    change: &Change,
) -> Result<Vec<Entry>, Refusal> {
    take_turn(ctx, conn, practice)?;
    let before = theirs(ctx, conn, practice, change)?;
    if before.is_empty() {
        return Err(Refusal::NotListed);
    }
    for entry in &before {
        if let Some(frequency) = change.frequency {
            store::set_frequency(conn, &entry.person, &entry.link_id, frequency, ctx.now)?;
        }
        if let Some(email) = Email::parse(&entry.email).filter(|_| change.resume) {
            store::delete_bounce(conn, &people::mailbox_key(ctx, &email))?;
        }
    }
    if change.frequency == Some(Frequency::Off) && !is_anybody_told(ctx, conn, practice)? {
        return Err(Refusal::LastRecipient);
    }
    let after = theirs(ctx, conn, practice, change)?;
    for (was, is) in before.iter().zip(&after) {
        if picture(was) != picture(is) {
            record(
                ctx,
                conn,
                actor,
                practice,
                &is.person,
                &json!({ "link": is.link_id, "before": picture(was), "after": picture(is) }),
            )?;
        }
    }
    Ok(after)
}

fn theirs(ctx: &Ctx, conn: &mut Conn, practice: &Practice, change: &Change) -> db::Result<Vec<Entry>> {
    let mut entries = entries(ctx, conn, practice, Some(&change.person), ("", ""), i64::MAX)?;
    entries.retain(|entry| change.link_id.as_ref().is_none_or(|link| *link == entry.link_id));
    Ok(entries)
}

fn picture(entry: &Entry) -> serde_json::Value {
    json!({ "frequency": entry.frequency, "paused": entry.paused.is_some() })
}

fn is_anybody_told(ctx: &Ctx, conn: &mut Conn, practice: &Practice) -> db::Result<bool> {
    let all = entries(ctx, conn, practice, None, ("", ""), i64::MAX)?;
    Ok(all.iter().any(|entry| entry.frequency != Frequency::Off && entry.paused.is_none()))
}

/// Two that turn off at once would each see the other as still being told. Whoever comes second waits: a mail
/// program's one click is not repeated.
fn take_turn(ctx: &Ctx, conn: &mut Conn, practice: &Practice) -> db::Result<()> {
    store::take_turn(conn, &practice.id, ctx.now)
}

fn record(
    ctx: &Ctx,
    conn: &mut Conn,
    actor: &str,
    practice: &Practice,
    person: &str,
    detail: &serde_json::Value,
) -> db::Result<()> {
    let (practice_id, action) = (Some(practice.id.as_str()), "notifications.changed");
    audit::record(
        ctx,
        conn,
        &audit::Event { practice_id, actor, action, subject: person, detail: detail.clone() },
    )
}

/// What the address in a mail's end is about, and how its reader is told now.
pub struct Told {
    /// The link and its practice.
    pub to: Destination,
    /// How often.
    pub frequency: Frequency,
}

/// What an unsubscription's token is about; `None` for one that is not ours.
pub fn look_up(ctx: &Ctx, conn: &mut Conn, token: &str) -> db::Result<Option<Told>> {
    let Some((person, link_id)) = token::read(ctx, token) else { return Ok(None) };
    let Some(to) = links::known(conn, &link_id)? else { return Ok(None) };
    let frequency = said(conn, &person, &to.endpoint.id)?;
    Ok(Some(Told { to, frequency }))
}

/// Stops the mails that a token is about; whoever is the last to be told gets one a day instead.
pub fn unsubscribe(ctx: &Ctx, conn: &mut Conn, token: &str) -> db::Result<Option<Told>> {
    let Some((person, link_id)) = token::read(ctx, token) else { return Ok(None) };
    let Some(to) = links::known(conn, &link_id)? else { return Ok(None) };
    let frequency = mute(ctx, conn, &to, &person)?;
    Ok(Some(Told { to, frequency }))
}

/// Turns a person's mails about a link off, or down to one a day; which it was.
pub fn mute(ctx: &Ctx, conn: &mut Conn, to: &Destination, person: &str) -> db::Result<Frequency> {
    take_turn(ctx, conn, &to.practice)?;
    let list = &to.endpoint.id;
    let before = said(conn, person, list)?;
    if before == Frequency::Off {
        return Ok(before);
    }
    store::set_frequency(conn, person, list, Frequency::Off, ctx.now)?;
    let after = match is_anybody_told(ctx, conn, &to.practice)? {
        true => Frequency::Off,
        false => Frequency::Daily,
    };
    if after != Frequency::Off {
        store::set_frequency(conn, person, list, after, ctx.now)?;
    }
    if after != before {
        let detail =
            json!({ "link": list, "before": { "frequency": before }, "after": { "frequency": after } });
        record(ctx, conn, person, &to.practice, person, &detail)?;
    }
    Ok(after)
}

fn said(conn: &mut Conn, person: &str, list: &str) -> db::Result<Frequency> {
    let said = store::frequencies(conn, &[list.to_owned()], &[person.to_owned()])?;
    Ok(said.into_values().next().unwrap_or_default())
}
