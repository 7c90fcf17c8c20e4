//! Patient accounts: each belongs to the holder of one proven phone number, and has sessions.
//!
//! Sign-up creates the account with its patient, pairing, conversation and first session in one
//! transaction, out of one phone proof. The proof is consumed there. A retry with the same proof finds what
//! the first call created and returns the same, so that a lost reply costs nothing. It also finds the same
//! session, and fails once that has ended: a proof opens only one session.

pub mod email;
mod number;
mod pairing;
pub mod patients;
mod session;
pub mod sign_up;
mod store;
mod token;

use serde_json::json;

pub use number::{NumberChangedTopic, change_number};
pub use pairing::{PairingOutcome, PairingRequest, pair, pair_patient};
pub use patients::{add_patient, change_patient, patient, patients};
pub use session::{Principal, RefreshOutcome, Tokens};
pub use session::{authenticate, authenticate_to_change, refresh, sign_in, sign_out};
pub use sign_up::{NewAccount, SignUp, SignUpOutcome, sign_up};
pub use store::{Account, NewPatient, Patient, PatientChange};
pub use token::AccessToken;

pub use crate::domain::conversations::{Relation, Scope};

use crate::domain::conversations::Access;
use crate::domain::events::EventKind;
use crate::domain::pairing::EndReason;
use crate::domain::{invites, pairing as pairings, pending_pairings, verification};
use crate::kit::{AccountId, Wait};
use crate::platform::{Tx, db};

/// Errors of account operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The link token, pending pairing or invite cannot be resolved.
    #[error(transparent)]
    EntryPoint(#[from] pending_pairings::Error),
    #[error(transparent)]
    Proof(#[from] verification::Error),
    /// The number already has an account; the proof stays valid for signing in.
    #[error("account exists")]
    AccountExists,
    /// The number has no account; the proof stays valid for signing up.
    #[error("account not found")]
    AccountNotFound,
    /// The proof was already used for something else.
    #[error("phone proof consumed")]
    ProofConsumed,
    /// The access token is missing, invalid or expired, or its session has ended.
    #[error("unauthorized")]
    Unauthorized,
    #[error("refresh token invalid")]
    RefreshInvalid,
    /// The refresh token was used before: its whole token family is revoked.
    #[error("refresh token reused")]
    RefreshReused,
    /// A restricted session may not do this.
    #[error("session restricted")]
    Restricted,
    /// The session already has full access.
    #[error("session not restricted")]
    Unrestricted,
    #[error("email unproven")]
    EmailUnproven,
    /// The practice refuses the pairing because it blocked the patient.
    #[error(transparent)]
    Pairing(#[from] pairings::Error),
    /// Too many e-mails; the wait says when the next one may be sent.
    #[error("mail limited")]
    MailLimited(Wait),
    /// The code's 30 minutes are over, or its tries are used up.
    #[error("email code expired")]
    EmailCodeExpired,
    /// The account has no such patient that this session may see.
    #[error("patient not found")]
    PatientNotFound,
    #[error("keys missing")]
    KeysMissing,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// The account of `id`; `Unauthorized` once it is deleted.
pub fn account(tx: &mut Tx, id: &AccountId) -> Result<Account, Error> {
    store::find_account(tx.conn, id)?.ok_or(Error::Unauthorized)
}

/// Deletes an account: ends every pairing and session, and erases number, e-mail and birth dates. The names
/// stay in the closed conversations, which by then are part of the practice's medical record.
pub fn delete(tx: &mut Tx, who: &Principal) -> Result<(), Error> {
    let all = Access::all(&who.account_id);
    for details in pairings::list(tx, all, "", i64::MAX)? {
        pairings::end(tx, all, &details.pairing.id, EndReason::Left)?;
    }
    store::revoke_all_sessions(tx.conn, &who.account_id, tx.now)?;
    store::forget_account(tx.conn, &who.account_id, tx.now)?;
    email::forget(tx, &who.account_id)?;
    invites::forget_account(tx, &who.account_id)?;
    tx.emit(None, &who.account_id, EventKind::AccountDeleted, &who.account_id, json!({}));
    Ok(())
}
