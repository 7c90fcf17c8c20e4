//! Invites: a practice invites one person by mobile number and by e-mail.
//!
//! Two secrets are sent, one through each channel, and both channels are verified before a pairing is made:
//! the number by the code of an ordinary verification, the address by a button behind the link in the
//! e-mail. A forwarded text is worth nothing on another phone, an e-mail on its own opens nothing, and
//! neither of them shows more than the practice's name.
//!
//! The outbox rows hold a random number, from which the secrets are derived with a key that is not in the
//! database; the database stores only hashes of the secrets. Other modules decide who accepts: an invite is
//! one of the entry points of a sign-up or a signed-in patient
//! ([`EntryPoint`](crate::domain::pending_pairings::EntryPoint)).

mod acceptance;
pub mod import;
mod message;
mod quiet;
mod state;
mod store;
mod texts;

use std::time::Duration;

use serde_json::json;

pub use acceptance::{
    Acceptance, TokenHolder, accept, examine, find_by_email_token, find_by_token, lock, open, verify_email,
};
pub use message::{MailTopic, TextTopic};
pub use state::{Channel, State};
pub use store::Invite;

use crate::domain::consent;
use crate::domain::events::EventKind;
use crate::domain::links::{self, AccessScope, Destination};
use crate::domain::staff::Staff;
use crate::kit::{AccountId, Email, InviteId, Language, LinkId, Phone, PracticeId, StaffId, Wait};
use crate::platform::event_log::Actor;
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::{Tx, db};

/// How long an invite is valid.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// How long the link in its e-mail is valid.
const MAIL_LIFE: Duration = Duration::from_hours(24);
/// How long name, number and address are kept after the invite has ended.
const RETENTION: Duration = Duration::from_hours(30 * 24);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such invite within the access scope.
    #[error("invite not found")]
    NotFound,
    /// No such link within the access scope, or no default link.
    #[error("link not found")]
    UnknownLink,
    /// The token is unknown, used, canceled or expired: the response does not reveal which.
    #[error("invite gone")]
    Gone,
    /// The number is verified; the address is not yet.
    #[error("invite email unproven")]
    EmailUnproven,
    /// The verified number is not the invited one.
    #[error("invite for another number")]
    OtherNumber,
    /// This contact was invited less than a day ago.
    #[error("invite too soon")]
    TooSoon(Wait),
    /// The number has opted out of our texts.
    #[error("opted out")]
    OptedOut,
    #[error("number takes no texts")]
    CannotText,
    #[error("country not supported")]
    CountryNotSupported,
    /// An accepted or revoked invite cannot be changed.
    #[error("invite is {0}")]
    Fixed(State),
    /// The link of the invite cannot be opened.
    #[error(transparent)]
    Link(#[from] links::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

pub struct NewInvite {
    /// Name of the invited person, as the practice wrote it.
    pub name: String,
    pub phone: Phone,
    pub email: Email,
    /// Language of both messages; the default is the practice's.
    pub language: Option<Language>,
    /// Whether it is sent at once; otherwise it stays a draft.
    pub sends: bool,
}

/// Normalizes a name: one line, 1 to 100 characters, with at least one letter.
pub fn name(written: &str) -> Option<String> {
    let name = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_one = (1..=100).contains(&name.chars().count())
        && name.chars().any(char::is_alphabetic)
        && !name.chars().any(char::is_control);
    is_one.then_some(name)
}

/// Lists up to `limit` invites created before the invite `before`, newest first.
pub fn list(
    tx: &mut Tx,
    staff: &Staff,
    state: Option<State>,
    before: &str,
    limit: i64,
) -> Result<Vec<Invite>, Error> {
    let scope = AccessScope::of(tx, staff)?;
    Ok(store::list(tx.conn, (&staff.practice_id, &scope), (state, tx.now), before, limit)?)
}

pub fn find(tx: &mut Tx, staff: &Staff, id: &InviteId) -> Result<Invite, Error> {
    let scope = AccessScope::of(tx, staff)?;
    store::find(tx.conn, (&staff.practice_id, &scope), id)?.ok_or(Error::NotFound)
}

/// Creates an invite through a link or, without one, through the practice's default link.
pub fn create(
    tx: &mut Tx,
    staff: &Staff,
    link_id: Option<&LinkId>,
    new: &NewInvite,
) -> Result<Invite, Error> {
    let to = destination(tx, staff, link_id)?;
    create_through(tx, &to, &staff.staff_id, new)
}

/// Returns the destination of new invites: a link within the access scope that accepts patients.
fn destination(tx: &mut Tx, staff: &Staff, link_id: Option<&LinkId>) -> Result<Destination, Error> {
    let id = match link_id {
        Some(id) => id.clone(),
        None => links::default_of(tx, &staff.practice_id)?.ok_or(Error::UnknownLink)?.id,
    };
    let link = links::find_in_scope(tx, staff, &id)?.ok_or(Error::UnknownLink)?;
    Ok(links::destination_of(tx, &link.id)?)
}

fn create_through(tx: &mut Tx, to: &Destination, by: &StaffId, new: &NewInvite) -> Result<Invite, Error> {
    check_number(tx, &new.phone)?;
    let language = new.language.unwrap_or(to.practice.language);
    if new.sends {
        // Checked before the draft is inserted: a refused row of a list would leave one behind.
        let limits = contact_limits(tx, &to.practice.id, &new.phone, &new.email);
        let next = rate_limits::next_at(tx, &limits)?;
        if next > tx.now {
            return Err(Error::TooSoon(next.wait_from(tx.now)));
        }
    }
    let id = tx.id::<InviteId>();
    let draft = store::Draft { id: &id, to, by, new, language, now: tx.now, expires_at: tx.now + LIFE };
    let invite = store::insert(tx.conn, &draft)?;
    record(tx, &invite, by, EventKind::InviteCreated);
    match new.sends {
        true => dispatch(tx, to, &invite, by),
        false => Ok(invite),
    }
}

/// Sends an invite (again) with two new secrets; the older ones become invalid. An address that is verified
/// stays so, and gets no second e-mail.
pub fn send(tx: &mut Tx, staff: &Staff, id: &InviteId) -> Result<Invite, Error> {
    let invite = find(tx, staff, id)?;
    let state = invite.state(tx.now);
    if !state.can_be_sent() {
        return Err(Error::Fixed(state));
    }
    let to = links::destination_of(tx, &invite.link_id)?;
    check_number(tx, &invite.phone().ok_or(Error::Gone)?)?;
    dispatch(tx, &to, &invite, &staff.staff_id)
}

/// Cancels an invite: its secrets are invalid from then on.
pub fn revoke(tx: &mut Tx, staff: &Staff, id: &InviteId) -> Result<(), Error> {
    let invite = find(tx, staff, id)?;
    if store::revoke(tx.conn, id, tx.now)? == 1 {
        record(tx, &invite, &staff.staff_id, EventKind::InviteRevoked);
        return Ok(());
    }
    match store::is_revoked(tx.conn, id)? {
        true => Ok(()),
        false => Err(Error::Fixed(State::Accepted)),
    }
}

/// Checks whether a number may get an invite by text. The patient did not request it, so one STOP to any of
/// our senders is enough to refuse.
fn check_number(tx: &mut Tx, phone: &Phone) -> Result<(), Error> {
    if !tx.settings.verification.countries.iter().any(|ours| ours == phone.region()) {
        return Err(Error::CountryNotSupported);
    }
    if !phone.can_text() {
        return Err(Error::CannotText);
    }
    match consent::opt_outs(tx, &rate_limits::number_key(tx, phone))?.is_empty() {
        true => Ok(()),
        false => Err(Error::OptedOut),
    }
}

/// Rate limits for invites to one contact of a practice: by number, and by address.
fn contact_limits(tx: &Tx, practice_id: &PracticeId, phone: &Phone, email: &Email) -> [RateLimit; 2] {
    [phone.as_e164(), email.as_str()].map(|it| RateLimit::invites_to_contact(tx, practice_id, it))
}

/// Queues both messages, at most once per contact and day.
fn dispatch(tx: &mut Tx, to: &Destination, invite: &Invite, by: &StaffId) -> Result<Invite, Error> {
    let (phone, email) = (invite.phone().ok_or(Error::Gone)?, invite.email().ok_or(Error::Gone)?);
    let limits = contact_limits(tx, &invite.practice_id, &phone, &email);
    rate_limits::take(tx, &limits)?.map_err(|at| Error::TooSoon(at.wait_from(tx.now)))?;
    let text_due_at = quiet::day_from(tx.now, &phone, &to.practice);
    let secrets = message::Secrets::new(tx, &invite.id);
    let dispatch = store::Dispatch {
        token_hash: secrets.text(tx).hash(),
        email_hash: secrets.mail(tx).hash(),
        email_hash_expires_at: tx.now + MAIL_LIFE,
        text_due_at,
        now: tx.now,
        expires_at: tx.now + LIFE,
    };
    let sent = store::mark_sent(tx.conn, &invite.id, &dispatch)?.ok_or(Error::Fixed(State::Accepted))?;
    message::enqueue_text(tx, &sent, &secrets, text_due_at)?;
    if sent.email_proven_at.is_none() {
        message::enqueue_mail(tx, &sent, &secrets)?;
    }
    record(tx, &sent, by, EventKind::InviteSent);
    Ok(sent)
}

fn record(tx: &mut Tx, invite: &Invite, actor: impl Into<Actor>, kind: EventKind) {
    tx.emit(Some(&invite.practice_id), actor, kind, &invite.id, json!({ "link": invite.link_id }));
}

/// Deletes the number and address of a deleted account.
pub fn forget_account(tx: &mut Tx, account_id: &AccountId) -> db::Result<usize> {
    store::forget_account(tx.conn, account_id)
}

/// Expires invites that have ended, and deletes the personal data a month later.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    let expired = store::expire(tx.conn, tx.now)?;
    Ok(expired + store::forget(tx.conn, tx.now - RETENTION)?)
}
