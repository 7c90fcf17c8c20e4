//! Settings of one `sendsms-user` of Kannel.

use confique::Config;

use crate::delivery::plaintext::{is_own_network, is_plain};
use crate::kit::Secret;
use crate::platform::settings::BadSetting;

/// Kannel, and so any carrier that speaks SMPP. Required where `sms.provider` or `sms.fallback` names it:
/// `url`, `username`, `password`, `from`.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Origin of Kannel's smsbox; must be https in production, except within your own network.
    /// Example: `"http://127.0.0.1:13013"`
    #[config(default = "")]
    pub url: String,
    /// Name of Kannel's `sendsms-user`. Example: `"links"`
    #[config(default = "")]
    pub username: String,
    /// Password of that user. Example: `"replace-this"`
    pub password: Option<Secret>,
    /// Number or short code that texts come from. Example: `"+15005550010"`
    #[config(default = "")]
    pub from: String,
    /// Origin at which Kannel reaches this service, for delivery receipts and inbound texts.
    /// Default: `public_url`. Example: `"http://10.0.0.1:8080"`
    #[config(default = "")]
    pub callback_url: String,
}

impl Settings {
    /// The query string of each text contains the password and the code.
    pub(in crate::delivery) fn check_production(&self) -> Result<(), BadSetting> {
        match is_plain(&self.url, "http", is_own_network) {
            true => {
                let problem = "must be https in production, except within your own network";
                Err(BadSetting::new("kannel.url", problem))
            }
            false => Ok(()),
        }
    }
}
