//! Pairing through a resolved entry point, for a new account and for one that is signed in.

use super::{Patient, Principal, Scope, account, patient};
use crate::domain::conversations::{self, Access};
use crate::domain::invites::{self, Acceptance, TokenHolder};
use crate::domain::pairing::{self, Error, Invitation, NewPairing, PairingDetails};
use crate::domain::pending_pairings::{self, Applicant, EntryPoint, ResolvedEntry};
use crate::kit::{AccountId, ConversationId, PairingId, PatientId, Phone, SessionId};
use crate::platform::Tx;

/// The pairing that a patient asks for by a link token, a pending pairing or an invite.
pub struct PairingRequest<'a> {
    pub account_id: &'a AccountId,
    pub patient: &'a Patient,
    pub session_id: &'a SessionId,
    /// The link and practice that the entry resolved to.
    pub entry: &'a ResolvedEntry,
    pub phone: &'a Phone,
    /// The id of the pairing, if account and patient are made in this unit of work.
    pub first: Option<&'a PairingId>,
}

/// Outcome of a pairing request. An invite that cannot be accepted (yet) is an outcome, not an error: what
/// was learned about the invite must be committed.
pub enum PairingOutcome {
    Paired(Box<PairingDetails>),
    Refused(invites::Error),
}

/// Pairs a patient of a signed-in account with the practice that `entry_point` resolves to; without an id,
/// the first visible patient.
pub fn pair_patient(
    tx: &mut Tx,
    who: &Principal,
    entry_point: &EntryPoint,
    patient_id: Option<&PatientId>,
) -> Result<PairingOutcome, super::Error> {
    let account = account(tx, &who.account_id)?;
    let phone = account.number().ok_or(super::Error::Unauthorized)?;
    // The e-mail address proven on the account says nothing about a stranger with its recycled number.
    let email = account.proven_email().filter(|_| who.scope == Scope::Full);
    if let EntryPoint::Invite(token) = entry_point {
        let holder = TokenHolder { phone: &phone, account_id: Some(&who.account_id), email };
        if let Err(refused) = invites::examine(tx, token, &holder)? {
            return Ok(PairingOutcome::Refused(refused));
        }
    }
    let applicant = Applicant { account_id: &who.account_id, phone: &phone, email };
    let entry = pending_pairings::resolve(tx, entry_point, &applicant)?;
    let patient = patient(tx, who, patient_id)?;
    let request = PairingRequest {
        account_id: &who.account_id,
        patient: &patient,
        session_id: &who.session_id,
        entry: &entry,
        phone: &phone,
        first: None,
    };
    Ok(PairingOutcome::Paired(Box::new(pair(tx, &request)?)))
}

/// Pairs the patient with the practice. This accepts the invite, if there is one; an invite vouches for the
/// identity of a patient who has the name on it.
pub fn pair(tx: &mut Tx, request: &PairingRequest<'_>) -> Result<PairingDetails, Error> {
    let ResolvedEntry { to, method, invite } = request.entry;
    if let Some(conversation_id) = invite.as_ref().and_then(|it| it.conversation_id.as_ref()) {
        return repeat(tx, request, conversation_id);
    }
    let name_agrees =
        invite.as_ref().is_some_and(|it| it.names(&request.patient.given_name, &request.patient.family_name));
    let new = NewPairing {
        account_id: request.account_id,
        patient: &request.patient.card(),
        first: request.first,
        session_id: request.session_id,
        to,
        method: *method,
        phone: request.phone,
        invite: invite.as_ref().map(|it| Invitation { id: &it.id, vouches: name_agrees }),
    };
    let details = pairing::pair(tx, &new)?;
    if let Some(invite) = invite {
        tx.flush()?;
        let acceptance = Acceptance {
            account_id: request.account_id,
            pairing_id: &details.pairing.id,
            conversation_id: &details.conversation.id,
            name_agrees,
        };
        invites::accept(tx, invite, &acceptance)?;
    }
    Ok(details)
}

/// Replies to a retry whose first reply was lost. The invite is used up: it pairs no other patient, and a
/// name that the patient was given since vouches for nothing.
fn repeat(
    tx: &mut Tx,
    request: &PairingRequest<'_>,
    conversation_id: &ConversationId,
) -> Result<PairingDetails, Error> {
    let found = conversations::find(tx, Access::all(request.account_id), conversation_id)?;
    let found = found.filter(|conversation| conversation.patient.id == request.patient.id);
    let conversation = found.ok_or(Error::Blocked)?;
    Ok(pairing::details(tx, &conversation.pairing_id, false)?)
}
