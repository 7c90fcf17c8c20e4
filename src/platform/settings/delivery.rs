//! Settings of SMS, voice, e-mail and webhook delivery, with send rates.

use std::net::IpAddr;
use std::path::PathBuf;

use actix_web::http::Uri;
use serde::{Deserialize, Serialize};

use super::{BadSetting, Settings};
use crate::kit::internet::is_public;
use crate::kit::{Secret, standard_webhooks};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    pub smtp_url: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub from: String,
    pub dkim_key_file: Option<PathBuf>,
    pub dkim_selector: String,
    pub events_secret: Option<Secret>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// Text, not the enum: a wrong name is reported by the failover chain, with the setting's own name.
    pub provider: String,
    pub fallback: Option<String>,
}

/// The providers of texts and calls that `sms.provider` and `sms.fallback` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SmsProviderName {
    Twilio,
    Kannel,
    /// Shows messages in `/dev` instead of sending them.
    Development,
}

impl SmsProviderName {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Twilio {
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: Option<Secret>,
    pub signing_key: Option<Secret>,
    pub from: String,
    pub voice_from: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kannel {
    pub url: String,
    pub username: String,
    pub password: Option<Secret>,
    pub from: String,
    pub callback_url: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    pub allow_private: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    pub sms_threads: u32,
    pub sms_per_second: u32,
    pub voice_threads: u32,
    pub voice_per_second: u32,
    pub email_threads: u32,
    pub email_per_second: u32,
    pub webhook_threads: u32,
    pub webhook_per_second: u32,
    pub task_threads: u32,
}

impl Settings {
    /// Treats an empty secret as missing: an HMAC with an empty key can be forged by anyone.
    pub(super) fn drop_empty_secrets(&mut self) {
        let secrets = [
            &mut self.mail.smtp_url,
            &mut self.mail.events_secret,
            &mut self.twilio.auth_token,
            &mut self.twilio.signing_key,
            &mut self.kannel.password,
        ];
        for secret in secrets {
            if secret.as_ref().is_some_and(|secret| secret.expose().trim().is_empty()) {
                *secret = None;
            }
        }
    }

    /// Refuses development providers in production; each provider itself refuses missing settings.
    pub(super) fn check_delivery(&self) -> Result<(), BadSetting> {
        let is_development = |name: &str| name.parse() == Ok(SmsProviderName::Development);
        if is_development(&self.sms.provider) {
            return Err(BadSetting::new("sms.provider", "`development` is refused in production"));
        }
        if self.sms.fallback.as_deref().is_some_and(is_development) {
            return Err(BadSetting::new("sms.fallback", "`development` is refused in production"));
        }
        match &self.mail.smtp_url {
            None => return Err(BadSetting::new("mail.smtp_url", "is required in production")),
            Some(url) if is_plain(url.expose(), "smtp", is_this_machine) => {
                let problem = "must be smtps:// or smtp+starttls:// in production, except to this machine";
                return Err(BadSetting::new("mail.smtp_url", problem));
            }
            Some(_) => {}
        }
        if self.mail.from.trim_end_matches('>').ends_with("@localhost") {
            return Err(BadSetting::new("mail.from", "must be an address of your own in production"));
        }
        if self.webhooks.allow_private {
            return Err(BadSetting::new("webhooks.allow_private", "is refused in production"));
        }
        // The query string of each text contains the password and the code.
        if is_plain(&self.kannel.url, "http", is_own_network) {
            let problem = "must be https in production, except within your own network";
            return Err(BadSetting::new("kannel.url", problem));
        }
        Ok(())
    }

    /// Checked at the start: otherwise an unusable secret would only show when the first bounce is refused.
    pub(super) fn check_events_secret(&self) -> Result<(), BadSetting> {
        let Some(secret) = &self.mail.events_secret else { return Ok(()) };
        match standard_webhooks::key(secret).is_some_and(|key| !key.is_empty()) {
            true => Ok(()),
            false => Err(BadSetting::new("mail.events_secret", "must be `whsec_` and a key in base64")),
        }
    }
}

/// Returns whether `url` uses the plaintext `scheme` to a host for which `is_allowed` is false. An invalid
/// URL is refused later, by the provider that uses it.
fn is_plain(url: &str, scheme: &str, is_allowed: fn(&str) -> bool) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
    let is_clear = uri.scheme_str().is_some_and(|found| found.eq_ignore_ascii_case(scheme));
    is_clear && !is_allowed(&host.to_ascii_lowercase())
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A private address, or a name that is not in the public DNS: a single label, as containers have, or a
/// suffix reserved for private networks.
fn is_own_network(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return !is_public(address);
    }
    let endings = [".localhost", ".local", ".internal", ".home.arpa"];
    !host.contains('.') || endings.iter().any(|ending| host.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_allowed_only_to_local_hosts() {
        for url in ["smtp://127.0.0.1", "smtp://[::1]:25", "smtp://localhost", "smtps://mail.example.org"] {
            assert!(!is_plain(url, "smtp", is_this_machine), "{url}");
        }
        for url in ["smtp://mail.example.org", "smtp://10.0.0.1", "smtp://u:p@postfix:25", "SMTP://relay"] {
            assert!(is_plain(url, "smtp", is_this_machine), "{url}");
        }
        for url in ["http://127.0.0.1:13013", "http://10.0.0.1", "http://[fd00::1]", "http://kannel:13013"] {
            assert!(!is_plain(url, "http", is_own_network), "{url}");
        }
        for url in ["http://sms.internal", "https://sms.example.org", ""] {
            assert!(!is_plain(url, "http", is_own_network), "{url}");
        }
        for url in
            ["http://sms.example.org", "http://8.8.8.8:13013", "http://[2606:4700::1111]", "HTTP://a.b."]
        {
            assert!(is_plain(url, "http", is_own_network), "{url}");
        }
    }
}
