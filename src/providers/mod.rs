//! Providers of texts, calls, e-mails and webhooks. Only `cli` imports this module; the outbox knows
//! it as a [`Carrier`].

mod breaker;
mod client;
mod development;
mod dkim;
mod kannel;
mod reach;
mod route;
mod slow;
mod smtp;
mod smtp_session;
mod twilio;
mod webhook;

use crate::app::App;
use crate::config::BadSetting;
use crate::outbox::{Carrier, Envelope, Handed, Outgoing};

/// The transports chosen by the settings.
pub struct Providers {
    route: route::Route,
    caught: development::Development,
    smtp: Option<smtp::Smtp>,
    webhooks: webhook::Webhooks,
}

impl Providers {
    /// Reads `sms.*`, `mail.*` and the settings of the providers named there; a wrong or missing setting
    /// is reported by name.
    pub fn from_settings(app: &App) -> Result<Self, BadSetting> {
        let route = route::Route::from_settings(app)?;
        let smtp =
            app.config.mail.smtp_url.as_ref().map(|url| smtp::Smtp::new(url.expose(), app)).transpose()?;
        let webhooks = webhook::Webhooks::new(app);
        Ok(Self { route, caught: development::Development::new(app.clone()), smtp, webhooks })
    }
}

impl Carrier for Providers {
    fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        match (message, &self.smtp) {
            (Outgoing::Sms(_) | Outgoing::Voice(_), _) => self.route.carry(message, envelope),
            (Outgoing::Email(mail), Some(smtp)) => Handed::by("smtp", smtp.send(mail, envelope.row_id)),
            (Outgoing::Webhook(hook), _) => Handed::by("webhook", self.webhooks.post(hook)),
            _ => Handed::by("development", self.caught.catch(message, envelope.key)),
        }
    }
}
