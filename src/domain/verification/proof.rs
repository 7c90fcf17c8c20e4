//! The phone proof: the token that a correct code yields, good for one account or one session.

use super::{Error, Session, store};
use crate::kit::{AccountId, PairingId, Phone, Secret, SessionId, VerificationId, secret};
use crate::platform::{Tx, db};

/// Derives the proof from the client's secret, so that a repeated check returns the same proof and the
/// database, which contains neither, cannot produce it.
pub(super) fn derive(tx: &Tx, session: &Session, client_secret: &Secret) -> Option<Secret> {
    let key = tx.keys.code_secret(&session.kid)?;
    let (id, client_secret) = (session.id.as_str(), client_secret.expose());
    let parts = [b"phone-proof".as_slice(), id.as_bytes(), client_secret.as_bytes()];
    Some(Secret::from_bytes("pp", &secret::mac(key, &parts)))
}

/// A number that was just verified.
pub struct VerifiedPhone {
    pub verification_id: VerificationId,
    pub phone: Phone,
    /// What the proof was used for by an earlier call.
    pub earlier_use: Option<ProofUse>,
}

/// What a phone proof was used for.
pub struct ProofUse {
    pub account_id: AccountId,
    /// The pairing, if it was a sign-up.
    pub pairing_id: Option<PairingId>,
    pub session_id: Option<SessionId>,
}

/// The number of `proof`, without consuming it, for callers that may still refuse and leave it valid.
/// `None` if the proof was used already or is invalid: consuming it tells which.
pub fn peek(tx: &mut Tx, proof: &Secret) -> db::Result<Option<Phone>> {
    let session = store::find_by_proof(tx.conn, &proof.hash())?;
    let session = session.filter(|session| session.proof_account_id.is_none());
    let session = session.filter(|session| session.proof_expires_at.is_some_and(|at| at > tx.now));
    Ok(session.and_then(|session| session.number()))
}

/// Consumes `proof`, once, and records what for, if that is known already; otherwise [`record_proof_use`]
/// follows. A second call finds what the first one used it for.
pub fn consume_proof(
    tx: &mut Tx,
    proof: &Secret,
    proof_use: Option<&ProofUse>,
) -> Result<VerifiedPhone, Error> {
    let hash = proof.hash();
    let consumed = store::consume_proof(tx.conn, &hash, proof_use, tx.now)?;
    let (session, earlier_use) = if let Some(session) = consumed {
        (session, None)
    } else {
        let session = store::find_by_proof(tx.conn, &hash)?.ok_or(Error::ProofInvalid)?;
        let earlier_use = ProofUse {
            account_id: session.proof_account_id.clone().ok_or(Error::ProofExpired)?,
            pairing_id: session.proof_pairing_id.clone(),
            session_id: session.proof_session_id.clone(),
        };
        (session, Some(earlier_use))
    };
    if session.proof_expires_at.is_none_or(|at| at <= tx.now) {
        return Err(Error::ProofExpired);
    }
    let stored = session.phone.as_deref().ok_or(Error::ProofExpired)?;
    let phone = Phone::from_stored(stored).map_err(|_| Error::ProofInvalid)?;
    Ok(VerifiedPhone { verification_id: session.id, phone, earlier_use })
}

/// Records what a consumed proof was used for.
pub fn record_proof_use(tx: &mut Tx, verified: &VerifiedPhone, proof_use: &ProofUse) -> db::Result<()> {
    store::record_proof_use(tx.conn, &verified.verification_id, proof_use)
}
