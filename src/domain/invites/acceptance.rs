//! Acceptance of an invite: from its secrets to the conversation it ends in.
//!
//! Facts that must survive a refused attempt (the number was verified, another number was used) are written
//! by [`examine`], whose error is a value, so the transaction commits. [`lock`] repeats the check in the
//! transaction that creates the patient, so that a change in between rolls everything back.

use serde_json::json;

use super::{Error, Invite, MAIL_LIFE, message, record, store};
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::domain::notifications;
use crate::kit::{AccountId, ConversationId, Email, PairingId, Phone, Secret, names};
use crate::platform::event_log::Actor;
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::{Tx, db};

/// Caller who presents the secret of the text message, with a verified number.
pub struct TokenHolder<'a> {
    pub phone: &'a Phone,
    /// The account, if there is one already.
    pub account_id: Option<&'a AccountId>,
    /// The account's e-mail address, if it is verified: it needs no second verification.
    pub email: Option<&'a str>,
}

/// Checks whether an invite can be accepted, and records why not.
pub fn examine(tx: &mut Tx, token: &Secret, who: &TokenHolder<'_>) -> db::Result<Result<(), Error>> {
    let Some(invite) = store::lock(tx.conn, &token.hash())? else { return Ok(Err(Error::Gone)) };
    let checked = check(tx, &invite, who);
    match &checked {
        Err(Error::OtherNumber) => record_other_number(tx, &invite)?,
        Err(Error::EmailUnproven) => record_phone(tx, &invite)?,
        _ => {}
    }
    Ok(checked)
}

/// Locks and returns the invite of a secret if it can be accepted. Call [`accept`] afterwards.
pub fn lock(tx: &mut Tx, token: &Secret, who: &TokenHolder<'_>) -> Result<Invite, Error> {
    let invite = store::lock(tx.conn, &token.hash())?.ok_or(Error::Gone)?;
    check(tx, &invite, who)?;
    Ok(invite)
}

fn check(tx: &Tx, invite: &Invite, who: &TokenHolder<'_>) -> Result<(), Error> {
    let state = invite.state(tx.now);
    if is_repeated(tx, invite, who) {
        return Ok(());
    }
    if !state.is_live() {
        return Err(Error::Gone);
    }
    if invite.phone().as_ref() != Some(who.phone) {
        return Err(Error::OtherNumber);
    }
    let email = invite.email();
    let has_proven = who.email.is_some() && who.email == email.as_ref().map(Email::as_str);
    match invite.email_proven_at.is_some() || has_proven {
        true => Ok(()),
        false => Err(Error::EmailUnproven),
    }
}

/// Detects a repeated call after a lost response or from a second device. It returns the same
/// conversation for as long as a proof of the number is valid; later the invite has ended for the
/// accepting account as well.
fn is_repeated(tx: &Tx, invite: &Invite, who: &TokenHolder<'_>) -> bool {
    let repeats = tx.settings.verification.proof_life();
    who.account_id.is_some()
        && invite.account_id.as_ref() == who.account_id
        && invite.accepted_at.is_some_and(|at| at + repeats > tx.now)
}

/// The text was forwarded, or its number now belongs to another person: the practice is notified once.
fn record_other_number(tx: &mut Tx, invite: &Invite) -> db::Result<()> {
    if store::mark_other_number(tx.conn, &invite.id, tx.now)? == 0 {
        return Ok(());
    }
    record(tx, invite, Actor::System, EventKind::InviteOtherNumber);
    match links::find_destination(tx, &invite.link_id)? {
        Some(to) => notifications::announce_other_number(tx, &to, &invite.id),
        None => Ok(()),
    }
}

/// The number was verified before the address. If the link in the e-mail has expired by now, another e-mail
/// is sent, at the earliest a day after the first.
fn record_phone(tx: &mut Tx, invite: &Invite) -> db::Result<()> {
    if store::mark_phone(tx.conn, &invite.id, tx.now)? == 1 {
        record(tx, invite, Actor::System, EventKind::InvitePhoneProven);
    }
    if invite.email_hash_expires_at.is_some_and(|at| at > tx.now) {
        return Ok(());
    }
    let Some(email) = invite.email() else { return Ok(()) };
    let limit = RateLimit::invites_to_contact(tx, &invite.practice_id, email.as_str());
    if rate_limits::take(tx, &[limit])?.is_err() {
        return Ok(());
    }
    let secrets = message::Secrets::new(tx, &invite.id);
    store::set_email_secret(tx.conn, &invite.id, &secrets.mail(tx).hash(), tx.now + MAIL_LIFE)?;
    message::enqueue_mail(tx, invite, &secrets)
}

pub struct Acceptance<'a> {
    pub account_id: &'a AccountId,
    pub pairing_id: &'a PairingId,
    pub conversation_id: &'a ConversationId,
    /// Whether the patient's name is compatible with the invited one.
    pub name_agrees: bool,
}

impl Invite {
    /// Returns true if a person with this name could be the invited one.
    pub fn names(&self, given_name: &str, family_name: &str) -> bool {
        let invited = self.name.as_deref().unwrap_or_default();
        names::is_compatible_full(invited, given_name, family_name)
    }
}

/// Completes an invite that was [locked](lock), once, with its conversation.
pub fn accept(tx: &mut Tx, invite: &Invite, by: &Acceptance<'_>) -> db::Result<()> {
    let Acceptance { account_id, pairing_id, conversation_id, name_agrees } = *by;
    if store::accept(tx.conn, &invite.id, account_id, conversation_id, name_agrees, tx.now)? == 0 {
        return Ok(());
    }
    let detail = json!({ "link": invite.link_id, "pairing": pairing_id, "conversation": conversation_id,
        "name_agrees": name_agrees,
    });
    tx.emit(Some(&invite.practice_id), account_id, EventKind::InviteAccepted, &invite.id, detail);
    Ok(())
}

/// Returns a live invite and its destination by the secret of its text message.
pub fn find_by_token(tx: &mut Tx, token: &Secret) -> Result<(Invite, Destination), Error> {
    let invite = store::by_token(tx.conn, &token.hash())?.filter(|invite| invite.state(tx.now).is_live());
    let invite = invite.ok_or(Error::Gone)?;
    match links::destination_of(tx, &invite.link_id) {
        Ok(to) => Ok((invite, to)),
        Err(links::Error::Paused) => Err(links::Error::Paused.into()),
        Err(links::Error::Db(error)) => Err(error.into()),
        // A closed practice answers like one that never existed.
        Err(_) => Err(Error::Gone),
    }
}

/// [`find_by_token`] by a person: records that the invite was opened.
pub fn open(tx: &mut Tx, token: &Secret) -> Result<(Invite, Destination), Error> {
    let (invite, to) = find_by_token(tx, token)?;
    if store::mark_opened(tx.conn, &invite.id, tx.now)? == 1 {
        record(tx, &invite, Actor::System, EventKind::InviteOpened);
    }
    Ok((invite, to))
}

/// Returns the invite by the secret of its e-mail. Opening the page verifies nothing: mail
/// servers open links too.
pub fn find_by_email_token(tx: &mut Tx, token: &Secret) -> Result<Invite, Error> {
    store::by_email_secret(tx.conn, &token.hash(), tx.now)?.ok_or(Error::Gone)
}

/// Accepts the button on the page behind the e-mail's link as verification of the address. A
/// repeated call succeeds again.
pub fn verify_email(tx: &mut Tx, token: &Secret) -> Result<Invite, Error> {
    if let Some(invite) = store::mark_email(tx.conn, &token.hash(), tx.now)? {
        record(tx, &invite, Actor::System, EventKind::InviteEmailProven);
        return Ok(invite);
    }
    find_by_email_token(tx, token)
}
