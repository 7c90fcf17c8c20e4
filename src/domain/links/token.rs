//! Link tokens: JWTs of type `link+jwt`, valid for 30 days.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::link_analytics::Step;
use crate::kit::{LinkId, LinkTapId, Secret, Timestamp};
use crate::platform::{Service, Tx};

const LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "link+jwt";
const AUDIENCE: &str = "practice-links:link";

crate::text_enum! {
    /// How a code reached the device. Each of these is exact: the device itself held the code.
    pub enum Source {
        /// The link itself opened the installed app.
        UniversalLink = "universal_link",
        /// Google Play passed the code on after the install.
        PlayReferrer = "play_referrer",
        /// The link opened an App Clip.
        AppClip = "app_clip",
        /// The code was pasted, with the patient's consent.
        Pasteboard = "pasteboard",
        /// The patient typed the code.
        Typed = "typed",
        /// The QR code was scanned in the app.
        Scanned = "scanned",
    }
}

impl Source {
    /// Returns the funnel step that a token of this source counts as. The other sources begin on the
    /// landing page, which counts them itself.
    pub fn step(self) -> Option<Step> {
        match self {
            Self::Typed => Some(Step::CodeTyped),
            Self::Scanned => Some(Step::Scan),
            _ => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: LinkId,
    /// Id of the click session, unique per token.
    jti: LinkTapId,
    source: Source,
    iat: i64,
    exp: i64,
}

pub struct LinkToken {
    /// Token that the app sends at sign-up.
    pub token: Secret,
    pub expires_at: Timestamp,
}

pub(super) fn sign(service: &Service, link_id: &LinkId, source: Source) -> Option<LinkToken> {
    let now = service.now();
    let expires_at = now + LIFE;
    let claims = Claims {
        iss: service.settings.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: link_id.to_owned(),
        jti: service.id(),
        source,
        iat: now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&service.keys.sign(now, TYPE, &claims)?);
    Some(LinkToken { token, expires_at })
}

/// Returns the link id and the source if the token has a valid signature and has not expired.
pub(super) fn verify(tx: &Tx, token: &str) -> Option<(LinkId, Source)> {
    let claims: Claims = tx.keys.verify(token, TYPE, AUDIENCE)?;
    (claims.exp > tx.now.seconds()).then_some((claims.sub, claims.source))
}
