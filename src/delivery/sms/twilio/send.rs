//! Texts and calls through Twilio's API of 2010-04-01, which other services offer too.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;

use super::error_codes;
use super::settings::Settings;
use crate::delivery::http_client::{self, ProviderReply};
use crate::delivery::sms::SmsProvider;
use crate::kit::{Clock, DeliveryId, Language};
use crate::platform::Service;
use crate::platform::outbox::{Envelope, Outcome, Outgoing, SendResult};
use crate::platform::settings::BadSetting;

/// Limits of a text's `ValidityPeriod`, in seconds.
const LONGEST_VALIDITY: u64 = 36_000;
const SHORTEST_VALIDITY: u64 = 1;

/// Its name in the settings, in metrics and in `deliveries`.
pub(super) const NAME: &str = "twilio";

/// Client of one Twilio account.
pub(in crate::delivery) struct Twilio {
    agent: Agent,
    clock: Arc<dyn Clock>,
    settings: Settings,
    is_development: bool,
    public_url: String,
}

/// The parts of an answer that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageResource {
    sid: Option<String>,
    /// Error code of a rejection; a text's own is in `error_code`, and arrives by callback.
    code: Option<u32>,
}

impl Twilio {
    pub(in crate::delivery) fn new(service: &Service, settings: &Settings) -> Self {
        Self {
            agent: http_client::agent(),
            clock: Arc::clone(&service.clock),
            settings: settings.clone(),
            is_development: service.settings.is_development(),
            public_url: service.settings.public_url.clone(),
        }
    }

    fn token(&self) -> &str {
        self.settings.auth_token.as_ref().map_or("", |token| token.expose())
    }

    /// The number that calls come from, if there is one: a messaging service cannot call.
    fn voice_from(&self) -> Option<&str> {
        let Settings { from, voice_from, .. } = &self.settings;
        let from = [voice_from, from].into_iter().find(|from| !from.is_empty())?;
        (!is_service(from)).then_some(from)
    }

    /// The URL of status callbacks, if Twilio can reach us.
    fn callback_url(&self, delivery_id: &DeliveryId) -> Option<String> {
        let is_reachable = self.is_development || self.public_url.starts_with("https://");
        is_reachable.then(|| format!("{}/v1/callbacks/twilio/{delivery_id}", self.public_url))
    }

    fn post(&self, resource: &str, fields: &[(&str, &str)]) -> SendResult {
        let (base, account) = (self.settings.base_url.trim_end_matches('/'), &self.settings.account_sid);
        let call = self.agent.post(format!("{base}/2010-04-01/Accounts/{account}/{resource}.json"));
        let credentials = STANDARD.encode(format!("{account}:{}", self.token()));
        let call = call.header("authorization", format!("Basic {credentials}"));
        let call = call.header("accept", "application/json");
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        let reply = match http_client::read_reply(call.send(http_client::encode_form(fields))) {
            Ok(reply) => reply,
            Err(outcome) => return SendResult::by(NAME, outcome),
        };
        let resource: MessageResource = serde_json::from_str(&reply.body).unwrap_or_default();
        let outcome = outcome(&reply, resource.code);
        let reference = resource.sid.filter(|sid| outcome == Outcome::Sent && sid.len() <= 64);
        SendResult { outcome, provider: NAME, reference }
    }

    /// How long the message is worth delivering; `None` leaves it to Twilio.
    fn validity(&self, envelope: &Envelope<'_>) -> Option<String> {
        let left = envelope.not_after?.millis() - self.clock.now().millis();
        let seconds = u64::try_from(left / 1000).unwrap_or(0).clamp(SHORTEST_VALIDITY, LONGEST_VALIDITY);
        Some(seconds.to_string())
    }
}

impl SmsProvider for Twilio {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sender(&self) -> Option<&str> {
        Some(self.settings.from.as_str()).filter(|from| !from.is_empty())
    }

    fn check(&self) -> Result<(), BadSetting> {
        let Settings { base_url, account_sid, from, voice_from, .. } = &self.settings;
        let base = http_client::base_url("twilio.base_url", base_url)?;
        if !self.is_development && !base.starts_with("https://") {
            return Err(BadSetting::new("twilio.base_url", "must be https in production"));
        }
        let account = http_client::required("twilio.account_sid", account_sid)?;
        if !account.starts_with("AC") || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(BadSetting::new("twilio.account_sid", "is not an account SID (`AC…`)"));
        }
        http_client::required("twilio.auth_token", self.token())?;
        http_client::required("twilio.from", from)?;
        for (setting, sender) in [("twilio.from", from), ("twilio.voice_from", voice_from)] {
            // Twilio takes senders without a plus for short codes.
            let is_bare_number = sender.len() > 8 && sender.bytes().all(|b| b.is_ascii_digit());
            if is_bare_number {
                return Err(BadSetting::new(setting, "must be in E.164 format, with the plus"));
            }
        }
        Ok(())
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        match message {
            Outgoing::Sms(_) => true,
            Outgoing::Voice(_) => self.voice_from().is_some(),
            Outgoing::Email(_) | Outgoing::Webhook(_) => false,
        }
    }

    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let callback = self.callback_url(envelope.delivery_id);
        let callback = callback.as_deref().map(|url| ("StatusCallback", url));
        match message {
            Outgoing::Sms(text) => {
                let from = self.settings.from.as_str();
                let sender = if is_service(from) { "MessagingServiceSid" } else { "From" };
                let validity = self.validity(envelope);
                let mut fields = vec![("To", text.to.as_e164()), (sender, from), ("Body", &text.body)];
                fields.extend(validity.as_deref().map(|seconds| ("ValidityPeriod", seconds)));
                fields.extend(callback);
                self.post("Messages", &fields)
            }
            Outgoing::Voice(call) => {
                let script = script(&call.body, call.language);
                let from = self.voice_from().unwrap_or_default();
                let mut fields = vec![("To", call.to.as_e164()), ("From", from), ("Twiml", &script)];
                fields.extend(callback);
                self.post("Calls", &fields)
            }
            Outgoing::Email(_) | Outgoing::Webhook(_) => Outcome::Rejected("not_for_twilio").into(),
        }
    }
}

fn is_service(from: &str) -> bool {
    from.starts_with("MG")
}

/// The HTTP status class decides first, the table second; a rejection that neither knows is final.
fn outcome(reply: &ProviderReply, code: Option<u32>) -> Outcome {
    http_client::outcome_of_status(reply).unwrap_or_else(|| match code.and_then(error_codes::meaning) {
        Some(Outcome::Retry(why)) => {
            reply.retry_after.map_or(Outcome::Retry(why), |wait| Outcome::RetryAfter(why, wait))
        }
        Some(outcome) => outcome,
        None => Outcome::Rejected("refused"),
    })
}

/// `TwiML`: a pause while the phone goes to the ear, then the text.
fn script(words: &str, language: Language) -> String {
    let tag = language.text("sms-voice");
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<Response><Pause length=\"1\"/><Say language=\"{tag}\">{words}</Say></Response>")
}
