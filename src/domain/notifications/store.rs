//! Queries: `notice_preferences`, `notice_turns`, `digests`, `mailed`, `mail_reports`, `bounced_mailboxes`.

use std::collections::HashMap;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::{delete, insert_into, update};

use super::{Frequency, Recipient};
use crate::domain::links::{Part, State};
use crate::domain::staff::Access;
use crate::kit::{DigestId, LinkId, OutboxId, PairingId, PracticeId, StaffId, Timestamp};
use crate::platform::db::schema::{
    bounced_mailboxes, digests, link_people, mail_reports, mailed, notice_preferences, notice_turns,
    pairing_links, pairings, practice_links, staff,
};
use crate::platform::db::{Both, Conn, Result, columns};

/// States of the links whose recipients are notified.
const OPEN: [State; 2] = [State::Active, State::Paused];

/// A digest, open or already sent.
#[derive(Queryable, Selectable)]
#[diesel(table_name = digests)]
pub(super) struct Digest {
    /// Number of patients in the digest.
    pub count: i32,
    /// When the first of them connected.
    pub first_at: Timestamp,
    /// When the last of them connected.
    pub last_at: Timestamp,
}

/// A recipient of a link's notifications.
pub(super) struct Listing {
    pub link_id: LinkId,
    pub link_label: String,
    pub recipient: Recipient,
    pub name: String,
    pub email: String,
}

/// A mailbox that bounced and gets no mail.
#[derive(Queryable, Selectable)]
#[diesel(table_name = bounced_mailboxes)]
pub(super) struct Bounce {
    /// Keyed hash of the address.
    pub address_key: String,
    /// Outcome label of the bounce, such as `mailbox_refused`.
    pub reason: String,
    pub created_at: Timestamp,
}

/// Locks the practice's list of recipients until the transaction ends; other changes to it wait.
pub(super) fn lock_recipients(conn: &mut Conn, practice_id: &PracticeId, now: Timestamp) -> Result<()> {
    let change = notice_turns::taken_at.eq(now);
    let row = (notice_turns::practice_id.eq(practice_id), change);
    let insert = insert_into(notice_turns::table).values(row);
    Both(insert.on_conflict(notice_turns::practice_id).do_update().set(change)).execute(conn)?;
    Ok(())
}

/// The frequencies that were chosen, by recipient and link; a pair without an entry has the default.
pub(super) fn frequencies<'a>(
    conn: &mut Conn,
    link_ids: &[LinkId],
    recipients: impl IntoIterator<Item = &'a Recipient>,
) -> Result<HashMap<(Recipient, LinkId), Frequency>> {
    let people: Vec<&str> = recipients.into_iter().map(Recipient::as_str).collect();
    let rows = notice_preferences::table
        .filter(notice_preferences::link_id.eq_any(link_ids))
        .filter(notice_preferences::person.eq_any(people));
    let columns = (notice_preferences::person, notice_preferences::link_id, notice_preferences::frequency);
    let rows: Vec<(String, LinkId, Frequency)> = rows.select(columns).load(conn)?;
    Ok(rows.into_iter().map(|(person, link, frequency)| ((person.into(), link), frequency)).collect())
}

/// How often a recipient is notified of a link's patients.
pub(super) fn frequency(conn: &mut Conn, recipient: &Recipient, link_id: &LinkId) -> Result<Frequency> {
    let row = notice_preferences::table.find((recipient.as_str(), link_id));
    let chosen: Option<Frequency> = row.select(notice_preferences::frequency).first(conn).optional()?;
    Ok(chosen.unwrap_or_default())
}

/// When a recipient last chose how often to be notified of a link's patients.
pub(super) fn changed_at(
    conn: &mut Conn,
    recipient: &Recipient,
    link_id: &LinkId,
) -> Result<Option<Timestamp>> {
    let row = notice_preferences::table.find((recipient.as_str(), link_id));
    Ok(row.select(notice_preferences::changed_at).first(conn).optional()?)
}

/// Stores how often a recipient wants to be notified of a link's patients.
pub(super) fn set_frequency(
    conn: &mut Conn,
    recipient: &Recipient,
    link_id: &LinkId,
    frequency: Frequency,
    now: Timestamp,
) -> Result<()> {
    let person = notice_preferences::person.eq(recipient.as_str());
    let change = (notice_preferences::frequency.eq(frequency), notice_preferences::changed_at.eq(now));
    let row = (person, notice_preferences::link_id.eq(link_id), change);
    let key = (notice_preferences::person, notice_preferences::link_id);
    Both(insert_into(notice_preferences::table).values(row).on_conflict(key).do_update().set(change))
        .execute(conn)?;
    Ok(())
}

/// Number of patients paired through a link since a moment, up to one of them, counted up to `limit`.
pub(super) fn paired_between(
    conn: &mut Conn,
    link_id: &LinkId,
    since: Timestamp,
    (at, pairing_id): (Timestamp, &PairingId),
    limit: i64,
) -> Result<usize> {
    let is_earlier = pairing_links::created_at
        .lt(at)
        .or(pairing_links::created_at.eq(at).and(pairing_links::pairing_id.le(pairing_id)));
    let rows = pairing_links::table
        .inner_join(pairings::table)
        .filter(pairing_links::link_id.eq(link_id))
        .filter(pairing_links::created_at.gt(since))
        .filter(is_earlier)
        // A patient who was paired already and opened this link later is not new to it.
        .filter(pairings::link_id.eq(link_id))
        .limit(limit);
    Ok(rows.select(pairings::id).load::<PairingId>(conn)?.len())
}

/// The digest of a recipient and link with the latest due time that is not after `until`.
pub(super) fn latest_digest(
    conn: &mut Conn,
    recipient: &Recipient,
    link_id: &LinkId,
    until: Timestamp,
) -> Result<Option<DigestId>> {
    let rows = digests::table
        .filter(digests::person.eq(recipient.as_str()))
        .filter(digests::link_id.eq(link_id))
        .filter(digests::due_at.le(until));
    Ok(rows.order(digests::due_at.desc()).select(digests::id).first(conn).optional()?)
}

/// The digest of a recipient and link that is due at exactly `due_at`.
pub(super) fn digest_due(
    conn: &mut Conn,
    recipient: &Recipient,
    link_id: &LinkId,
    due_at: Timestamp,
) -> Result<Option<DigestId>> {
    let rows = digests::table
        .filter(digests::person.eq(recipient.as_str()))
        .filter(digests::link_id.eq(link_id))
        .filter(digests::due_at.eq(due_at));
    Ok(rows.select(digests::id).first(conn).optional()?)
}

/// Opens a digest with its first patient; returns 0 if one with the same due time exists.
pub(super) fn insert_digest(
    conn: &mut Conn,
    id: &DigestId,
    recipient: &Recipient,
    link_id: &LinkId,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<usize> {
    let row = (
        digests::id.eq(id),
        digests::person.eq(recipient.as_str()),
        digests::link_id.eq(link_id),
        digests::count.eq(1),
        digests::first_at.eq(now),
        digests::last_at.eq(now),
        digests::due_at.eq(due_at),
    );
    Ok(Both(insert_into(digests::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Counts `count` more patients in a digest, the last of whom connected `at`.
pub(super) fn add_to_digest(conn: &mut Conn, id: &DigestId, count: i32, at: Timestamp) -> Result<usize> {
    let change = (digests::count.eq(digests::count + count), digests::last_at.eq(at));
    Ok(update(digests::table.find(id)).set(change).execute(conn)?)
}

pub(super) fn digest(conn: &mut Conn, id: &DigestId) -> Result<Option<Digest>> {
    Ok(digests::table.find(id).select(columns::<Digest>()).first(conn).optional()?)
}

/// Deletes digests that were due before `before`.
pub(super) fn delete_digests(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(delete(digests::table.filter(digests::due_at.lt(before))).execute(conn)?)
}

/// Staff on the lists of a practice's active and paused links (or one recipient only), from after a link and
/// recipient on.
pub(super) fn listed(
    conn: &mut Conn,
    practice_id: &PracticeId,
    only: Option<&Recipient>,
    (link, recipient): (&str, &str),
    limit: i64,
) -> Result<Vec<Listing>> {
    type Row = (LinkId, String, StaffId, String, String);
    let further = practice_links::id.gt(link).or(practice_links::id.eq(link).and(staff::id.gt(recipient)));
    let mut rows = link_people::table
        .inner_join(staff::table)
        .inner_join(practice_links::table)
        .filter(practice_links::practice_id.eq(practice_id))
        .filter(practice_links::state.eq_any(OPEN))
        .filter(link_people::part.eq(Part::Notify))
        .filter(staff::state.eq(Access::Active))
        .filter(further)
        .into_boxed();
    if let Some(only) = only {
        rows = rows.filter(staff::id.eq(only.as_str()));
    }
    let columns = (practice_links::id, practice_links::label, staff::id, staff::name, staff::email);
    let rows: Vec<Row> =
        rows.order((practice_links::id, staff::id)).limit(limit).select(columns).load(conn)?;
    let listing = |(link_id, link_label, id, name, email)| {
        let recipient = Recipient::Staff(id);
        Listing { link_id, link_label, recipient, name, email }
    };
    Ok(rows.into_iter().map(listing).collect())
}

/// A practice's active and paused links after `after` that have no staff on their lists.
pub(super) fn unlisted(
    conn: &mut Conn,
    practice_id: &PracticeId,
    after: &str,
    limit: i64,
) -> Result<Vec<(LinkId, String)>> {
    let listed = link_people::table
        .inner_join(staff::table)
        .filter(link_people::link_id.eq(practice_links::id))
        .filter(link_people::part.eq(Part::Notify))
        .filter(staff::state.eq(Access::Active));
    let rows = practice_links::table
        .filter(practice_links::practice_id.eq(practice_id))
        .filter(practice_links::state.eq_any(OPEN))
        .filter(practice_links::id.gt(after))
        .filter(not(exists(listed)));
    let columns = (practice_links::id, practice_links::label);
    Ok(rows.order(practice_links::id).limit(limit).select(columns).load(conn)?)
}

/// Records that a mailbox bounced; returns 0 if that is already known.
pub(super) fn insert_bounce(
    conn: &mut Conn,
    address_key: &str,
    recipient: &Recipient,
    reason: &str,
    now: Timestamp,
) -> Result<usize> {
    let row = (
        bounced_mailboxes::address_key.eq(address_key),
        bounced_mailboxes::person.eq(recipient.as_str()),
        bounced_mailboxes::reason.eq(reason),
        bounced_mailboxes::created_at.eq(now),
    );
    Ok(Both(insert_into(bounced_mailboxes::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// The mailboxes among `keys` that bounced.
pub(super) fn bounces(conn: &mut Conn, keys: &[String]) -> Result<Vec<Bounce>> {
    let rows = bounced_mailboxes::table.filter(bounced_mailboxes::address_key.eq_any(keys));
    Ok(rows.select(columns::<Bounce>()).load(conn)?)
}

/// Clears a bounce, so that the mailbox gets mail again; returns 0 if it had not bounced.
pub(super) fn delete_bounce(conn: &mut Conn, address_key: &str) -> Result<usize> {
    Ok(delete(bounced_mailboxes::table.find(address_key)).execute(conn)?)
}

/// Records which mailbox a mail was sent to.
pub(super) fn set_mailed(
    conn: &mut Conn,
    outbox_id: &OutboxId,
    address_key: &str,
    now: Timestamp,
) -> Result<()> {
    let change = mailed::address_key.eq(address_key);
    let row = (mailed::outbox_id.eq(outbox_id), change, mailed::created_at.eq(now));
    let insert = insert_into(mailed::table).values(row);
    Both(insert.on_conflict(mailed::outbox_id).do_update().set(change)).execute(conn)?;
    Ok(())
}

/// Records which mailbox a mail was sent to, unless that is already recorded.
pub(super) fn note_mailed(
    conn: &mut Conn,
    outbox_id: &OutboxId,
    address_key: &str,
    now: Timestamp,
) -> Result<usize> {
    let row =
        (mailed::outbox_id.eq(outbox_id), mailed::address_key.eq(address_key), mailed::created_at.eq(now));
    Ok(Both(insert_into(mailed::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Marks a mail as bounced, once, and returns the mailbox that it was sent to.
pub(super) fn mark_bounced(conn: &mut Conn, outbox_id: &OutboxId, now: Timestamp) -> Result<Option<String>> {
    let row = mailed::table.find(outbox_id).filter(mailed::bounced_at.is_null());
    let change = mailed::bounced_at.eq(now);
    Ok(update(row).set(change).returning(mailed::address_key).get_result(conn).optional()?)
}

/// Deletes the records of mails sent before `before`.
pub(super) fn forget_mailed(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(delete(mailed::table.filter(mailed::created_at.lt(before))).execute(conn)?)
}

/// Remembers a mail server's report; returns 0 if it was seen before.
pub(super) fn remember_report(conn: &mut Conn, digest: &str, now: Timestamp) -> Result<usize> {
    let row = (mail_reports::id.eq(digest), mail_reports::created_at.eq(now));
    Ok(Both(insert_into(mail_reports::table).values(row).on_conflict_do_nothing()).execute(conn)?)
}

/// Deletes the records of reports received before `before`.
pub(super) fn forget_reports(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(delete(mail_reports::table.filter(mail_reports::created_at.lt(before))).execute(conn)?)
}
