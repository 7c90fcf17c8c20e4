//! From where a lead led to a pairing, for a new account and for one that signs in alike.

use super::Patient;
use crate::app::Ctx;
use crate::conversations::{self, Invitation, NewPairing, Paired, Sight};
use crate::db::Conn;
use crate::deferred::Way;
use crate::invites::{self, Accepted};
use crate::kit::Phone;

/// A person who has followed a lead.
pub struct Follow<'a> {
    /// The account that asks.
    pub account_id: &'a str,
    /// The person it is about.
    pub patient: &'a Patient,
    /// The sign-in that asked.
    pub session_id: &'a str,
    /// Where the lead led.
    pub way: &'a Way,
    /// The account's proven number.
    pub phone: &'a Phone,
}

/// Pairs the person with the practice. An invite is accepted by it, and vouches for whoever has the name on it.
pub fn pair(ctx: &Ctx, conn: &mut Conn, who: &Follow<'_>) -> Result<Paired, conversations::Refusal> {
    let Way { to, method, invite } = who.way;
    if let Some(accepted) = invite.as_ref().and_then(|it| it.conversation_id.as_deref()) {
        return repeat(conn, who, accepted);
    }
    let name_agrees =
        invite.as_ref().is_some_and(|it| it.names(&who.patient.given_name, &who.patient.family_name));
    let new = NewPairing {
        account_id: who.account_id,
        patient_id: &who.patient.id,
        session_id: who.session_id,
        to,
        method,
        phone: who.phone,
        invite: invite.as_ref().map(|it| Invitation { id: &it.id, vouches: name_agrees }),
    };
    let paired = conversations::pair(ctx, conn, &new)?;
    if let Some(invite) = invite {
        let accepted = Accepted {
            account_id: who.account_id,
            pairing_id: &paired.pairing.id,
            conversation_id: &paired.conversation.id,
            name_agrees,
        };
        invites::accept(ctx, conn, invite, &accepted)?;
    }
    Ok(paired)
}

/// The answer to an acceptance whose first answer was lost. The invite is used: it pairs nobody else, and what the
/// person is called by now vouches for nothing.
fn repeat(
    conn: &mut Conn,
    who: &Follow<'_>,
    conversation_id: &str,
) -> Result<Paired, conversations::Refusal> {
    let found = conversations::find(conn, who.account_id, Sight::All, conversation_id)?;
    let found = found.filter(|conversation| conversation.patient.id == who.patient.id);
    let conversation = found.ok_or(conversations::Refusal::Blocked)?;
    Ok(conversations::paired(conn, &conversation.pairing_id, false)?)
}
