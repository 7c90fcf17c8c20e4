//! Access tokens: JWTs of type `at+jwt` (RFC 9068), good for 15 minutes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::kit::{AccountId, Secret, SessionId};
use crate::platform::Tx;

const LIFE: Duration = Duration::from_mins(15);
const TYPE: &str = "at+jwt";
/// Staff tokens have an audience of their own: a patient's token is worthless there, and vice versa.
const AUDIENCE: &str = "practice-links:patient";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    sid: SessionId,
    scope: Scope,
    iat: i64,
    exp: i64,
}

/// A signed token and its lifetime.
pub struct AccessToken {
    pub token: Secret,
    /// Lifetime in seconds, as in OAuth's `expires_in`.
    pub expires_in: u64,
}

/// Signs a token for one session of an account; `None` without a signing key.
pub(super) fn sign(
    tx: &Tx,
    account_id: &AccountId,
    session_id: &SessionId,
    scope: Scope,
) -> Option<AccessToken> {
    let claims = Claims {
        iss: tx.settings.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: account_id.clone(),
        sid: session_id.clone(),
        scope,
        iat: tx.now.seconds(),
        exp: (tx.now + LIFE).seconds(),
    };
    let token = Secret::from_client(&tx.keys.sign(tx.now, TYPE, &claims)?);
    Some(AccessToken { token, expires_in: LIFE.as_secs() })
}

/// Account id and session id, if the signature is ours and the token has not expired.
pub(super) fn verify(tx: &Tx, token: &Secret) -> Option<(AccountId, SessionId)> {
    let claims: Claims = tx.keys.verify(token.expose(), TYPE, AUDIENCE)?;
    (claims.exp > tx.now.seconds()).then_some((claims.sub, claims.sid))
}
