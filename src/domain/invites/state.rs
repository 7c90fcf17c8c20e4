//! States of an invite, and the channels of its messages.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// State of an invite, from draft to acceptance.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
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
#[schema(as = InviteState)]
pub enum State {
    /// No message has been sent.
    Draft,
    /// Both messages were sent or are queued.
    Sent,
    /// A person opened the link of the text message.
    Opened,
    /// The number is verified, the address is not yet.
    PhoneOk,
    /// The address is verified, the number is not yet.
    EmailOk,
    /// Both are verified, and a conversation was created.
    Accepted,
    /// Its seven days have passed without acceptance.
    Expired,
    /// The practice canceled the invite.
    Revoked,
    /// One of the messages could not be delivered.
    Bounced,
}

impl State {
    /// States in which its secrets are valid. A bounced invite is one of them: a bounce report can be
    /// wrong, and a caller who holds the secret has received the message.
    pub const LIVE: [Self; 5] = [Self::Sent, Self::Opened, Self::PhoneOk, Self::EmailOk, Self::Bounced];
    /// States that do not change any more.
    pub const FINAL: [Self; 2] = [Self::Accepted, Self::Revoked];

    /// Returns true if its secrets are valid in this state.
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self)
    }

    /// Whether it can be sent (again): an expired invite starts over.
    pub fn can_be_sent(self) -> bool {
        !Self::FINAL.contains(&self)
    }
}

/// Channel of one of an invite's messages.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
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
#[schema(as = InviteChannel)]
pub enum Channel {
    /// The text message.
    Sms,
    /// The e-mail.
    Email,
}

crate::text_enum!(State, Channel);
