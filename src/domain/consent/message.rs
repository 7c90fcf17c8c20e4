//! The replies to STOP, START and HELP: one GSM-7 segment that names the sender, but not the
//! reason for past texts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Keyword;
use crate::kit::phone::sender_key;
use crate::kit::{InboundMessageId, Language, Phone, gsm7};
use crate::platform::outbox::{self, Channel, Job, Message, Outgoing, Rendered, Sender, TextMessage, Topic};
use crate::platform::{Tx, db};

/// A reply that comes later than this is no longer useful.
const LATEST: Duration = Duration::from_mins(10);

pub struct ReplyTopic;

impl ReplyTopic {
    pub const NAME: &'static str = "consent_answer";
}

#[derive(Serialize, Deserialize)]
struct Payload {
    sender: String,
    #[serde(rename = "word")]
    keyword: Keyword,
    language: Language,
}

pub(super) struct Reply<'a> {
    pub to: &'a Phone,
    pub sender: &'a str,
    pub keyword: Keyword,
    pub language: Language,
}

/// Queues the reply to the inbound SMS `inbound_id`.
pub(super) fn enqueue(tx: &mut Tx, inbound_id: &InboundMessageId, reply: &Reply<'_>) -> db::Result<()> {
    let Reply { keyword, language, .. } = *reply;
    let payload = Payload { sender: reply.sender.to_owned(), keyword, language };
    let message = Message {
        topic: ReplyTopic::NAME,
        priority: outbox::Priority::Code,
        channel: Channel::Sms,
        dedupe_key: format!("sms:answer:{inbound_id}"),
        recipient: Some(reply.to.as_e164().to_owned()),
        payload: serde_json::to_value(payload).unwrap_or_default(),
        due: None,
        not_after: Some(tx.now + LATEST),
    };
    outbox::enqueue(tx, &message).map(drop)
}

impl Topic for ReplyTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(to) = job.phone() else { return Ok(Rendered::Unwanted) };
        let body = text(&tx.settings.app.name, payload.keyword, payload.language);
        let sender = Sender::Only(sender_key(&payload.sender));
        Ok(Rendered::Ready(Outgoing::Sms(TextMessage { to, body, code: None, sender })))
    }
}

/// The text of a reply. The app's name gets the space that the other words leave.
fn text(service: &str, keyword: Keyword, language: Language) -> String {
    let says = language.text(match keyword {
        Keyword::Stop => "sms-stopped",
        Keyword::Start => "sms-started",
        Keyword::Help => "sms-help",
    });
    gsm7::segment(service, &format!(": {says}"))
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn every_reply_is_one_segment_with_the_longest_name() {
        for keyword in Keyword::VARIANTS {
            for &language in Language::VARIANTS {
                let text = text(&"Mensajería Clínica ".repeat(20), *keyword, language);
                assert!(text.is_ascii() && text.len() <= gsm7::SEGMENT, "{text}");
                assert!(text.starts_with("Mensajeria Clinica"), "{text}");
            }
        }
    }
}
