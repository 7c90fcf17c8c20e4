//! Pairing with the resolved link, for a new account and for one that is signed in.

use super::Patient;
use crate::domain::conversations::{self, Invitation, NewPairing, Paired, Sight};
use crate::domain::invites::{self, Accepted};
use crate::domain::pending_pairings::Way;
use crate::kit::Phone;
use crate::kit::ids::{AccountId, ConversationId, SessionId};
use crate::platform::tx::Tx;

/// A patient who has come by a link token, a pending pairing or an invite.
pub struct Follow<'a> {
    pub account_id: &'a AccountId,
    pub patient: &'a Patient,
    pub session_id: &'a SessionId,
    /// The link and practice that the entry resolved to.
    pub way: &'a Way,
    pub phone: &'a Phone,
}

/// Pairs the patient with the practice. This accepts the invite, if there is one; an invite vouches for the
/// identity of a patient who has the name on it.
pub fn pair(tx: &mut Tx, who: &Follow<'_>) -> Result<Paired, conversations::Refusal> {
    let Way { to, method, invite } = who.way;
    if let Some(accepted) = invite.as_ref().and_then(|it| it.conversation_id.as_ref()) {
        return repeat(tx, who, accepted);
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
    let paired = conversations::pair(tx, &new)?;
    if let Some(invite) = invite {
        let accepted = Accepted {
            account_id: who.account_id,
            pairing_id: &paired.pairing.id,
            conversation_id: &paired.conversation.id,
            name_agrees,
        };
        invites::accept(tx, invite, &accepted)?;
    }
    Ok(paired)
}

/// Replies to a retry whose first reply was lost. The invite is used up: it pairs no other patient, and a
/// name that the patient was given since vouches for nothing.
fn repeat(
    tx: &mut Tx,
    who: &Follow<'_>,
    conversation_id: &ConversationId,
) -> Result<Paired, conversations::Refusal> {
    let found = conversations::find(tx, who.account_id, Sight::All, conversation_id)?;
    let found = found.filter(|conversation| conversation.patient.id == who.patient.id);
    let conversation = found.ok_or(conversations::Refusal::Blocked)?;
    Ok(conversations::paired(tx, &conversation.pairing_id, false)?)
}
