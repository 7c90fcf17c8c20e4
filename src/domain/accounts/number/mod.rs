//! Change of an account's phone number. The new number is proven first, both numbers get a text, and every
//! practice must verify the patient's identity again: moving a number is how accounts are taken over.

mod number_changed;

pub use number_changed::NumberChangedTopic;

use serde_json::json;

use super::{Account, Error, Principal, account, store};
use crate::domain::conversations::Access;
use crate::domain::events::EventKind;
use crate::domain::identity::Doubt;
use crate::domain::pairing::{self, EndReason};
use crate::domain::verification::{self, ProofUse};
use crate::kit::{Language, Phone, Secret};
use crate::platform::Tx;

/// Replaces the account's number with the one that `proof` proves. Needs full access, since a restricted
/// session may belong to a stranger with a recycled number; the account is locked.
pub fn change_number(
    tx: &mut Tx,
    who: &Principal,
    proof: &Secret,
    language: Language,
) -> Result<Account, Error> {
    let verified = verification::consume_proof(tx, proof, None)?;
    if let Some(earlier) = &verified.earlier_use {
        return repeat(tx, who, earlier, &verified.phone);
    }
    let before = account(tx, &who.account_id)?;
    if !store::set_phone(tx.conn, &who.account_id, &verified.phone)? {
        return Err(Error::AccountExists);
    }
    // Without a session: a proof that changed a number does not sign in.
    let proof_use = ProofUse { account_id: who.account_id.clone(), pairing_id: None, session_id: None };
    verification::record_proof_use(tx, &verified, &proof_use)?;
    if before.phone.as_deref() != Some(verified.phone.as_e164()) {
        end_restricted(tx, who)?;
        let (proof, old) = (&verified.verification_id, before.number());
        number_changed::enqueue(tx, proof, old.as_ref(), &verified.phone, language)?;
        pairing::doubt_all(tx, &who.account_id, None, Doubt::NumberChanged)?;
        let account_id = &who.account_id;
        tx.emit(None, account_id, EventKind::AccountNumberChanged, account_id, json!({}));
    }
    account(tx, &who.account_id)
}

/// Revokes restricted sessions (possibly the old number's new owner) and ends their pairings. No session
/// could read those any more, and they would continue under the new number.
fn end_restricted(tx: &mut Tx, who: &Principal) -> Result<(), Error> {
    let all = Access::all(&who.account_id);
    let own = pairing::list(tx, Access::full(&who.account_id), "", i64::MAX)?;
    for details in pairing::list(tx, all, "", i64::MAX)? {
        let id = &details.pairing.id;
        if !own.iter().any(|own| own.pairing.id == *id) {
            pairing::end(tx, all, id, EndReason::NumberChanged)?;
        }
    }
    Ok(store::revoke_restricted(tx.conn, &who.account_id, tx.now)?)
}

/// Replies to a retry whose first reply was lost.
fn repeat(tx: &mut Tx, who: &Principal, earlier: &ProofUse, phone: &Phone) -> Result<Account, Error> {
    let mine = account(tx, &who.account_id)?;
    let is_done = earlier.account_id == mine.id && mine.phone.as_deref() == Some(phone.as_e164());
    if is_done { Ok(mine) } else { Err(Error::ProofConsumed) }
}
