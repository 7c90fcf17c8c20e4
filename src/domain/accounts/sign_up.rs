//! Signing up: an account, its first patient and session, and the pairing that they came for.

use serde_json::json;

use super::{Account, Error, NewPatient, PairingRequest, Patient, Scope, Tokens, pairing, session, store};
use crate::domain::events::EventKind;
use crate::domain::invites::{self, TokenHolder};
use crate::domain::pairing as pairings;
use crate::domain::pairing::PairingDetails;
use crate::domain::pending_pairings::{self, Applicant, EntryPoint, ResolvedEntry};
use crate::domain::verification::{self, ProofUse};
use crate::kit::{AccountId, Email, PairingId, Secret, SessionId};
use crate::platform::Tx;

pub struct SignUp {
    pub proof: Secret,
    /// The link token, pending pairing or invite that the patient came with.
    pub entry_point: EntryPoint,
    /// The first patient of the account.
    pub patient: NewPatient,
    /// The e-mail address as typed, not proven yet.
    pub email: Option<Email>,
}

/// Everything that a sign-up creates.
pub struct NewAccount {
    pub account: Account,
    pub patient: Patient,
    pub pairing: PairingDetails,
    pub tokens: Tokens,
}

/// Outcome of a sign-up. An invite that cannot be accepted (yet) is an outcome, not an error: what was
/// learned about the invite must be committed, and the proof is not consumed.
pub enum SignUpOutcome {
    Created(Box<NewAccount>),
    /// Nothing was created; the proof stays valid.
    Refused(invites::Error),
}

/// Creates account, patient, pairing, conversation and session out of a phone proof.
pub fn sign_up(tx: &mut Tx, new: &SignUp) -> Result<SignUpOutcome, Error> {
    if let EntryPoint::Invite(token) = &new.entry_point
        && let Some(phone) = verification::peek(tx, &new.proof)?
    {
        let who = TokenHolder { phone: &phone, account_id: None, email: None };
        if let Err(refused) = invites::examine(tx, token, &who)? {
            return Ok(SignUpOutcome::Refused(refused));
        }
    }
    Ok(SignUpOutcome::Created(Box::new(create(tx, new)?)))
}

fn create(tx: &mut Tx, new: &SignUp) -> Result<NewAccount, Error> {
    let (account_id, pairing_id, session_id) = (tx.id::<AccountId>(), tx.id(), tx.id());
    let proof_use = ProofUse {
        account_id: account_id.clone(),
        pairing_id: Some(PairingId::clone(&pairing_id)),
        session_id: Some(SessionId::clone(&session_id)),
    };
    let verified = verification::consume_proof(tx, &new.proof, Some(&proof_use))?;
    if let Some(earlier) = &verified.earlier_use {
        return repeat(tx, earlier);
    }
    let applicant = Applicant { account_id: &account_id, phone: &verified.phone, email: None };
    let entry = pending_pairings::resolve(tx, &new.entry_point, &applicant)?;
    let address = address(new, &entry);
    let account = store::insert_account(tx.conn, applicant.account_id, &verified.phone, &address, tx.now)?;
    let account = account.ok_or(Error::AccountExists)?;
    store::insert_session(tx, &session_id, &account.id, Scope::Full);
    let patient = store::insert_patient(tx, &account.id, &session_id, &new.patient);
    let tokens = session::issue(tx, &account.id, &session_id, Scope::Full)?;
    let (practice_id, detail) = (Some(&entry.to.practice.id), json!({ "patient": patient.id }));
    tx.emit(practice_id, &account.id, EventKind::AccountCreated, &account.id, detail);
    let request = PairingRequest {
        account_id: &account.id,
        patient: &patient,
        session_id: &session_id,
        entry: &entry,
        phone: &verified.phone,
        first: Some(&pairing_id),
    };
    let pairing = pairing::pair(tx, &request)?;
    Ok(NewAccount { account, patient, pairing, tokens })
}

/// The account's e-mail address: as given, or the one that was proven for the invite. An address that
/// equals the invite's need not be proven twice.
fn address(new: &SignUp, entry: &ResolvedEntry) -> store::Address {
    let invited = entry.invite.as_ref().and_then(|invite| Some((invite.email()?, invite.email_proven_at)));
    match (&new.email, invited) {
        (Some(given), Some((email, proven_at))) if *given == email => {
            store::Address { email: Some(email), proven_at }
        }
        (Some(given), _) => store::Address { email: Some(given.clone()), proven_at: None },
        (None, Some((email, proven_at))) => store::Address { email: Some(email), proven_at },
        (None, None) => store::Address { email: None, proven_at: None },
    }
}

/// Replies to a retry whose first reply was lost: the same objects, with fresh tokens.
fn repeat(tx: &mut Tx, earlier: &ProofUse) -> Result<NewAccount, Error> {
    let pairing_id = earlier.pairing_id.as_ref().ok_or(Error::ProofConsumed)?;
    let account = store::find_account(tx.conn, &earlier.account_id)?.ok_or(Error::ProofConsumed)?;
    let pairing = pairings::details(tx, pairing_id, false)?;
    let patient = store::find_patient(tx.conn, &account.id, &pairing.conversation.patient.id)?;
    let patient = patient.ok_or(Error::PatientNotFound)?;
    let tokens = session::issue_again(tx, earlier)?;
    Ok(NewAccount { account, patient, pairing, tokens })
}
