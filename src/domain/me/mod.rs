//! The signed-in patient's own data: account, patients, pairings and conversations.

pub mod desk_code;
pub mod live;

pub use live::{events, listen, read};

use crate::domain::accounts::{self, Account, Follow, Patient, Principal, Scope};
use crate::domain::conversations::{self, Ending, Entry, NewEntry, Paired};
use crate::domain::invites::{self, Holder};
use crate::domain::pending_pairings::{self, Follower, Lead};
use crate::kit::ids::{ConversationId, PairingId, PatientId};
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// Errors of requests about the patient's own data.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not signed in, or no such patient.
    #[error(transparent)]
    Account(#[from] accounts::Refusal),
    /// The link token, pending pairing or invite cannot be resolved.
    #[error(transparent)]
    Lead(#[from] pending_pairings::Refusal),
    /// The practice refuses the pairing because it blocked the patient.
    #[error(transparent)]
    Pairing(#[from] conversations::Refusal),
    #[error("pairing not found")]
    PairingNotFound,
    /// No such conversation, or not within this session's access scope.
    #[error("conversation not found")]
    ConversationNotFound,
    #[error("conversation closed")]
    ConversationClosed,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// The account and its patients that this session may see.
pub fn overview(tx: &mut Tx, who: &Principal) -> Result<(Account, Vec<Patient>), Refusal> {
    Ok((accounts::account(tx, &who.account_id)?, accounts::patients(tx, who)?))
}

/// Outcome of a pairing request. An invite that cannot be accepted (yet) is an outcome, not an error: what
/// was learned about the invite must be committed.
pub enum Pairing {
    Done(Box<Paired>),
    Refused(invites::Refusal),
}

/// Pairs a patient of the account with the practice that `lead` resolves to.
pub fn pair(
    tx: &mut Tx,
    who: &Principal,
    lead: &Lead,
    patient_id: Option<&PatientId>,
) -> Result<Pairing, Refusal> {
    let account = accounts::account(tx, &who.account_id)?;
    let phone = accounts::own_phone(&account).ok_or(accounts::Refusal::Unauthorized)?;
    // The e-mail address proven on the account says nothing about a stranger with its recycled number.
    let email = account.proven_email().filter(|_| who.scope == Scope::Full);
    if let Lead::Invite(token) = lead {
        let holder = Holder { phone: &phone, account_id: Some(&who.account_id), email };
        if let Err(refused) = invites::examine(tx, token, &holder)? {
            return Ok(Pairing::Refused(refused));
        }
    }
    let follower = Follower { account_id: &who.account_id, phone: &phone, email };
    let way = pending_pairings::follow(tx, lead, &follower)?;
    let patient = accounts::patient(tx, who, patient_id)?;
    let follow = Follow {
        account_id: &who.account_id,
        patient: &patient,
        session_id: &who.session_id,
        way: &way,
        phone: &phone,
    };
    Ok(Pairing::Done(Box::new(accounts::pair(tx, &follow)?)))
}

/// Lists the caller's open pairings after the pairing `after`, at most `limit`.
pub fn pairings(tx: &mut Tx, who: &Principal, after: &str, limit: i64) -> db::Result<Vec<Paired>> {
    conversations::list(tx, &who.account_id, who.sight(), after, limit)
}

pub fn leave(tx: &mut Tx, who: &Principal, pairing_id: &PairingId) -> Result<(), Refusal> {
    match conversations::end(tx, &who.account_id, (who.sight(), pairing_id), Ending::Left)? {
        true => Ok(()),
        false => Err(Refusal::PairingNotFound),
    }
}

/// Lists the entries of the caller's conversation after a position, at most `limit`.
pub fn entries(
    tx: &mut Tx,
    who: &Principal,
    conversation_id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<Entry>, Refusal> {
    conversations::find(tx, &who.account_id, who.sight(), conversation_id)?
        .ok_or(Refusal::ConversationNotFound)?;
    Ok(conversations::entries(tx, conversation_id, after, limit)?)
}

/// Sends a message to the practice.
pub fn write(
    tx: &mut Tx,
    who: &Principal,
    conversation_id: &ConversationId,
    body: &str,
) -> Result<Entry, Refusal> {
    conversations::find(tx, &who.account_id, who.sight(), conversation_id)?
        .ok_or(Refusal::ConversationNotFound)?;
    conversations::append(tx, conversation_id, &NewEntry::of_patient(body))?
        .ok_or(Refusal::ConversationClosed)
}
