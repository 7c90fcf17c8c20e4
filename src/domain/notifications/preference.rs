//! Notification preferences: who gets mail about which link, and how often.
//!
//! A practice must keep hearing of its new patients. Turning mails off is rejected (or, through the link in
//! a mail, lowered to one a day) if the whole practice would be left without a recipient whose mails are on
//! and whose address accepts mail. Such changes run one after the other, under the practice's lock.

use std::collections::HashMap;

use serde_json::json;

use super::store::{self, Bounce, Slot};
use super::{Frequency, people, token};
use crate::domain::links::{self, Destination};
use crate::domain::practices::Practice;
use crate::kit::ids::LinkId;
use crate::kit::{Email, Timestamp};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::tx::Tx;

/// Why a change was rejected.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The person is not on that link's list, or on any.
    #[error("not listed")]
    NotListed,
    /// No recipient would be left to notify.
    #[error("last recipient")]
    LastRecipient,
    /// The database failed or did not answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// One recipient of one link's notices.
pub struct Entry {
    /// A staff member's id, or the practice's id for its own address.
    pub person: String,
    /// The staff member's name, or the practice's name for its own address.
    pub name: String,
    pub email: String,
    pub link_id: LinkId,
    pub link_label: String,
    pub frequency: Frequency,
    /// Set while the address gets no mail because it bounced.
    pub paused: Option<Paused>,
}

/// A mailbox that bounced and gets no mail.
pub struct Paused {
    /// Outcome label of the bounce, such as `mailbox_refused`.
    pub reason: String,
    /// When the bounce was recorded.
    pub since: Timestamp,
}

/// A requested change of a person's preferences.
pub struct Change {
    /// A staff member's id, or the practice's id.
    pub person: String,
    /// One link, or `None` for all of the person's links.
    pub link_id: Option<LinkId>,
    /// The new frequency, or `None` to keep the current one.
    pub frequency: Option<Frequency>,
    /// Whether to try a bounced mailbox again.
    pub resume: bool,
}

/// Up to `limit` entries of a practice (or of one person only) after a link and person, ordered by both.
pub fn entries(
    tx: &mut Tx,
    practice: &Practice,
    only: Option<&str>,
    after: (&str, &str),
    limit: i64,
) -> db::Result<Vec<Entry>> {
    let mut slots = store::listed(tx.conn, &practice.id, only, after, limit)?;
    if let Some(itself) =
        people::itself(practice).filter(|itself| only.is_none_or(|only| only == itself.person))
    {
        let bare = store::unlisted(tx.conn, &practice.id, after.0, limit)?.into_iter();
        slots.extend(bare.map(|(link_id, link_label)| Slot {
            link_id,
            link_label,
            person: practice.id.to_string(),
            name: practice.name.clone(),
            email: itself.email.as_str().to_owned(),
        }));
    }
    slots.sort_by(|a, b| (&a.link_id, &a.person).cmp(&(&b.link_id, &b.person)));
    slots.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    with_states(tx, slots)
}

fn with_states(tx: &mut Tx, slots: Vec<Slot>) -> db::Result<Vec<Entry>> {
    let link_ids = distinct(slots.iter().map(|slot| &slot.link_id));
    let said = store::frequencies(tx.conn, &link_ids, &distinct(slots.iter().map(|slot| &slot.person)))?;
    let keys = tx.keys;
    let key = |email: &str| Email::parse(email).map(|email| people::mailbox_key(keys, &email));
    let emails = distinct(slots.iter().map(|slot| &slot.email));
    let keys: Vec<String> = emails.iter().filter_map(|email| key(email)).collect();
    let bounces: HashMap<String, Bounce> = store::bounces(tx.conn, &keys)?
        .into_iter()
        .map(|bounce| (bounce.address_key.clone(), bounce))
        .collect();
    let entry = |slot: Slot| {
        let bounce = key(&slot.email).and_then(|key| bounces.get(&key));
        let paused = bounce.map(|bounce| Paused { reason: bounce.reason.clone(), since: bounce.created_at });
        let frequency = said.get(&(slot.person.clone(), slot.link_id.clone())).copied().unwrap_or_default();
        let Slot { link_id, link_label, person, name, email } = slot;
        Entry { person, name, email, link_id, link_label, frequency, paused }
    };
    Ok(slots.into_iter().map(entry).collect())
}

fn distinct<'a, T: Clone + Ord + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut all: Vec<T> = all.cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Changes a person's preferences on behalf of `actor`, and returns the resulting entries.
pub fn change(tx: &mut Tx, actor: &str, practice: &Practice, change: &Change) -> Result<Vec<Entry>, Refusal> {
    take_turn(tx, practice)?;
    let before = theirs(tx, practice, change)?;
    if before.is_empty() {
        return Err(Refusal::NotListed);
    }
    for entry in &before {
        if let Some(frequency) = change.frequency {
            store::set_frequency(tx.conn, &entry.person, &entry.link_id, frequency, tx.now)?;
        }
        if let Some(email) = Email::parse(&entry.email).filter(|_| change.resume) {
            store::delete_bounce(tx.conn, &people::mailbox_key(tx.keys, &email))?;
        }
    }
    if change.frequency == Some(Frequency::Off) && !is_anybody_told(tx, practice)? {
        return Err(Refusal::LastRecipient);
    }
    let after = theirs(tx, practice, change)?;
    for (was, is) in before.iter().zip(&after) {
        if picture(was) != picture(is) {
            record(
                tx,
                actor,
                practice,
                &is.person,
                &json!({ "link": is.link_id, "before": picture(was), "after": picture(is) }),
            )?;
        }
    }
    Ok(after)
}

fn theirs(tx: &mut Tx, practice: &Practice, change: &Change) -> db::Result<Vec<Entry>> {
    let mut entries = entries(tx, practice, Some(&change.person), ("", ""), i64::MAX)?;
    entries.retain(|entry| change.link_id.as_ref().is_none_or(|link| *link == entry.link_id));
    Ok(entries)
}

fn picture(entry: &Entry) -> serde_json::Value {
    json!({ "frequency": entry.frequency, "paused": entry.paused.is_some() })
}

fn is_anybody_told(tx: &mut Tx, practice: &Practice) -> db::Result<bool> {
    let all = entries(tx, practice, None, ("", ""), i64::MAX)?;
    Ok(all.iter().any(|entry| entry.frequency != Frequency::Off && entry.paused.is_none()))
}

/// Two people who turn mails off at once would each see the other as still being notified. The second one
/// waits instead of failing, because a mail program does not repeat its one click.
fn take_turn(tx: &mut Tx, practice: &Practice) -> db::Result<()> {
    store::take_turn(tx.conn, &practice.id, tx.now)
}

fn record(
    tx: &mut Tx,
    actor: &str,
    practice: &Practice,
    person: &str,
    detail: &serde_json::Value,
) -> db::Result<()> {
    let (practice_id, action) = (Some(&practice.id), "notifications.changed");
    tx.audit(&audit::Event { practice_id, actor, action, subject: person, detail: detail.clone() })
}

/// What an unsubscribe token refers to, and the current frequency.
pub struct Told {
    pub to: Destination,
    pub frequency: Frequency,
}

/// Looks up an unsubscribe token; `None` if it is not valid.
pub fn look_up(tx: &mut Tx, token: &str) -> db::Result<Option<Told>> {
    let Some((person, link_id)) = token::read(tx, token) else { return Ok(None) };
    let Some(to) = links::known(tx, &link_id)? else { return Ok(None) };
    let frequency = said(tx, &person, &to.endpoint.id)?;
    Ok(Some(Told { to, frequency }))
}

/// Stops the mails that a token refers to; the last recipient of a practice gets one a day instead.
pub fn unsubscribe(tx: &mut Tx, token: &str) -> db::Result<Option<Told>> {
    let Some((person, link_id)) = token::read(tx, token) else { return Ok(None) };
    let Some(to) = links::known(tx, &link_id)? else { return Ok(None) };
    let frequency = mute(tx, &to, &person)?;
    Ok(Some(Told { to, frequency }))
}

/// Turns a person's mails about a link off, or down to one a day, and returns which.
pub fn mute(tx: &mut Tx, to: &Destination, person: &str) -> db::Result<Frequency> {
    take_turn(tx, &to.practice)?;
    let list = &to.endpoint.id;
    let before = said(tx, person, list)?;
    if before == Frequency::Off {
        return Ok(before);
    }
    store::set_frequency(tx.conn, person, list, Frequency::Off, tx.now)?;
    let after = match is_anybody_told(tx, &to.practice)? {
        true => Frequency::Off,
        false => Frequency::Daily,
    };
    if after != Frequency::Off {
        store::set_frequency(tx.conn, person, list, after, tx.now)?;
    }
    if after != before {
        let detail =
            json!({ "link": list, "before": { "frequency": before }, "after": { "frequency": after } });
        record(tx, person, &to.practice, person, &detail)?;
    }
    Ok(after)
}

fn said(tx: &mut Tx, person: &str, list: &LinkId) -> db::Result<Frequency> {
    let said = store::frequencies(tx.conn, std::slice::from_ref(list), &[person.to_owned()])?;
    Ok(said.into_values().next().unwrap_or_default())
}
