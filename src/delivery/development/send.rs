//! Catches messages for `/dev` instead of sending them.

use crate::delivery::development::{self, NewCaughtMessage};
use crate::delivery::sms_provider::SmsProvider;
use crate::platform::outbox::{Channel, Envelope, Outcome, Outgoing, SendResult};
use crate::platform::settings::SmsProviderName;
use crate::platform::{Service, db};

/// Stores messages in the database, so that every instance and every restart shows them.
pub struct Development {
    service: Service,
}

impl Development {
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// Stores one message for `/dev`.
    pub fn catch(&self, message: &Outgoing, key: &str) -> Outcome {
        let mail_body;
        let (channel, to, body, code) = match message {
            Outgoing::Sms(text) => {
                (Channel::Sms, text.to.as_e164(), text.body.as_str(), text.code.as_deref())
            }
            Outgoing::Voice(call) => {
                (Channel::Voice, call.to.as_e164(), call.body.as_str(), Some(call.code.as_str()))
            }
            Outgoing::Email(mail) => {
                mail_body = format!("{}\n\n{}", mail.subject, mail.text);
                (Channel::Email, mail.to.as_str(), mail_body.as_str(), None)
            }
            Outgoing::Webhook(_) => return Outcome::Rejected("no_webhooks_here"),
        };
        let new = NewCaughtMessage { dedupe_key: key, channel, to, body, code };
        match self.service.write_blocking(|tx| development::catch(tx, &new)) {
            Ok(()) => Outcome::Sent,
            Err(db::Error::Busy | db::Error::Unreachable) => Outcome::Retry("database_unreachable"),
            Err(_) => Outcome::Retry("database_failed"),
        }
    }
}

impl SmsProvider for Development {
    fn name(&self) -> SmsProviderName {
        SmsProviderName::Development
    }

    fn number(&self) -> Option<&str> {
        None
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        matches!(message, Outgoing::Sms(_) | Outgoing::Voice(_))
    }

    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        SendResult::by(self.name().as_str(), self.catch(message, envelope.key))
    }
}
