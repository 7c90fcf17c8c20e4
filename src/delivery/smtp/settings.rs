//! Settings of e-mails: the server that takes them, their signature, and the reports that come back.

use std::path::PathBuf;

use confique::Config;

use crate::delivery::plaintext::{is_plain, is_this_machine};
use crate::kit::{Secret, standard_webhooks};
use crate::platform::settings::BadSetting;

/// E-mail: the server that takes it, and its DKIM signature.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// `smtp://HOST:PORT` (plain, loopback), `smtp+starttls://…` or `smtps://USER:PASSWORD@HOST`.
    /// Default: none, e-mails are caught in `/dev`. Example: `"smtps://links:replace-this@mail.example.org"`
    pub smtp_url: Option<Secret>,
    /// PEM file with the mail server's certificate authority, if you run your own.
    /// Default: none, only public authorities. Example: `"mail-ca.pem"`
    pub ca_file: Option<PathBuf>,
    /// Sender of e-mails.
    #[config(default = "Practice Links <no-reply@localhost>")]
    pub from: String,
    /// PEM file with the private key (Ed25519 in PKCS#8; RSA of 2,048 bits or more in PKCS#8 or PKCS#1) that
    /// signs e-mails for the domain of `mail.from`. Default: none, unsigned. Example: `"dkim.pem"`
    pub dkim_key_file: Option<PathBuf>,
    /// The key's name in the DNS: `SELECTOR._domainkey.DOMAIN`.
    #[config(default = "links")]
    pub dkim_selector: String,
    // Checked at the start: otherwise an unusable secret would only show when the first bounce is refused.
    /// `whsec_…` that signs `POST /v1/callbacks/mail-events` (Standard Webhooks).
    /// Default: none, reports are refused. Example: `"whsec_cmVwbGFjZSB0aGlzIGV4YW1wbGU="`
    #[config(validate = is_webhook_secret)]
    pub events_secret: Option<Secret>,
}

impl Settings {
    pub(in crate::delivery) fn check_production(&self) -> Result<(), BadSetting> {
        match &self.smtp_url {
            None => return Err(BadSetting::new("mail.smtp_url", "is required in production")),
            Some(url) if is_plain(url.expose(), "smtp", is_this_machine) => {
                let problem = "must be smtps:// or smtp+starttls:// in production, except to this machine";
                return Err(BadSetting::new("mail.smtp_url", problem));
            }
            Some(_) => {}
        }
        if self.from.trim_end_matches('>').ends_with("@localhost") {
            return Err(BadSetting::new("mail.from", "must be an address of your own in production"));
        }
        Ok(())
    }
}

fn is_webhook_secret(secret: &Secret) -> Result<(), &'static str> {
    match standard_webhooks::key(secret).is_some_and(|key| !key.is_empty()) {
        true => Ok(()),
        false => Err("must be `whsec_` and a key in base64"),
    }
}
