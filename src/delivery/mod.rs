//! Providers of texts, calls, e-mails and webhooks. Only `cli` imports this module; the outbox knows
//! it as a [`Carrier`].

pub mod circuit_breaker;
pub mod client;
pub mod connect;
pub mod development;
pub mod failover;
pub mod inbound;
pub mod kannel;
pub mod smtp;
pub mod twilio;
pub mod webhook;

use self::development::send::Development;
use self::smtp::send::Smtp;
use self::webhook::Webhooks;
use crate::platform::outbox::{Carrier, Envelope, Handed, Outgoing};
use crate::platform::settings::BadSetting;
use crate::platform::tx::Service;

/// The transports chosen by the settings.
pub struct Providers {
    route: failover::Route,
    caught: Development,
    smtp: Option<Smtp>,
    webhooks: Webhooks,
}

impl Providers {
    /// Reads `sms.*`, `mail.*` and the settings of the providers named there; a wrong or missing setting
    /// is reported by name.
    pub fn from_settings(service: &Service) -> Result<Self, BadSetting> {
        let route = failover::Route::from_settings(service)?;
        let smtp = service
            .settings
            .mail
            .smtp_url
            .as_ref()
            .map(|url| Smtp::new(url.expose(), service))
            .transpose()?;
        let webhooks = Webhooks::new(service);
        Ok(Self { route, caught: Development::new(service.clone()), smtp, webhooks })
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
