//! How messages leave: one folder per provider, and the failover chain of texts and calls. Only `cli` and
//! `web` import this module; the outbox knows it as a [`Transport`].

mod circuit_breaker;
pub mod delivery_reports;
pub mod development;
mod failover_chain;
mod http_client;
pub mod kannel;
mod sms_provider;
mod smtp;
pub mod twilio;
mod webhook;

use self::development::send::Development;
use self::failover_chain::FailoverChain;
use self::sms_provider::SmsProvider as _;
use self::smtp::send::Smtp;
use self::webhook::send::Webhooks;
use crate::platform::Service;
use crate::platform::outbox::{Envelope, Outgoing, SendResult, Transport};
use crate::platform::settings::BadSetting;

/// The transports chosen by the settings.
pub struct Transports {
    sms: FailoverChain,
    development: Development,
    smtp: Option<Smtp>,
    webhooks: Webhooks,
}

impl Transports {
    /// Reads `sms.*`, `mail.*` and the settings of the providers named there; a wrong or missing setting
    /// is reported by name.
    pub fn from_settings(service: &Service) -> Result<Self, BadSetting> {
        let smtp_url = service.settings.mail.smtp_url.as_ref();
        Ok(Self {
            sms: FailoverChain::from_settings(service)?,
            development: Development::new(service.clone()),
            smtp: smtp_url.map(|url| Smtp::new(url.expose(), service)).transpose()?,
            webhooks: Webhooks::new(service),
        })
    }
}

impl Transport for Transports {
    fn deliver(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        match (message, &self.smtp) {
            (Outgoing::Sms(_) | Outgoing::Voice(_), _) => self.sms.deliver(message, envelope),
            (Outgoing::Email(mail), Some(smtp)) => SendResult::by("smtp", smtp.send(mail, envelope.row_id)),
            (Outgoing::Webhook(call), _) => SendResult::by("webhook", self.webhooks.post(call)),
            _ => SendResult::by(
                self.development.name().as_str(),
                self.development.catch(message, envelope.key),
            ),
        }
    }
}
