//! The phone proof: the token that a correct code yields, good for one account or one session.

use super::{Refusal, Session, store};
use crate::kit::ids::{AccountId, PairingId, SessionId, VerificationId};
use crate::kit::{Phone, Secret, secret};
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// Derives the proof from the client's secret, so that a repeated check returns the same proof and the
/// database, which contains neither, cannot produce it.
pub(super) fn derive(tx: &Tx, session: &Session, client_secret: &Secret) -> Option<Secret> {
    let key = tx.keys.code_secret(&session.key_id)?;
    let (id, client_secret) = (session.id.as_str(), client_secret.expose());
    let parts = [b"phone-proof".as_slice(), id.as_bytes(), client_secret.as_bytes()];
    Some(Secret::from_bytes("pp", &secret::mac(key, &parts)))
}

/// A number that was just proven, and what its proof was used for so far.
pub struct Proven {
    pub verification_id: VerificationId,
    pub phone: Phone,
    pub made: Option<Made>,
}

pub struct Made {
    pub account_id: AccountId,
    /// The pairing, if the proof was used for a sign-up.
    pub pairing_id: Option<PairingId>,
    pub session_id: Option<SessionId>,
}

/// The number of `proof`, without consuming it, for callers that may still refuse and leave it valid.
/// `None` if the proof was used already or is invalid: consuming it tells which.
pub fn peek(tx: &mut Tx, proof: &Secret) -> db::Result<Option<Phone>> {
    let session = store::find_by_proof(tx.conn, &proof.hash())?;
    let session = session.filter(|session| session.proof_account_id.is_none());
    let session = session.filter(|session| session.proof_expires_at.is_some_and(|at| at > tx.now));
    Ok(session.and_then(|session| Phone::from_stored(session.phone.as_deref()?).ok()))
}

/// Consumes `proof`, once. A second call finds what the first one used it for.
pub fn consume_proof(tx: &mut Tx, proof: &Secret) -> Result<Proven, Refusal> {
    let hash = proof.hash();
    let (session, made) = if let Some(session) = store::consume_proof(tx.conn, &hash, tx.now)? {
        (session, None)
    } else {
        let session = store::find_by_proof(tx.conn, &hash)?.ok_or(Refusal::ProofInvalid)?;
        let made = Made {
            account_id: session.proof_account_id.clone().ok_or(Refusal::ProofExpired)?,
            pairing_id: session.proof_pairing_id.clone(),
            session_id: session.proof_session_id.clone(),
        };
        (session, Some(made))
    };
    if session.proof_expires_at.is_none_or(|at| at <= tx.now) {
        return Err(Refusal::ProofExpired);
    }
    let stored = session.phone.as_deref().ok_or(Refusal::ProofExpired)?;
    let phone = Phone::from_stored(stored).map_err(|_| Refusal::ProofInvalid)?;
    Ok(Proven { verification_id: session.id, phone, made })
}

/// Records what a consumed proof was used for.
pub fn record_made(tx: &mut Tx, proven: &Proven, made: &Made) -> db::Result<()> {
    store::record_made(tx.conn, &proven.verification_id, made)
}
