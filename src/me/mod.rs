//! The patient's own view: who I am, with whom I am paired, what was said.

mod desk_code;
pub mod http;
mod live;

pub use live::{events, listen, read};

use crate::accounts::{self, Account, Follow, Patient, Principal, Scope};
use crate::app::Ctx;
use crate::conversations::{self, Ending, Entry, NewEntry, Paired};
use crate::db::{self, Conn};
use crate::deferred::{self, Follower, Lead};
use crate::invites::{self, Holder};

/// Why something of the patient's own was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not signed in, or no such person.
    #[error(transparent)]
    Account(#[from] accounts::Refusal),
    /// The link token or the pairing that waited leads nowhere.
    #[error(transparent)]
    Lead(#[from] deferred::Refusal),
    /// The practice cannot be paired with.
    #[error(transparent)]
    Pairing(#[from] conversations::Refusal),
    /// No such pairing.
    #[error("pairing not found")]
    PairingNotFound,
    /// No such conversation, or none that this sign-in may see.
    #[error("conversation not found")]
    ConversationNotFound,
    /// The conversation is over.
    #[error("conversation closed")]
    ConversationClosed,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// The account and the people on it whom this sign-in may see.
pub fn overview(conn: &mut Conn, who: &Principal) -> Result<(Account, Vec<Patient>), Refusal> {
    Ok((accounts::account(conn, &who.account_id)?, accounts::patients(conn, who)?))
}

/// What became of a lead. That an invite cannot be accepted (yet) is an outcome, not an error: what was learnt of the
/// invite must stay.
pub enum Pairing {
    /// It led to a pairing.
    Done(Box<Paired>),
    /// It led nowhere.
    Refused(invites::Refusal),
}

/// Pairs a person of the account with the practice that `lead` leads to.
pub fn pair(
    ctx: &Ctx,
    conn: &mut Conn,
    who: &Principal,
    lead: &Lead,
    patient_id: Option<&str>,
) -> Result<Pairing, Refusal> {
    let account = accounts::account(conn, &who.account_id)?;
    let phone = accounts::own_phone(&account).ok_or(accounts::Refusal::Unauthorized)?;
    // What the account proved is not what a stranger with its recycled number did.
    let email = account.proven_email().filter(|_| who.scope == Scope::Full);
    if let Lead::Invite(token) = lead {
        let holder = Holder { phone: &phone, account_id: Some(&who.account_id), email };
        if let Err(refused) = invites::examine(ctx, conn, token, &holder)? {
            return Ok(Pairing::Refused(refused));
        }
    }
    let follower = Follower { account_id: &who.account_id, phone: &phone, email };
    let way = deferred::follow(ctx, conn, lead, &follower)?;
    let patient = accounts::patient(conn, who, patient_id)?;
    let follow = Follow {
        account_id: &who.account_id,
        patient: &patient,
        session_id: &who.session_id,
        way: &way,
        phone: &phone,
    };
    Ok(Pairing::Done(Box::new(accounts::pair(ctx, conn, &follow)?)))
}

/// Up to `limit` of my living pairings after the pairing `after`.
pub fn pairings(conn: &mut Conn, who: &Principal, after: &str, limit: i64) -> db::Result<Vec<Paired>> {
    conversations::list(conn, &who.account_id, who.sight(), after, limit)
}

/// Leaves a practice.
pub fn leave(ctx: &Ctx, conn: &mut Conn, who: &Principal, pairing_id: &str) -> Result<(), Refusal> {
    match conversations::end(ctx, conn, &who.account_id, (who.sight(), pairing_id), Ending::Left)? {
        true => Ok(()),
        false => Err(Refusal::PairingNotFound),
    }
}

/// Up to `limit` entries of my conversation after a position.
pub fn entries(
    conn: &mut Conn,
    who: &Principal,
    conversation_id: &str,
    after: i32,
    limit: i64,
) -> Result<Vec<Entry>, Refusal> {
    conversations::find(conn, &who.account_id, who.sight(), conversation_id)?
        .ok_or(Refusal::ConversationNotFound)?;
    Ok(conversations::entries(conn, conversation_id, after, limit)?)
}

/// Says something to the practice.
pub fn write(
    ctx: &Ctx,
    conn: &mut Conn,
    who: &Principal,
    conversation_id: &str,
    body: &str,
) -> Result<Entry, Refusal> {
    conversations::find(conn, &who.account_id, who.sight(), conversation_id)?
        .ok_or(Refusal::ConversationNotFound)?;
    conversations::append(ctx, conn, conversation_id, &NewEntry::of_patient(body))?
        .ok_or(Refusal::ConversationClosed)
}
