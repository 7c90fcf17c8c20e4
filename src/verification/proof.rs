//! The phone proof: what a right code yields, for one account or one sign-in.

use super::{Refusal, Session, store};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::{Phone, Secret, secret};

/// The proof is made of the client's secret, so that a repeated check answers the same and the database,
/// which holds neither, cannot.
pub(super) fn derive(ctx: &Ctx, session: &Session, client_secret: &Secret) -> Option<Secret> {
    let key = ctx.keys.code_secret(&session.key_id)?;
    let parts = [b"phone-proof".as_slice(), session.id.as_bytes(), client_secret.expose().as_bytes()];
    Some(Secret::from_bytes("pp", &secret::mac(key, &parts)))
}

/// A number that was proven a moment ago, and what its proof has been turned into so far.
pub struct Proven {
    /// The session that proved it.
    pub verification_id: String,
    /// The number.
    pub phone: Phone,
    /// What the proof made earlier.
    pub made: Option<Made>,
}

/// What a proof was turned into.
pub struct Made {
    /// The account.
    pub account_id: String,
    /// The pairing, where it made one: then it signed up.
    pub pairing_id: Option<String>,
    /// The sign-in.
    pub session_id: Option<String>,
}

/// What `proof` proves, unspent: for whoever may have to refuse and leave it good. `None` where it has made something
/// already, or is not good: consuming it tells which.
pub fn peek(ctx: &Ctx, conn: &mut Conn, proof: &Secret) -> db::Result<Option<Phone>> {
    let session = store::find_by_proof(conn, &proof.hash())?;
    let session = session.filter(|session| session.proof_account_id.is_none());
    let session = session.filter(|session| session.proof_expires_at.is_some_and(|at| at > ctx.now));
    Ok(session.and_then(|session| Phone::from_stored(session.phone.as_deref()?).ok()))
}

/// Consumes `proof`, once. A second call finds what the first one made of it.
pub fn consume_proof(ctx: &Ctx, conn: &mut Conn, proof: &Secret) -> Result<Proven, Refusal> {
    let hash = proof.hash();
    let (session, made) = if let Some(session) = store::consume_proof(conn, &hash, ctx.now)? {
        (session, None)
    } else {
        let session = store::find_by_proof(conn, &hash)?.ok_or(Refusal::ProofInvalid)?;
        let made = Made {
            account_id: session.proof_account_id.clone().ok_or(Refusal::ProofExpired)?,
            pairing_id: session.proof_pairing_id.clone(),
            session_id: session.proof_session_id.clone(),
        };
        (session, Some(made))
    };
    if session.proof_expires_at.is_none_or(|at| at <= ctx.now) {
        return Err(Refusal::ProofExpired);
    }
    let stored = session.phone.as_deref().ok_or(Refusal::ProofExpired)?;
    let phone = Phone::from_stored(stored).map_err(|_| Refusal::ProofInvalid)?;
    Ok(Proven { verification_id: session.id, phone, made })
}

/// Writes down what a consumed proof was turned into.
pub fn record_made(conn: &mut Conn, proven: &Proven, made: &Made) -> db::Result<()> {
    store::record_made(conn, &proven.verification_id, made)
}
