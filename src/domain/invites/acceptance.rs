//! Acceptance of an invite: from its secrets to the conversation it ends in.
//!
//! Facts that must survive a refused attempt (the number was verified, another number was used) are written
//! by [`examine`], whose refusal is a value, so the transaction commits. [`take`] repeats the check in the
//! transaction that creates the patient, so that a change in between rolls everything back.

use serde_json::json;

use super::{Invite, MAIL_LIFE, Refusal, message, record, store};
use crate::domain::links::{self, Destination};
use crate::domain::notifications;
use crate::domain::webhooks::{self, Fact};
use crate::kit::ids::{AccountId, ConversationId, PairingId};
use crate::kit::{Email, Phone, Secret, names};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// Caller who presents the secret of the text message, with a verified number.
pub struct Holder<'a> {
    pub phone: &'a Phone,
    /// The account, if there is one already.
    pub account_id: Option<&'a AccountId>,
    /// The account's e-mail address, if it is verified: it needs no second verification.
    pub email: Option<&'a str>,
}

/// Checks whether an invite can be accepted, and records why not.
pub fn examine(tx: &mut Tx, token: &Secret, who: &Holder<'_>) -> db::Result<Result<(), Refusal>> {
    let Some(invite) = store::hold(tx.conn, &token.hash())? else { return Ok(Err(Refusal::Gone)) };
    let refused = weigh(tx, &invite, who);
    match &refused {
        Err(Refusal::OtherNumber) => other_number(tx, &invite)?,
        Err(Refusal::EmailUnproven) => phone_first(tx, &invite)?,
        _ => {}
    }
    Ok(refused)
}

/// Locks and returns the invite of a secret if it can be accepted. Call [`accept`] afterwards.
pub fn take(tx: &mut Tx, token: &Secret, who: &Holder<'_>) -> Result<Invite, Refusal> {
    let invite = store::hold(tx.conn, &token.hash())?.ok_or(Refusal::Gone)?;
    weigh(tx, &invite, who)?;
    Ok(invite)
}

fn weigh(tx: &Tx, invite: &Invite, who: &Holder<'_>) -> Result<(), Refusal> {
    let state = invite.state(tx.now);
    if is_repeated(tx, invite, who) {
        return Ok(());
    }
    if !state.is_live() {
        return Err(Refusal::Gone);
    }
    if invite.phone().as_ref() != Some(who.phone) {
        return Err(Refusal::OtherNumber);
    }
    let email = invite.email();
    let has_proven = who.email.is_some() && who.email == email.as_ref().map(Email::as_str);
    match invite.email_proven_at.is_some() || has_proven {
        true => Ok(()),
        false => Err(Refusal::EmailUnproven),
    }
}

/// Detects a repeated call after a lost response or from a second device. It returns the same
/// conversation for as long as a proof of the number is valid; later the invite has ended for the
/// accepting account as well.
fn is_repeated(tx: &Tx, invite: &Invite, who: &Holder<'_>) -> bool {
    let repeats = tx.settings.verification.proof_life();
    who.account_id.is_some()
        && invite.account_id.as_ref() == who.account_id
        && invite.accepted_at.is_some_and(|at| at + repeats > tx.now)
}

/// The text was forwarded, or its number now belongs to another person: the practice is notified once.
fn other_number(tx: &mut Tx, invite: &Invite) -> db::Result<()> {
    if store::mark_other_number(tx.conn, &invite.id, tx.now)? == 0 {
        return Ok(());
    }
    record(tx, invite, "system", "invite.other_number")?;
    match links::known(tx, &invite.link_id)? {
        Some(to) => notifications::announce_other_number(tx, &to, &invite.id),
        None => Ok(()),
    }
}

/// The number was verified before the address. If the link in the e-mail has expired by now, another e-mail
/// is sent, at the earliest a day after the first.
fn phone_first(tx: &mut Tx, invite: &Invite) -> db::Result<()> {
    if store::mark_phone(tx.conn, &invite.id, tx.now)? == 1 {
        record(tx, invite, "system", "invite.phone_proven")?;
    }
    if invite.email_hash_expires_at.is_some_and(|at| at > tx.now) {
        return Ok(());
    }
    let Some(email) = invite.email() else { return Ok(()) };
    let budget = Budget::invites_to_contact(tx, &invite.practice_id, email.as_str());
    if rate_limits::take(tx, &[budget])?.is_err() {
        return Ok(());
    }
    let out = message::Secrets::new(tx, &invite.id);
    store::set_email_secret(tx.conn, &invite.id, &out.mail(tx).hash(), tx.now + MAIL_LIFE)?;
    message::enqueue_mail(tx, invite, &out)
}

pub struct Accepted<'a> {
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

/// Completes an invite that was [taken](take), once, with its conversation.
pub fn accept(tx: &mut Tx, invite: &Invite, by: &Accepted<'_>) -> db::Result<()> {
    let Accepted { account_id, pairing_id, conversation_id, name_agrees } = *by;
    if store::accept(tx.conn, &invite.id, account_id, conversation_id, name_agrees, tx.now)? == 0 {
        return Ok(());
    }
    let detail =
        json!({ "link": invite.link_id, "conversation": conversation_id, "name_agrees": name_agrees });
    let practice_id = Some(&invite.practice_id);
    let (action, subject) = ("invite.accepted", invite.id.as_str());
    tx.audit(&audit::Event { practice_id, actor: account_id.as_str(), action, subject, detail })?;
    let fact = Fact::InviteAccepted { invite_id: &invite.id, pairing_id, conversation_id };
    webhooks::emit(tx, &invite.practice_id, &[fact])
}

/// Returns a live invite and its destination by the secret of its text message.
pub fn look(tx: &mut Tx, token: &Secret) -> Result<(Invite, Destination), Refusal> {
    let invite = store::by_token(tx.conn, &token.hash())?.filter(|invite| invite.state(tx.now).is_live());
    let invite = invite.ok_or(Refusal::Gone)?;
    match links::destination_of(tx, &invite.link_id) {
        Ok(to) => Ok((invite, to)),
        Err(links::Refusal::Paused) => Err(links::Refusal::Paused.into()),
        Err(links::Refusal::Db(error)) => Err(error.into()),
        // A closed practice answers like one that never existed.
        Err(_) => Err(Refusal::Gone),
    }
}

/// [`look`] by a person: records that the invite was opened.
pub fn open(tx: &mut Tx, token: &Secret) -> Result<(Invite, Destination), Refusal> {
    let (invite, to) = look(tx, token)?;
    if store::mark_opened(tx.conn, &invite.id, tx.now)? == 1 {
        record(tx, &invite, "system", "invite.opened")?;
    }
    Ok((invite, to))
}

/// Returns the invite by the secret of its e-mail. Opening the page verifies nothing: mail
/// servers open links too.
pub fn email_page(tx: &mut Tx, token: &Secret) -> Result<Invite, Refusal> {
    store::by_email_secret(tx.conn, &token.hash(), tx.now)?.ok_or(Refusal::Gone)
}

/// Accepts the button on the page behind the e-mail's link as verification of the address. A
/// repeated call succeeds again.
pub fn prove_email(tx: &mut Tx, token: &Secret) -> Result<Invite, Refusal> {
    if let Some(invite) = store::mark_email(tx.conn, &token.hash(), tx.now)? {
        record(tx, &invite, "system", "invite.email_proven")?;
        return Ok(invite);
    }
    email_page(tx, token)
}
