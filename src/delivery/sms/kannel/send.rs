//! Texts through Kannel's `sendsms`, and so through any carrier that speaks SMPP.
//!
//! 202 means only that Kannel queued the text. Its answer carries no id, so the receipt's URL carries ours.

use std::sync::Arc;

use ureq::Agent;

use super::settings::Settings;
use super::urls;
use crate::delivery::http_client::{self, ProviderReply};
use crate::delivery::sms::SmsProvider;
use crate::kit::{Clock, gsm7};
use crate::platform::Service;
use crate::platform::keys::Keys;
use crate::platform::outbox::{Envelope, Outcome, Outgoing, SendResult, TextMessage};
use crate::platform::settings::BadSetting;

/// Requests every receipt: delivered, lost, buffered, accepted and rejected by the carrier.
const ALL_RECEIPTS: &str = "31";

/// Its name in the settings, in metrics and in `deliveries`.
pub(super) const NAME: &str = "kannel";

/// Client for one `sendsms-user` of Kannel.
pub(in crate::delivery) struct Kannel {
    agent: Agent,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    settings: Settings,
    public_url: String,
}

impl Kannel {
    pub(in crate::delivery) fn new(service: &Service, settings: &Settings) -> Self {
        Self {
            agent: http_client::agent(),
            clock: Arc::clone(&service.clock),
            keys: Arc::clone(&service.keys),
            settings: settings.clone(),
            public_url: service.settings.public_url.clone(),
        }
    }

    /// Where Kannel reaches this service.
    fn origin(&self) -> &str {
        urls::origin(&self.settings, &self.public_url)
    }

    fn password(&self) -> &str {
        self.settings.password.as_ref().map_or("", |password| password.expose())
    }

    fn query(&self, text: &TextMessage, envelope: &Envelope<'_>) -> String {
        let settings = &self.settings;
        let receipts = urls::receipt_url(self.origin(), &self.keys, envelope.delivery_id);
        let validity = self.validity(envelope);
        let mut pairs = vec![
            ("username", settings.username.as_str()),
            ("password", self.password()),
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
    fn name(&self) -> &'static str {
        NAME
    }

    fn sender(&self) -> Option<&str> {
        Some(self.settings.from.as_str()).filter(|from| !from.is_empty())
    }

    fn check(&self) -> Result<(), BadSetting> {
        let Settings { url, username, from, .. } = &self.settings;
        http_client::base_url("kannel.url", http_client::required("kannel.url", url)?)?;
        http_client::required("kannel.username", username)?;
        http_client::required("kannel.password", self.password())?;
        http_client::required("kannel.from", from)?;
        http_client::base_url("kannel.callback_url", self.origin()).map(drop)
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        matches!(message, Outgoing::Sms(_))
    }

    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let Outgoing::Sms(text) = message else { return Outcome::Rejected("not_for_kannel").into() };
        let base = self.settings.url.trim_end_matches('/');
        let url = format!("{base}/cgi-bin/sendsms?{}", self.query(text, envelope));
        let outcome = match http_client::read_reply(self.agent.get(url).call()) {
            Ok(reply) => outcome(&reply),
            Err(outcome) => outcome,
        };
        SendResult::by(NAME, outcome)
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
