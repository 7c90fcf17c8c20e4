//! Link tokens: JWTs of type `link+jwt`, valid for 30 days.

use std::time::Duration;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use utoipa::ToSchema;

use crate::domain::link_analytics::Step;
use crate::kit::ids::{LinkId, LinkTapId};
use crate::kit::{Secret, Timestamp};
use crate::platform::tx::Tx;
use crate::text_enum;

const LIFE: Duration = Duration::from_hours(30 * 24);
const TYPE: &str = "link+jwt";
const AUDIENCE: &str = "practice-links:link";

/// How a code reached the device. Each of these is exact: the device itself held the code.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum Source {
    /// The link itself opened the installed app.
    UniversalLink,
    /// Google Play passed the code on after the install.
    PlayReferrer,
    /// The link opened an App Clip.
    AppClip,
    /// The code was pasted, with the patient's consent.
    Pasteboard,
    /// The patient typed the code.
    Typed,
    /// The QR code was scanned in the app.
    Scanned,
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

text_enum!(Source);

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

pub fn sign(tx: &Tx, link_id: &LinkId, source: Source) -> Option<LinkToken> {
    let expires_at = tx.now + LIFE;
    let claims = Claims {
        iss: tx.settings.public_url.clone(),
        aud: AUDIENCE.to_owned(),
        sub: link_id.to_owned(),
        jti: tx.id(),
        source,
        iat: tx.now.seconds(),
        exp: expires_at.seconds(),
    };
    let token = Secret::from_client(&tx.keys.sign(tx.now, TYPE, &claims)?);
    Some(LinkToken { token, expires_at })
}

/// Returns the link id and the source if the token has a valid signature and has not expired.
pub fn verify(tx: &Tx, token: &str) -> Option<(LinkId, Source)> {
    let claims: Claims = tx.keys.verify(token, TYPE, AUDIENCE)?;
    (claims.exp > tx.now.seconds()).then_some((claims.sub, claims.source))
}
