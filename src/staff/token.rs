//! Staff tokens: JWTs of type `staff+jwt` with an audience of their own, so that a patient's token is
//! worthless at the practice's doors and the other way round.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::Ctx;
use crate::kit::{Secret, Timestamp};

/// An access token's life.
const LIFE: Duration = Duration::from_mins(15);
/// A development token's life: it stands in for signing in.
const DEVELOPMENT_LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "staff+jwt";
const AUDIENCE: &str = "practice-links:staff";

/// What a token says.
#[derive(Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The staff member.
    pub sub: String,
    /// The sign-in; a development token has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    iat: i64,
    exp: i64,
}

/// A signed token and its end.
pub struct StaffToken {
    /// `Authorization: Bearer` of every call to the practice's doors.
    pub token: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Signs a token for a sign-in of a staff member; without one it is for development.
pub fn sign(ctx: &Ctx, staff_id: &str, session_id: Option<&str>) -> Option<StaffToken> {
    let life = if session_id.is_some() { LIFE } else { DEVELOPMENT_LIFE };
    let expires_at = ctx.now + life;
    let claims = Claims {
        iss: ctx.config.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: staff_id.to_owned(),
        sid: session_id.map(str::to_owned),
        iat: ctx.now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&ctx.keys.sign(ctx.now, TYPE, &claims)?);
    Some(StaffToken { token, expires_at })
}

/// What the token says, where it is ours and still good.
pub fn verify(ctx: &Ctx, token: &Secret) -> Option<Claims> {
    let claims: Claims = ctx.keys.verify(token.expose(), TYPE, AUDIENCE)?;
    let is_ours = claims.iss == ctx.config.public_url;
    (is_ours && claims.exp > ctx.now.seconds()).then_some(claims)
}
