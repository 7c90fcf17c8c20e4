//! Link tokens: JWTs of type `link+jwt`, good for 30 days.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Ctx;
use crate::funnel::Step;
use crate::kit::{Secret, Timestamp};

const LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "link+jwt";
const AUDIENCE: &str = "practice-links:link";

/// How a code reached the device. Each of these is exact: the device itself held the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The installed app was opened by the link itself.
    UniversalLink,
    /// Google Play handed the code over after the install.
    PlayReferrer,
    /// An App Clip was opened by the link.
    AppClip,
    /// Pasted, with the patient's consent.
    Pasteboard,
    /// Typed in.
    Typed,
    /// Scanned in the app.
    Scanned,
}

impl Source {
    /// What a token of this source counts as in the link's funnel. The other ways begin on the page, which
    /// counts for itself.
    pub fn step(self) -> Option<Step> {
        match self {
            Self::Typed => Some(Step::CodeTyped),
            Self::Scanned => Some(Step::Scan),
            _ => None,
        }
    }

    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UniversalLink => "universal_link",
            Self::PlayReferrer => "play_referrer",
            Self::AppClip => "app_clip",
            Self::Pasteboard => "pasteboard",
            Self::Typed => "typed",
            Self::Scanned => "scanned",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The link's id.
    sub: String,
    /// The click session: one per token.
    jti: String,
    source: Source,
    iat: i64,
    exp: i64,
}

/// A signed token and its end.
pub struct LinkToken {
    /// What the app hands in at sign-up.
    pub token: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Signs a token for `link_id`.
pub fn sign(ctx: &Ctx, link_id: &str, source: Source) -> Option<LinkToken> {
    let expires_at = ctx.now + LIFE;
    let claims = Claims {
        iss: ctx.config.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: link_id.to_owned(),
        jti: ctx.id("clk"),
        source,
        iat: ctx.now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&ctx.keys.sign(ctx.now, TYPE, &claims)?);
    Some(LinkToken { token, expires_at })
}

/// The link's id and the source, where the token is ours and still good.
pub fn verify(ctx: &Ctx, token: &str) -> Option<(String, Source)> {
    let claims: Claims = ctx.keys.verify(token, TYPE, AUDIENCE)?;
    (claims.exp > ctx.now.seconds()).then_some((claims.sub, claims.source))
}
