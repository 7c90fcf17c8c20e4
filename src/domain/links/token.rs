//! Link tokens: JWTs of type `link+jwt`, valid for 30 days.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::link_analytics::Step;
use crate::kit::{LinkId, LinkTapId, Secret, Timestamp};
use crate::platform::Service;

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

/// A link token whose signature was checked. It is made outside of a unit of work, because checking a
/// signature takes longer than most statements. Whether it was valid is asked where it is used: a repeated
/// request whose first response was lost is answered without it.
pub struct ReadToken(Option<Claims>);

impl ReadToken {
    pub fn read(service: &Service, token: &Secret) -> Self {
        Self(service.keys.verify(token.expose(), TYPE, AUDIENCE))
    }

    /// Returns the link id and the source if the token has a valid signature and has not expired.
    pub(super) fn claim(&self, now: Timestamp) -> Option<(&LinkId, Source)> {
        let claims = self.0.as_ref()?;
        (claims.exp > now.seconds()).then_some((&claims.sub, claims.source))
    }
}
