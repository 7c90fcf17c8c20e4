//! Identity check in person: the patient enters the check-in code that a screen at reception shows.

use super::Refusal;
use crate::domain::accounts::{Principal, Scope};
use crate::domain::conversations::{self, Paired};
use crate::domain::identity as states;
use crate::domain::identity::{By, Method, Ruling, State, Verdict};
use crate::domain::staff::desk_code;
use crate::kit::Wait;
use crate::kit::ids::PairingId;
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// Outcome of a code. A wrong code is counted, so it is not an error, which would roll the count back.
pub enum Shown {
    /// The patient is confirmed, by the staff member whose screen showed the code.
    Confirmed(Box<Paired>),
    /// No screen of this practice shows the code now.
    Wrong,
    Limited(Wait),
}

/// Confirms the patient of a pairing by a check-in code. A patient who is confirmed already stays so.
pub fn show_desk_code(
    tx: &mut Tx,
    who: &Principal,
    pairing_id: &PairingId,
    code: &str,
) -> Result<Shown, Refusal> {
    let seen = conversations::list(tx, &who.account_id, who.sight(), "", i64::MAX)?;
    let paired = seen.into_iter().find(|paired| paired.pairing.id == *pairing_id);
    let paired = paired.ok_or(Refusal::PairingNotFound)?;
    let budget = [Budget::desk_codes_of_account(tx, &who.account_id)];
    let held = rate_limits::hold(tx, &budget)?;
    let free_at = held.next_at(tx);
    if free_at > tx.now {
        return Ok(Shown::Limited(free_at.wait_from(tx.now)));
    }
    let Some(staff_id) = desk_code::whose(tx, &paired.pairing.practice.id, code)? else {
        held.take(tx)?;
        return Ok(Shown::Wrong);
    };
    let by = By { practice_id: &paired.pairing.practice.id, actor: staff_id.as_str() };
    let on_known_device = who.scope == Scope::Full;
    let ruling = Ruling { on_known_device, ..Ruling::bare(Verdict::Confirm(Method::InPerson)) };
    match states::decide(tx, &by, &paired.conversation.id, &ruling) {
        Ok(_) | Err(states::Refusal::Decided(State::Confirmed)) => Ok(Shown::Confirmed(Box::new(paired))),
        Err(states::Refusal::Db(error)) => Err(error.into()),
        Err(_) => Err(Refusal::ConversationClosed),
    }
}
