//! Sessions of patients: signing in, refreshing, signing out, and who a token belongs to.

use std::time::Duration;

use serde_json::json;

use super::{AccessToken, Account, Error, store, token};
use crate::domain::conversations::{Access, Scope, SessionScope};
use crate::domain::events::EventKind;
use crate::domain::pairing;
use crate::domain::verification::{self, ProofUse};
use crate::kit::{AccountId, Secret, SessionId, Timestamp};
use crate::platform::{Tx, db};

/// An unused refresh token expires after this long.
const REFRESH_LIFE: Duration = Duration::from_hours(90 * 24);

/// The tokens of a new or refreshed session.
pub struct Tokens {
    /// A JWT, valid for 15 minutes.
    pub access: AccessToken,
    /// Opaque; can be used once.
    pub refresh: Secret,
    pub scope: Scope,
}

/// Signs in on a new device. A proven number never reopens earlier messages, since numbers are recycled:
/// the session is restricted, and the older device and the practices are notified.
pub fn sign_in(tx: &mut Tx, proof: &Secret) -> Result<(Account, Tokens), Error> {
    let verified = verification::consume_proof(tx, proof, None)?;
    let account = match &verified.earlier_use {
        Some(earlier) if earlier.pairing_id.is_some() => return Err(Error::ProofConsumed),
        Some(earlier) => store::find_account(tx.conn, &earlier.account_id)?,
        None => store::find_by_phone(tx.conn, &verified.phone)?,
    };
    let account = account.ok_or(Error::AccountNotFound)?;
    if !store::lock_account(tx.conn, &account.id)? {
        return Err(Error::AccountNotFound);
    }
    if let Some(earlier) = &verified.earlier_use {
        let tokens = issue_again(tx, earlier)?;
        return Ok((account, tokens));
    }
    // While this waited for the account's lock, the account may have moved to another number.
    if store::find_by_phone(tx.conn, &verified.phone)?.is_none_or(|found| found.id != account.id) {
        return Err(Error::AccountNotFound);
    }
    let session_id = open(tx, &account.id, Scope::Restricted);
    let tokens = issue(tx, &account.id, &session_id, Scope::Restricted)?;
    let proof_use =
        ProofUse { account_id: account.id.clone(), pairing_id: None, session_id: Some(session_id.clone()) };
    verification::record_proof_use(tx, &verified, &proof_use)?;
    pairing::announce_new_device(tx, &account.id, &session_id)?;
    let detail = json!({ "scope": Scope::Restricted });
    tx.emit(None, &account.id, EventKind::SessionCreated, &session_id, detail);
    Ok((account, tokens))
}

/// Fresh tokens of the session that a proof opened, unless that has ended.
pub(super) fn issue_again(tx: &mut Tx, earlier: &ProofUse) -> Result<Tokens, Error> {
    let session_id = earlier.session_id.as_ref().ok_or(Error::ProofConsumed)?;
    let session = store::live_session(tx.conn, session_id)?.ok_or(Error::ProofConsumed)?;
    issue(tx, &session.account_id, session_id, session.scope)
}

/// Outcome of a refresh. Reuse is an outcome, not an error: an error would roll the revocation back.
pub enum RefreshOutcome {
    Tokens(Tokens),
    /// The token was used before; its family is revoked now.
    Reused,
}

/// Exchanges a refresh token for fresh tokens, once.
pub fn refresh(tx: &mut Tx, refresh: &Secret) -> Result<RefreshOutcome, Error> {
    let hash = refresh.hash();
    let Some(session_id) = store::use_refresh_token(tx.conn, &hash, tx.now)? else {
        let session_id = store::used_refresh_token(tx.conn, &hash)?.ok_or(Error::RefreshInvalid)?;
        store::revoke_session(tx.conn, &session_id, tx.now)?;
        return Ok(RefreshOutcome::Reused);
    };
    let session = store::live_session(tx.conn, &session_id)?.ok_or(Error::RefreshInvalid)?;
    let tokens = issue(tx, &session.account_id, &session_id, session.scope)?;
    Ok(RefreshOutcome::Tokens(tokens))
}

/// The caller, identified by an access token whose session has not ended.
pub struct Principal {
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub scope: Scope,
    /// Start of the session.
    pub since: Timestamp,
}

impl Principal {
    /// What this session sees of the account.
    pub fn access(&self) -> Access<'_> {
        let scope = match self.scope {
            Scope::Full => SessionScope::Full,
            Scope::Restricted => SessionScope::Restricted { session: &self.session_id, since: self.since },
        };
        Access { account_id: &self.account_id, scope }
    }
}

/// Resolves `token` to its session. The session is looked up, so that a sign-out takes effect at once and
/// not after 15 minutes.
pub fn authenticate(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Error> {
    let token = token.ok_or(Error::Unauthorized)?;
    let (account_id, session_id) = token::verify(tx, token).ok_or(Error::Unauthorized)?;
    let session = store::live_session(tx.conn, &session_id)?.ok_or(Error::Unauthorized)?;
    if session.account_id != account_id {
        return Err(Error::Unauthorized);
    }
    Ok(Principal { scope: session.scope, since: session.created_at, account_id, session_id })
}

/// [`authenticate`] for a call that changes something: the account is locked until the transaction
/// ends, and not deleted.
pub fn authenticate_to_change(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Error> {
    let who = authenticate(tx, token)?;
    match store::lock_account(tx.conn, &who.account_id)? {
        // Looked up again, since the session may have ended while this waited for the lock.
        true => authenticate(tx, token),
        false => Err(Error::Unauthorized),
    }
}

pub fn sign_out(tx: &mut Tx, who: &Principal) -> db::Result<()> {
    store::revoke_session(tx.conn, &who.session_id, tx.now)
}

pub(super) fn open(tx: &mut Tx, account_id: &AccountId, scope: Scope) -> SessionId {
    let id = tx.id();
    store::insert_session(tx, &id, account_id, scope);
    id
}

pub(super) fn issue(
    tx: &mut Tx,
    account_id: &AccountId,
    session_id: &SessionId,
    scope: Scope,
) -> Result<Tokens, Error> {
    let refresh = tx.secret("rt");
    let ends = tx.now + REFRESH_LIFE;
    store::insert_refresh_token(tx, refresh.hash(), session_id, ends);
    let access = token::sign(tx, account_id, session_id, scope).ok_or(Error::KeysMissing)?;
    Ok(Tokens { access, refresh, scope })
}
