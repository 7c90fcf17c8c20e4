//! Settings of one Twilio account.

use confique::Config;

use crate::kit::Secret;

/// Twilio, or a provider with its API of 2010-04-01. Required where `sms.provider` or `sms.fallback` names
/// it: `account_sid`, `auth_token`, `from`.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Origin of Twilio's API, or of a compatible one; must be https in production.
    #[config(default = "https://api.twilio.com")]
    pub base_url: String,
    /// The account's id, `AC…`. Example: `"AC0123456789abcdef0123456789abcdef"`
    #[config(default = "")]
    pub account_sid: String,
    /// Account token: authenticates requests and verifies callbacks.
    /// Example: `"replace-this"`
    pub auth_token: Option<Secret>,
    /// Shared key, if callbacks are signed with HMAC-SHA256 instead.
    /// Default: none, SHA-1 with the token. Example: `"replace-this"`
    pub signing_key: Option<Secret>,
    /// Number (E.164) that texts come from, or a messaging service `MG…`. Example: `"+15005550006"`
    #[config(default = "")]
    pub from: String,
    /// Number that calls come from. Default: `twilio.from`. Example: `"+15005550006"`
    #[config(default = "")]
    pub voice_from: String,
}
