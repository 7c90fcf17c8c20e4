//! Catches messages for `/dev` instead of sending them.

use super::{NAME, NewCaughtMessage};
use crate::delivery::sms::SmsProvider;
use crate::platform::outbox::{Channel, Envelope, Outcome, Outgoing, SendResult};
use crate::platform::settings::BadSetting;
use crate::platform::{Service, db};

/// Stores messages in the database, so that every instance and every restart shows them.
pub(in crate::delivery) struct Development {
    service: Service,
}

impl Development {
    pub(in crate::delivery) fn new(service: Service) -> Self {
        Self { service }
    }

    /// Stores one message for `/dev`.
    fn catch(&self, message: &Outgoing, key: &str) -> Outcome {
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
        match self.service.write_blocking(|tx| super::catch(tx, &new)) {
            Ok(()) => Outcome::Sent,
            Err(db::Error::Busy | db::Error::Unreachable) => Outcome::Retry("database_unreachable"),
            Err(_) => Outcome::Retry("database_failed"),
        }
    }
}

impl SmsProvider for Development {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sender(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), BadSetting> {
        Ok(())
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        matches!(message, Outgoing::Sms(_) | Outgoing::Voice(_))
    }

    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        SendResult::by(NAME, self.catch(message, envelope.key))
    }
}
