//! Checking a code. A check is counted before the code is compared.

use super::number::{self, NumberRow};
use super::{Error, Session, Verification, code, emit, ensure_open, exhausted, proof, store};
use crate::domain::events::EventKind;
use crate::domain::pending_pairings::{self, PendingPairing};
use crate::kit::{Secret, VerificationId};
use crate::platform::Tx;

/// The outcome of a check whose code was compared.
pub struct CheckOutcome {
    /// The phone proof, if the code was correct.
    pub proof: Option<Secret>,
    /// The number's pending pairings, if the code was correct.
    pub pending: Vec<PendingPairing>,
    /// The session after the check.
    pub verification: Verification,
}

/// Compares a code, in this order: take a check from the number, then from the session; compare; settle.
pub fn check(tx: &mut Tx, id: &VerificationId, secret: &Secret, code: &str) -> Result<CheckOutcome, Error> {
    let Some(number) = number::take_check(tx, id, &secret.hash())? else {
        return not_taken(tx, id, secret, code);
    };
    if let Some(session) = store::take_session_check(tx.conn, id, tx.settings.verification.checks, tx.now)? {
        return compare(tx, session, number, secret, code);
    }
    let (session, number) = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    if session.verified_at.is_none() {
        ensure_open(tx, &session, &number)?;
        return Err(Error::CodeExpired);
    }
    // Verified while this check waited for the number's lock: return what it took there.
    number::return_check(tx, &session.phone_key)?;
    repeat(tx, session, &number, secret, code)
}

/// A check that the number did not give: why.
fn not_taken(tx: &mut Tx, id: &VerificationId, secret: &Secret, code: &str) -> Result<CheckOutcome, Error> {
    let (session, number) = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    if session.verified_at.is_some() {
        return repeat(tx, session, &number, secret, code);
    }
    let verification = Verification::of(tx, session, &number)?;
    Err(match verification.timers.number_check_at {
        None => Error::NumberLocked,
        Some(at) => Error::CheckLimited(at.wait_from(tx.now), Box::new(verification)),
    })
}

fn compare(
    tx: &mut Tx,
    session: Session,
    number: NumberRow,
    secret: &Secret,
    code: &str,
) -> Result<CheckOutcome, Error> {
    if !code::matches(tx.keys, &session, code).ok_or(Error::KeysMissing)? {
        return wrong(tx, session, number);
    }
    let proof = proof::derive(tx, &session, secret).ok_or(Error::KeysMissing)?;
    let proof_ends = tx.now + tx.settings.verification.proof_life();
    number::clear_checks(tx, &session.phone_key)?;
    let session = store::mark_verified(tx.conn, &session.id, &proof.hash(), tx.now, proof_ends)?;
    let through = (session.link_id.as_ref(), session.practice_id.as_ref());
    emit(tx, &session.id, through, EventKind::VerificationApproved);
    approved(tx, session, &number, proof)
}

/// A check of a session that is already verified. The reply to the correct code may have been lost, so
/// the same code yields the same proof, whatever strangers do to the number meanwhile: these checks
/// are counted on the session only, as many again as it had. A wrong code yields nothing, and the
/// owner's proof stays valid.
fn repeat(
    tx: &mut Tx,
    session: Session,
    number: &NumberRow,
    secret: &Secret,
    code: &str,
) -> Result<CheckOutcome, Error> {
    if session.proof_expires_at.is_none_or(|at| at <= tx.now) {
        return Err(Error::ProofExpired);
    }
    let limit = tx.settings.verification.checks.saturating_mul(2);
    let Some(counted) = store::take_repeated_check(tx.conn, &session.id, limit)? else {
        return Err(exhausted(tx, session, number)?);
    };
    if !code::matches(tx.keys, &session, code).ok_or(Error::KeysMissing)? {
        let verification = Verification::of(tx, counted, number)?;
        return Ok(CheckOutcome { proof: None, pending: Vec::new(), verification });
    }
    store::return_repeated_check(tx.conn, &session.id)?;
    let proof = proof::derive(tx, &session, secret).ok_or(Error::KeysMissing)?;
    approved(tx, session, number, proof)
}

fn approved(tx: &mut Tx, session: Session, number: &NumberRow, proof: Secret) -> Result<CheckOutcome, Error> {
    let verification = Verification::of(tx, session, number)?;
    let session = &verification.session;
    let pending = pending_pairings::of_number(tx, &session.phone_key, session.link_id.as_ref())?;
    Ok(CheckOutcome { proof: Some(proof), pending, verification })
}

fn wrong(tx: &mut Tx, session: Session, mut number: NumberRow) -> Result<CheckOutcome, Error> {
    number::delay_checks(tx, &mut number)?;
    let verification = Verification::of(tx, session, &number)?;
    Ok(CheckOutcome { proof: None, pending: Vec::new(), verification })
}
