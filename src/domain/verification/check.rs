//! Checking a code. A check is counted before the code is compared.

use std::time::Duration;

use super::{Error, Session, Verification, code, emit, ensure_open, exhausted, proof, store};
use crate::domain::events::EventKind;
use crate::domain::pending_pairings::{self, PendingPairing};
use crate::kit::{Secret, VerificationId};
use crate::platform::Tx;

/// Wrong codes are counted per number and day.
const DAY: Duration = Duration::from_hours(24);
/// After this many wrong codes in a row, the number is locked (NIST SP 800-63B-4, 3.2.2).
pub const HARD_STOP: i32 = 100;
/// After a day's free checks, the wait doubles from the first of these up to the second.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

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
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    if session.verified_at.is_some() {
        return repeat(tx, session, secret, code);
    }
    if store::take_number_check(tx.conn, &session.phone_key, HARD_STOP, tx.now, tx.now + DAY)?.is_none() {
        return Err(refused_by_number(tx, session)?);
    }
    if let Some(session) = store::take_session_check(tx.conn, id, tx.settings.verification.checks, tx.now)? {
        return compare(tx, session, secret, code);
    }
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    if session.verified_at.is_none() {
        ensure_open(tx, &session)?;
        return Err(Error::CodeExpired);
    }
    // Verified while this check waited for the number's lock: return what it took there.
    store::return_number_check(tx.conn, &session.phone_key)?;
    repeat(tx, session, secret, code)
}

fn compare(tx: &mut Tx, session: Session, secret: &Secret, code: &str) -> Result<CheckOutcome, Error> {
    if !code::matches(tx.keys, &session, code).ok_or(Error::KeysMissing)? {
        return wrong(tx, session);
    }
    let proof = proof::derive(tx, &session, secret).ok_or(Error::KeysMissing)?;
    let proof_ends = tx.now + tx.settings.verification.proof_life();
    store::clear_number_checks(tx.conn, &session.phone_key)?;
    let session = store::mark_verified(tx.conn, &session.id, &proof.hash(), tx.now, proof_ends)?;
    emit(tx, &session, EventKind::VerificationApproved);
    approved(tx, session, proof)
}

/// A check of a session that is already verified. The reply to the correct code may have been lost, so
/// the same code yields the same proof, whatever strangers do to the number meanwhile: these checks
/// are counted on the session only, as many again as it had. A wrong code yields nothing, and the
/// owner's proof stays valid.
fn repeat(tx: &mut Tx, session: Session, secret: &Secret, code: &str) -> Result<CheckOutcome, Error> {
    if session.proof_expires_at.is_none_or(|at| at <= tx.now) {
        return Err(Error::ProofExpired);
    }
    let limit = tx.settings.verification.checks.saturating_mul(2);
    let Some(counted) = store::take_repeated_check(tx.conn, &session.id, limit)? else {
        return Err(exhausted(tx, session)?);
    };
    if !code::matches(tx.keys, &session, code).ok_or(Error::KeysMissing)? {
        let verification = Verification::of(tx, counted)?;
        return Ok(CheckOutcome { proof: None, pending: Vec::new(), verification });
    }
    store::return_repeated_check(tx.conn, &session.id)?;
    let proof = proof::derive(tx, &session, secret).ok_or(Error::KeysMissing)?;
    approved(tx, session, proof)
}

fn approved(tx: &mut Tx, session: Session, proof: Secret) -> Result<CheckOutcome, Error> {
    let verification = Verification::of(tx, session)?;
    let session = &verification.session;
    let pending = pending_pairings::of_number(tx, &session.phone_key, session.link_id.as_ref())?;
    Ok(CheckOutcome { proof: Some(proof), pending, verification })
}

fn wrong(tx: &mut Tx, session: Session) -> Result<CheckOutcome, Error> {
    let fails = store::fails_today(tx.conn, &session.phone_key)?;
    let over = fails.saturating_sub(tx.settings.verification.number_checks);
    if let Ok(doublings) = u32::try_from(over) {
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(doublings.min(10))).min(LONGEST_WAIT);
        store::delay_number_checks(tx.conn, &session.phone_key, tx.now + wait)?;
    }
    let verification = Verification::of(tx, session)?;
    Ok(CheckOutcome { proof: None, pending: Vec::new(), verification })
}

fn refused_by_number(tx: &mut Tx, session: Session) -> Result<Error, Error> {
    let verification = Verification::of(tx, session)?;
    Ok(match verification.timers.number_check_at {
        None => Error::NumberLocked,
        Some(at) => Error::CheckLimited(at.wait_from(tx.now), Box::new(verification)),
    })
}
