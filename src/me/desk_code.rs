//! In person: the patient sends the code that a screen at the desk shows, and is known from then on.

use super::Refusal;
use crate::accounts::{Principal, Scope};
use crate::app::Ctx;
use crate::conversations::identity::{self as states, By, Method, Ruling, State, Verdict};
use crate::conversations::{self, Paired};
use crate::db::Conn;
use crate::kit::Wait;
use crate::limits::{self, Budget};
use crate::staff::desk_code;

/// What became of a code. A wrong one is remembered, so it is no refusal, which would roll that back.
pub enum Shown {
    /// The staff member whose screen showed it confirmed the person.
    Confirmed(Box<Paired>),
    /// It is on no screen of this practice.
    Wrong,
    /// Too many were wrong.
    Limited(Wait),
}

/// Confirms the person of a pairing by a code. Whoever is confirmed already stays so.
pub fn show_desk_code(
    ctx: &Ctx,
    conn: &mut Conn,
    who: &Principal,
    pairing_id: &str,
    code: &str,
) -> Result<Shown, Refusal> {
    let seen = conversations::list(conn, &who.account_id, who.sight(), "", i64::MAX)?;
    let paired = seen.into_iter().find(|paired| paired.pairing.id == pairing_id);
    let paired = paired.ok_or(Refusal::PairingNotFound)?;
    let budget = [Budget::desk_codes_of_account(ctx, &who.account_id)];
    let held = limits::hold(conn, &budget)?;
    let free_at = held.next_at(ctx);
    if free_at > ctx.now {
        return Ok(Shown::Limited(free_at.wait_from(ctx.now)));
    }
    let Some(staff_id) = desk_code::whose(ctx, conn, &paired.pairing.practice.id, code)? else {
        held.take(ctx, conn)?;
        return Ok(Shown::Wrong);
    };
    let by = By { practice_id: &paired.pairing.practice.id, actor: &staff_id };
    let on_known_device = who.scope == Scope::Full;
    let ruling = Ruling { on_known_device, ..Ruling::bare(Verdict::Confirm(Method::InPerson)) };
    match states::decide(ctx, conn, &by, &paired.conversation.id, &ruling) {
        Ok(_) | Err(states::Refusal::Decided(State::Confirmed)) => Ok(Shown::Confirmed(Box::new(paired))),
        Err(states::Refusal::Db(error)) => Err(error.into()),
        Err(_) => Err(Refusal::ConversationClosed),
    }
}
