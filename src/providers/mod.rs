//! The outer world: who takes texts, calls and e-mails from us. Imported by `cli` alone; the outbox knows
//! them as a [`Carrier`].

mod development;
mod dkim;
mod smtp;
mod webhook;

use crate::app::App;
use crate::config::BadSetting;
use crate::outbox::{Carrier, Envelope, Handed, Outgoing};

/// The carriers that the settings choose.
pub struct Providers {
    caught: development::Development,
    smtp: Option<smtp::Smtp>,
    webhooks: webhook::Webhooks,
}

impl Providers {
    /// Reads `sms.*` and `mail.*`; a setting that names nothing we have is refused.
    pub fn from_settings(app: &App) -> Result<Self, BadSetting> {
        if app.config.sms.provider != "development" {
            return Err(BadSetting::new("sms.provider", "only `development` exists so far"));
        }
        let smtp =
            app.config.mail.smtp_url.as_ref().map(|url| smtp::Smtp::new(url.expose(), app)).transpose()?;
        let webhooks = webhook::Webhooks::new(app);
        Ok(Self { caught: development::Development::new(app.clone()), smtp, webhooks })
    }
}

impl Carrier for Providers {
    fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        match (message, &self.smtp) {
            (Outgoing::Email(mail), Some(smtp)) => Handed::by("smtp", smtp.send(mail, envelope.row_id)),
            (Outgoing::Webhook(hook), _) => Handed::by("webhook", self.webhooks.post(hook)),
            _ => Handed::by("development", self.caught.catch(message, envelope.key)),
        }
    }
}
