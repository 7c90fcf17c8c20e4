//! How a patient reached a practice.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use super::Source;
use crate::text_enum;

/// How the link or invite reached the patient's device.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = PairingMethod)]
pub enum Method {
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
    /// The patient entered the phone number on the landing page, and proved it in the app.
    PhoneFirst,
    /// The patient accepted an invite.
    Invite,
}

text_enum!(Method);

impl From<Source> for Method {
    fn from(source: Source) -> Self {
        match source {
            Source::UniversalLink => Self::UniversalLink,
            Source::PlayReferrer => Self::PlayReferrer,
            Source::AppClip => Self::AppClip,
            Source::Pasteboard => Self::Pasteboard,
            Source::Typed => Self::Typed,
            Source::Scanned => Self::Scanned,
        }
    }
}
