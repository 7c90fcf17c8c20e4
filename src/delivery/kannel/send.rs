//! Texts through Kannel's `sendsms`, and so through any carrier that speaks SMPP.
//!
//! 202 means only that Kannel queued the text. Its answer carries no id, so the receipt's URL carries ours.

use std::sync::Arc;

use ureq::Agent;

use super::callback;
use crate::delivery::http_client::{self, ProviderReply};
use crate::delivery::sms_provider::SmsProvider;
use crate::kit::{Clock, gsm7};
use crate::platform::Service;
use crate::platform::keys::Keys;
use crate::platform::outbox::{Envelope, Outcome, Outgoing, SendResult, TextMessage};
use crate::platform::settings::{BadSetting, Settings, SmsProviderName};

/// Requests every receipt: delivered, lost, buffered, accepted and rejected by the carrier.
const ALL_RECEIPTS: &str = "31";

/// Client for one `sendsms-user` of Kannel.
pub struct Kannel {
    agent: Agent,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    settings: Arc<Settings>,
    url: String,
    password: String,
}

impl Kannel {
    /// Reads and checks the settings `kannel.*`.
    pub fn from_settings(service: &Service) -> Result<Self, BadSetting> {
        let settings = &service.settings.kannel;
        let url = http_client::base_url("kannel.url", http_client::required("kannel.url", &settings.url)?)?;
        http_client::required("kannel.username", &settings.username)?;
        let password = settings.password.as_ref().map_or("", |password| password.expose());
        let password = http_client::required("kannel.password", password)?;
        http_client::required("kannel.from", &settings.from)?;
        http_client::base_url("kannel.callback_url", callback::origin(&service.settings))?;
        Ok(Self {
            agent: http_client::agent(),
            clock: Arc::clone(&service.clock),
            keys: Arc::clone(&service.keys),
            settings: Arc::clone(&service.settings),
            url: format!("{url}/cgi-bin/sendsms"),
            password: password.to_owned(),
        })
    }

    fn query(&self, text: &TextMessage, envelope: &Envelope<'_>) -> String {
        let settings = &self.settings.kannel;
        let receipts = callback::receipt_url(&self.settings, &self.keys, envelope.delivery_id);
        let validity = self.validity(envelope);
        let mut pairs = vec![
            ("username", settings.username.as_str()),
            ("password", &self.password),
            ("from", &settings.from),
            ("to", text.to.as_e164()),
            ("text", &text.body),
            ("charset", "UTF-8"),
            ("coding", if gsm7::fits(&text.body) { "0" } else { "2" }),
            ("dlr-mask", ALL_RECEIPTS),
            ("dlr-url", &receipts),
        ];
        pairs.extend(validity.as_deref().map(|minutes| ("validity", minutes)));
        http_client::encode_form(&pairs)
    }

    /// In minutes, rounded down: Kannel and the carrier repeat on their own, but not after the code expires.
    fn validity(&self, envelope: &Envelope<'_>) -> Option<String> {
        let left = envelope.not_after?.millis() - self.clock.now().millis();
        Some((left / 60_000).max(1).to_string())
    }
}

impl SmsProvider for Kannel {
    fn name(&self) -> SmsProviderName {
        SmsProviderName::Kannel
    }

    fn number(&self) -> Option<&str> {
        Some(&self.settings.kannel.from)
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        matches!(message, Outgoing::Sms(_))
    }

    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let Outgoing::Sms(text) = message else { return Outcome::Rejected("not_for_kannel").into() };
        let url = format!("{}?{}", self.url, self.query(text, envelope));
        let outcome = match http_client::read_reply(self.agent.get(url).call()) {
            Ok(reply) => outcome(&reply),
            Err(outcome) => outcome,
        };
        SendResult::by(self.name().as_str(), outcome)
    }
}

/// Kannel answers 403 both to a wrong password and to a number that none of its carriers accepts; the text
/// of the answer tells them apart.
fn outcome(reply: &ProviderReply) -> Outcome {
    http_client::outcome_of_status(reply).unwrap_or(match reply.status {
        403 if reply.body.contains("routable") => Outcome::TransportRejected("not_routable"),
        403 => Outcome::Misconfigured("authentication_failed"),
        404 | 405 => Outcome::Misconfigured("no_sendsms_there"),
        _ => Outcome::Rejected("refused"),
    })
}
