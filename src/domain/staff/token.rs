//! Staff tokens: JWTs of type `staff+jwt` with their own audience, so that a patient's token is rejected by
//! the practice API and a staff token by the patient API.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kit::{Secret, StaffId, StaffSessionId, Timestamp};
use crate::platform::Tx;

/// Lifetime of an access token.
const LIFE: Duration = Duration::from_mins(15);
/// Lifetime of a development token, which replaces signing in.
const DEVELOPMENT_LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "staff+jwt";
const AUDIENCE: &str = "practice-links:staff";

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// The staff member's id.
    pub sub: StaffId,
    /// The session id; a development token has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<StaffSessionId>,
    iat: i64,
    exp: i64,
}

pub struct StaffToken {
    /// Sent as `Authorization: Bearer` with every call to the practice API.
    pub token: Secret,
    pub expires_at: Timestamp,
}

/// Signs an access token for a session; without a session it is a development token.
pub(super) fn sign(tx: &Tx, staff_id: &StaffId, session_id: Option<&StaffSessionId>) -> Option<StaffToken> {
    let life = if session_id.is_some() { LIFE } else { DEVELOPMENT_LIFE };
    let expires_at = tx.now + life;
    let claims = Claims {
        iss: tx.settings.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: staff_id.to_owned(),
        sid: session_id.cloned(),
        iat: tx.now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&tx.keys.sign(tx.now, TYPE, &claims)?);
    Some(StaffToken { token, expires_at })
}

/// Returns the claims of a token that we signed and that has not expired.
pub(super) fn verify(tx: &Tx, token: &Secret) -> Option<Claims> {
    let claims: Claims = tx.keys.verify(token.expose(), TYPE, AUDIENCE)?;
    let is_ours = claims.iss == tx.settings.public_url;
    (is_ours && claims.exp > tx.now.seconds()).then_some(claims)
}
