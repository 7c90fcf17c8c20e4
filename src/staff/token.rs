//! Staff tokens: JWTs of type `staff+jwt` with an audience of their own, so that a patient's token is
//! worthless at the practice's doors and the other way round.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::Ctx;
use crate::kit::{Secret, Timestamp};

/// A development token's life. A signed-in one will live for minutes.
const LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "staff+jwt";
const AUDIENCE: &str = "practice-links:staff";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The staff member.
    sub: String,
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

/// Signs a token for a staff member.
pub fn sign(ctx: &Ctx, staff_id: &str) -> Option<StaffToken> {
    let expires_at = ctx.now + LIFE;
    let claims = Claims {
        iss: ctx.config.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: staff_id.to_owned(),
        iat: ctx.now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&ctx.keys.sign(ctx.now, TYPE, &claims)?);
    Some(StaffToken { token, expires_at })
}

/// The staff member, where the token is ours and still good.
pub fn verify(ctx: &Ctx, token: &Secret) -> Option<String> {
    let claims: Claims = ctx.keys.verify(token.expose(), TYPE, AUDIENCE)?;
    (claims.exp > ctx.now.seconds()).then_some(claims.sub)
}
