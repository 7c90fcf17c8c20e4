//! Another number on the same account. The new one is proven first, both are told, and every practice that knew the
//! person looks again: a number that changes hands is how accounts are taken over.

mod told;

pub use told::NumberTopic;

use serde_json::json;

use super::{Account, Principal, Refusal, Scope, account, own_phone, store};
use crate::app::Ctx;
use crate::audit;
use crate::conversations::{self, Doubt, Ending, Sight};
use crate::db::Conn;
use crate::kit::{Language, Phone, Secret};
use crate::verification::{self, Made};

/// Puts the number that `proof` proves in the place of the account's. A sign-in that is restricted may be a
/// stranger's with a recycled number, and cannot. The account is held.
pub fn change_number(
    ctx: &Ctx,
    conn: &mut Conn,
    who: &Principal,
    proof: &Secret,
    language: Language,
) -> Result<Account, Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    let proven = verification::consume_proof(ctx, conn, proof)?;
    if let Some(made) = &proven.made {
        return repeat(conn, who, made, &proven.phone);
    }
    let before = account(conn, &who.account_id)?;
    if !store::set_phone(conn, &who.account_id, &proven.phone)? {
        return Err(Refusal::AccountExists);
    }
    // No sign-in comes of it: the proof that changed a number opens nothing.
    let made = Made { account_id: who.account_id.clone(), pairing_id: None, session_id: None };
    verification::record_made(conn, &proven, &made)?;
    let (old, is_other) = (own_phone(&before), before.phone.as_deref() != Some(proven.phone.as_e164()));
    if is_other {
        end_strangers(ctx, conn, who)?;
        told::enqueue(ctx, conn, &proven.verification_id, old.as_ref(), &proven.phone, language)?;
        conversations::doubt_all(ctx, conn, &who.account_id, None, Doubt::NumberChanged)?;
        record(ctx, conn, who)?;
    }
    account(conn, &who.account_id)
}

/// Whoever has the old number by now had signed in with nothing else: that ends, and so do the pairings that they made.
/// Nobody could read those any more, and they would go on as the new number's.
fn end_strangers(ctx: &Ctx, conn: &mut Conn, who: &Principal) -> Result<(), Refusal> {
    let mine = conversations::list(conn, &who.account_id, Sight::Confirmed, "", i64::MAX)?;
    for paired in conversations::list(conn, &who.account_id, Sight::All, "", i64::MAX)? {
        if !mine.iter().any(|own| own.pairing.id == paired.pairing.id) {
            let theirs = (Sight::All, paired.pairing.id.as_str());
            conversations::end(ctx, conn, &who.account_id, theirs, Ending::NumberChanged)?;
        }
    }
    Ok(store::revoke_restricted(conn, &who.account_id, ctx.now)?)
}

/// The answer to a call whose first answer was lost.
fn repeat(conn: &mut Conn, who: &Principal, made: &Made, phone: &Phone) -> Result<Account, Refusal> {
    let mine = account(conn, &who.account_id)?;
    let is_done = made.account_id == mine.id && mine.phone.as_deref() == Some(phone.as_e164());
    if is_done { Ok(mine) } else { Err(Refusal::ProofConsumed) }
}

fn record(ctx: &Ctx, conn: &mut Conn, who: &Principal) -> Result<(), Refusal> {
    let (actor, subject) = (who.account_id.as_str(), who.account_id.as_str());
    let event = audit::Event {
        practice_id: None,
        actor,
        action: "account.number_changed",
        subject,
        detail: json!({}),
    };
    Ok(audit::record(ctx, conn, &event)?)
}
