//! Notification preferences: who gets mail about which link, and how often.
//!
//! A practice must keep hearing of its new patients. Turning mails off is rejected (or, through the link in
//! a mail, lowered to one a day) if the whole practice would be left without a recipient whose mails are on
//! and whose address accepts mail. Such changes run one after the other, under the practice's lock.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::recipient::{self, Recipient};
use super::store::{self, Bounce, Listing};
use super::{Error, Frequency, token};
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::domain::practices::Practice;
use crate::domain::staff::{self, Permission, Staff};
use crate::kit::{Email, LinkId, Timestamp};
use crate::platform::{Tx, db};

/// How often one recipient is notified of one link's new patients.
pub struct Setting {
    pub recipient: Recipient,
    /// The staff member's name, or the practice's name for its own address.
    pub name: String,
    pub email: String,
    pub link_id: LinkId,
    pub link_label: String,
    pub frequency: Frequency,
    /// Set while the address gets no mail because it bounced.
    pub paused: Option<PausedMailbox>,
}

/// A mailbox that bounces e-mail.
#[derive(Serialize, ToSchema)]
pub struct PausedMailbox {
    /// A short code for the mail server's answer.
    #[schema(example = "mailbox_refused")]
    pub reason: String,
    /// Since when no e-mail is sent to it.
    pub since: Timestamp,
}

/// A requested change of a recipient's settings.
pub struct Change {
    pub recipient: Recipient,
    /// One link, or `None` for all of the recipient's links.
    pub link_id: Option<LinkId>,
    /// The new frequency, or `None` to keep the current one.
    pub frequency: Option<Frequency>,
    /// Whether to try a bounced mailbox again.
    pub resume: bool,
}

/// Lists up to `limit` settings after a link and recipient: those of the practice, or a member's own.
pub fn list(tx: &mut Tx, who: &Staff, after: (&str, &str), limit: i64) -> Result<Vec<Setting>, Error> {
    let practice = staff::practice(tx, who)?;
    let own = Recipient::Staff(who.staff_id.clone());
    let only = (!who.role.has(Permission::ConfigurePractice)).then_some(&own);
    Ok(settings(tx, &practice, only, after, limit)?)
}

/// Changes a recipient's settings, and returns them as they are now. Members may change their own frequency;
/// only an admin may resume a mailbox that bounced.
pub fn change(tx: &mut Tx, who: &Staff, change: &Change) -> Result<Vec<Setting>, Error> {
    let is_own = change.recipient == Recipient::Staff(who.staff_id.clone());
    if !who.role.has(Permission::ConfigurePractice) && (!is_own || change.resume) {
        return Err(staff::Error::Forbidden.into());
    }
    let practice = staff::practice(tx, who)?;
    lock_recipients(tx, &practice)?;
    let before = affected(tx, &practice, change)?;
    if before.is_empty() {
        return Err(Error::NotListed);
    }
    for setting in &before {
        apply(tx, setting, change)?;
    }
    if change.frequency == Some(Frequency::Off) && !has_recipient(tx, &practice)? {
        return Err(Error::LastRecipient);
    }
    let after = affected(tx, &practice, change)?;
    for (was, is) in before.iter().zip(&after) {
        record_change(tx, who, was, is);
    }
    Ok(after)
}

fn apply(tx: &mut Tx, setting: &Setting, change: &Change) -> db::Result<()> {
    if let Some(frequency) = change.frequency {
        store::set_frequency(tx.conn, &setting.recipient, &setting.link_id, frequency, tx.now)?;
    }
    if let Some(email) = Email::parse(&setting.email).filter(|_| change.resume) {
        store::delete_bounce(tx.conn, &recipient::mailbox_key(tx.keys, &email))?;
    }
    Ok(())
}

fn record_change(tx: &mut Tx, who: &Staff, was: &Setting, is: &Setting) {
    let (before, after) = (audit_detail(was), audit_detail(is));
    if before != after {
        let detail = json!({ "link": is.link_id, "before": before, "after": after });
        who.note(tx, EventKind::NotificationsChanged, &is.recipient, detail);
    }
}

fn audit_detail(setting: &Setting) -> Value {
    json!({ "frequency": setting.frequency, "paused": setting.paused.is_some() })
}

/// Up to `limit` settings of a practice (or of one recipient only), ordered by link and recipient, from after
/// a given pair on.
fn settings(
    tx: &mut Tx,
    practice: &Practice,
    only: Option<&Recipient>,
    after: (&str, &str),
    limit: i64,
) -> db::Result<Vec<Setting>> {
    let mut listings = store::listed(tx.conn, &practice.id, only, after, limit)?;
    let itself = recipient::practice_itself(practice);
    if let Some(itself) = itself.filter(|itself| only.is_none_or(|only| *only == itself.recipient)) {
        let bare = store::unlisted(tx.conn, &practice.id, after.0, limit)?.into_iter();
        listings.extend(bare.map(|(link_id, link_label)| Listing {
            link_id,
            link_label,
            recipient: itself.recipient.clone(),
            name: practice.name.clone(),
            email: itself.email.as_str().to_owned(),
        }));
    }
    listings.sort_by(|a, b| (&a.link_id, &a.recipient).cmp(&(&b.link_id, &b.recipient)));
    listings.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    with_states(tx, listings)
}

/// Adds the frequencies and the bounces.
fn with_states(tx: &mut Tx, listings: Vec<Listing>) -> db::Result<Vec<Setting>> {
    let link_ids = distinct(listings.iter().map(|listing| &listing.link_id));
    let recipients = distinct(listings.iter().map(|listing| &listing.recipient));
    let frequencies = store::frequencies(tx.conn, &link_ids, &recipients)?;
    let keys = tx.keys;
    let key = |email: &str| Email::parse(email).map(|email| recipient::mailbox_key(keys, &email));
    let emails = distinct(listings.iter().map(|listing| &listing.email));
    let keys: Vec<String> = emails.iter().filter_map(|email| key(email)).collect();
    let bounces: HashMap<String, Bounce> = store::bounces(tx.conn, &keys)?
        .into_iter()
        .map(|bounce| (bounce.address_key.clone(), bounce))
        .collect();
    let setting = |listing: Listing| {
        let bounce = key(&listing.email).and_then(|key| bounces.get(&key));
        let Listing { link_id, link_label, recipient, name, email } = listing;
        let frequency = frequencies.get(&(recipient.clone(), link_id.clone())).copied().unwrap_or_default();
        let paused = bounce.map(|b| PausedMailbox { reason: b.reason.clone(), since: b.created_at });
        Setting { recipient, name, email, link_id, link_label, frequency, paused }
    };
    Ok(listings.into_iter().map(setting).collect())
}

fn distinct<'a, T: Clone + Ord + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut all: Vec<T> = all.cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn affected(tx: &mut Tx, practice: &Practice, change: &Change) -> db::Result<Vec<Setting>> {
    let mut settings = settings(tx, practice, Some(&change.recipient), ("", ""), i64::MAX)?;
    settings.retain(|setting| change.link_id.as_ref().is_none_or(|link| *link == setting.link_id));
    Ok(settings)
}

/// Whether the practice is still notified of new patients.
fn has_recipient(tx: &mut Tx, practice: &Practice) -> db::Result<bool> {
    let all = settings(tx, practice, None, ("", ""), i64::MAX)?;
    Ok(all.iter().any(|setting| setting.frequency != Frequency::Off && setting.paused.is_none()))
}

/// Two people who turn mails off at once would each see the other as still being notified. The second one
/// waits instead of failing, because a mail program does not repeat its one click.
fn lock_recipients(tx: &mut Tx, practice: &Practice) -> db::Result<()> {
    store::lock_recipients(tx.conn, &practice.id, tx.now)
}

/// What an unsubscribe token refers to, and the current frequency.
pub struct Subscription {
    pub to: Destination,
    pub frequency: Frequency,
}

/// Looks up an unsubscribe token; `None` if it is not valid.
pub fn look_up(tx: &mut Tx, token: &str) -> db::Result<Option<Subscription>> {
    let Some((recipient, link_id)) = token::parse(tx, token) else { return Ok(None) };
    let Some(to) = links::find_destination(tx, &link_id)? else { return Ok(None) };
    let frequency = store::frequency(tx.conn, &recipient, &to.effective.id)?;
    Ok(Some(Subscription { to, frequency }))
}

/// Stops the mails that a token refers to; the last recipient of a practice gets one a day instead.
pub fn unsubscribe(tx: &mut Tx, token: &str) -> db::Result<Option<Subscription>> {
    let Some((recipient, link_id)) = token::parse(tx, token) else { return Ok(None) };
    let Some(to) = links::find_destination(tx, &link_id)? else { return Ok(None) };
    let frequency = mute(tx, &to, &recipient)?;
    Ok(Some(Subscription { to, frequency }))
}

/// Turns a recipient's mails about a link off, or down to one a day, and returns which.
pub(super) fn mute(tx: &mut Tx, to: &Destination, recipient: &Recipient) -> db::Result<Frequency> {
    lock_recipients(tx, &to.practice)?;
    let list = &to.effective.id;
    let before = store::frequency(tx.conn, recipient, list)?;
    if before == Frequency::Off {
        return Ok(before);
    }
    store::set_frequency(tx.conn, recipient, list, Frequency::Off, tx.now)?;
    let after = match has_recipient(tx, &to.practice)? {
        true => Frequency::Off,
        false => Frequency::Daily,
    };
    if after != Frequency::Off {
        store::set_frequency(tx.conn, recipient, list, after, tx.now)?;
    }
    if after != before {
        let detail =
            json!({ "link": list, "before": { "frequency": before }, "after": { "frequency": after } });
        let practice_id = Some(&to.practice.id);
        tx.emit(practice_id, recipient.clone(), EventKind::NotificationsChanged, recipient, detail);
    }
    Ok(after)
}
