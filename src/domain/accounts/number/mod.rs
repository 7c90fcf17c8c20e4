//! Change of an account's phone number. The new number is proven first, both numbers get a text, and every
//! practice must verify the patient's identity again: moving a number is how accounts are taken over.

pub mod told;

pub use told::NumberTopic;

use serde_json::json;

use super::{Account, Principal, Refusal, Scope, account, own_phone, store};
use crate::domain::conversations::{self, Doubt, Ending, Sight};
use crate::domain::verification::{self, Made};
use crate::kit::{Language, Phone, Secret};
use crate::platform::audit;
use crate::platform::tx::Tx;

/// Replaces the account's number with the one that `proof` proves. Restricted sessions are refused: they
/// may belong to a stranger with a recycled number. The caller has locked the account.
pub fn change_number(
    tx: &mut Tx,
    who: &Principal,
    proof: &Secret,
    language: Language,
) -> Result<Account, Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    let proven = verification::consume_proof(tx, proof)?;
    if let Some(made) = &proven.made {
        return repeat(tx, who, made, &proven.phone);
    }
    let before = account(tx, &who.account_id)?;
    if !store::set_phone(tx.conn, &who.account_id, &proven.phone)? {
        return Err(Refusal::AccountExists);
    }
    // Without a session: a proof that changed a number does not sign in.
    let made = Made { account_id: who.account_id.clone(), pairing_id: None, session_id: None };
    verification::record_made(tx, &proven, &made)?;
    let (old, is_other) = (own_phone(&before), before.phone.as_deref() != Some(proven.phone.as_e164()));
    if is_other {
        end_strangers(tx, who)?;
        told::enqueue(tx, &proven.verification_id, old.as_ref(), &proven.phone, language)?;
        conversations::doubt_all(tx, &who.account_id, None, Doubt::NumberChanged)?;
        record(tx, who)?;
    }
    account(tx, &who.account_id)
}

/// Revokes restricted sessions (possibly the old number's new owner) and ends their pairings. No session
/// could read those any more, and they would continue under the new number.
fn end_strangers(tx: &mut Tx, who: &Principal) -> Result<(), Refusal> {
    let mine = conversations::list(tx, &who.account_id, Sight::Confirmed, "", i64::MAX)?;
    for paired in conversations::list(tx, &who.account_id, Sight::All, "", i64::MAX)? {
        if !mine.iter().any(|own| own.pairing.id == paired.pairing.id) {
            let theirs = (Sight::All, &paired.pairing.id);
            conversations::end(tx, &who.account_id, theirs, Ending::NumberChanged)?;
        }
    }
    Ok(store::revoke_restricted(tx.conn, &who.account_id, tx.now)?)
}

/// Replies to a retry whose first reply was lost.
fn repeat(tx: &mut Tx, who: &Principal, made: &Made, phone: &Phone) -> Result<Account, Refusal> {
    let mine = account(tx, &who.account_id)?;
    let is_done = made.account_id == mine.id && mine.phone.as_deref() == Some(phone.as_e164());
    if is_done { Ok(mine) } else { Err(Refusal::ProofConsumed) }
}

fn record(tx: &mut Tx, who: &Principal) -> Result<(), Refusal> {
    let (actor, subject) = (who.account_id.as_str(), who.account_id.as_str());
    let event = audit::Event {
        practice_id: None,
        actor,
        action: "account.number_changed",
        subject,
        detail: json!({}),
    };
    Ok(tx.audit(&event)?)
}
