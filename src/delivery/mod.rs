//! How messages leave, and what is reported back: one folder per provider of texts, SMTP, webhooks. Only
//! `app`, `cli` and `web` import this module; the outbox knows it as a [`Transport`].
//!
//! Its settings are declared here and not in `platform`, because no rule needs them: a rule that wants to
//! know who sends (`consent`) is handed the answer by the handler that calls it.

mod circuit_breaker;
mod http_client;
mod plaintext;
pub mod sms;
pub mod smtp;
mod webhook;

use std::sync::Arc;

use confique::Config;

use self::sms::development::Development;
use self::sms::{FailoverChain, SmsProvider, kannel, twilio};
use self::smtp::send::Smtp;
use self::webhook::send::Webhooks;
use crate::kit::phone::sender_key;
use crate::platform::Service;
use crate::platform::outbox::{Envelope, Outgoing, SendResult, Transport};
use crate::platform::settings::BadSetting;

/// The settings of everything that leaves.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    #[config(nested)]
    pub mail: smtp::settings::Settings,
    #[config(nested)]
    pub sms: sms::Settings,
    #[config(nested)]
    pub twilio: twilio::settings::Settings,
    #[config(nested)]
    pub kannel: kannel::settings::Settings,
}

impl Settings {
    /// Refuses development providers and unencrypted servers; each provider itself refuses missing settings.
    pub fn check_production(&self) -> Result<(), BadSetting> {
        self.sms.check_production()?;
        self.mail.check_production()?;
        self.kannel.check_production()
    }
}

/// What the worker and the callbacks share: the settings, and every provider of texts and calls.
pub struct Delivery {
    pub settings: Settings,
    pub providers: Vec<Arc<dyn SmsProvider>>,
}

impl Delivery {
    pub fn new(service: &Service, settings: Settings) -> Self {
        Self { providers: sms::providers(service, &settings), settings }
    }

    /// The senders of all providers, as they are stored and compared.
    pub fn senders(&self) -> Vec<String> {
        self.providers.iter().filter_map(|provider| provider.sender()).map(sender_key).collect()
    }
}

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
    pub fn new(service: &Service, delivery: &Delivery) -> Result<Self, BadSetting> {
        let mail = &delivery.settings.mail;
        let smtp_url = mail.smtp_url.as_ref();
        Ok(Self {
            sms: FailoverChain::new(service, delivery)?,
            development: Development::new(service.clone()),
            smtp: smtp_url.map(|url| Smtp::new(url.expose(), mail, service)).transpose()?,
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
            (Outgoing::Email(_), None) => self.development.send(message, envelope),
        }
    }
}
