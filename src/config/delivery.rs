//! Who takes texts, calls, e-mails and webhooks from us, and how fast they leave.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{BadSetting, Config};
use crate::kit::Secret;

/// `mail.*`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Mail {
    pub smtp_url: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub from: String,
    pub dkim_key_file: Option<PathBuf>,
    pub dkim_selector: String,
    pub events_secret: Option<Secret>,
}

/// `sms.*`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Sms {
    pub provider: String,
    pub fallback: Option<String>,
}

/// `twilio.*`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Twilio {
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: Option<Secret>,
    pub signing_key: Option<Secret>,
    pub from: String,
    pub voice_from: String,
}

/// `kannel.*`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Kannel {
    pub url: String,
    pub username: String,
    pub password: Option<Secret>,
    pub from: String,
    pub callback_url: String,
}

/// `webhooks.*`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Webhooks {
    pub allow_private: bool,
}

/// `outbox.*`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see SETTINGS")]
pub struct Outbox {
    pub sms_threads: u32,
    pub sms_per_second: u32,
    pub voice_threads: u32,
    pub voice_per_second: u32,
    pub email_threads: u32,
    pub email_per_second: u32,
    pub webhook_threads: u32,
    pub webhook_per_second: u32,
}

impl Outbox {
    /// Threads and rows a second of a channel.
    pub fn of(&self, channel: &str) -> (u32, u32) {
        match channel {
            "sms" => (self.sms_threads, self.sms_per_second),
            "voice" => (self.voice_threads, self.voice_per_second),
            "webhook" => (self.webhook_threads, self.webhook_per_second),
            _ => (self.email_threads, self.email_per_second),
        }
    }
}

impl Config {
    /// A secret that is empty is none: an HMAC by an empty key is one that anybody can make.
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

    /// Refuses development providers in production; the providers themselves refuse what they lack.
    pub(super) fn check_delivery(&self) -> Result<(), BadSetting> {
        if self.sms.provider == "development" {
            return Err(BadSetting::new("sms.provider", "`development` is refused in production"));
        }
        if self.sms.fallback.as_deref() == Some("development") {
            return Err(BadSetting::new("sms.fallback", "`development` is refused in production"));
        }
        if self.mail.smtp_url.is_none() {
            return Err(BadSetting::new("mail.smtp_url", "is needed in production"));
        }
        if self.mail.from.trim_end_matches('>').ends_with("@localhost") {
            return Err(BadSetting::new("mail.from", "must be an address of your own in production"));
        }
        if self.webhooks.allow_private {
            return Err(BadSetting::new("webhooks.allow_private", "is refused in production"));
        }
        Ok(())
    }
}
