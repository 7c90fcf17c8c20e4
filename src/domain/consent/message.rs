//! The replies to STOP, START and HELP: one GSM-7 segment that names the sender, but not the
//! reason for past texts.

use std::time::Duration;

use serde_json::json;

use super::Word;
use crate::kit::ids::InboundMessageId;
use crate::kit::phone::sender_key;
use crate::kit::{Language, Phone, gsm7};
use crate::platform::db::{self};
use crate::platform::outbox::{self, Job, Outgoing, Rendered, Sender, Text, Topic};
use crate::platform::tx::Tx;

/// One segment of the GSM 7-bit alphabet.
const SEGMENT: usize = 160;
/// A reply that comes later than this is no longer useful.
const LATEST: Duration = Duration::from_mins(10);

pub struct AnswerTopic;

impl AnswerTopic {
    pub const NAME: &'static str = "consent_answer";
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Payload {
    sender: String,
    word: Word,
    language: String,
}

pub(super) struct Answer<'a> {
    pub to: &'a Phone,
    pub sender: &'a str,
    pub word: Word,
    pub language: Language,
}

/// Queues the reply to the inbound SMS `inbound_id`.
pub(super) fn enqueue(tx: &mut Tx, inbound_id: &InboundMessageId, answer: &Answer<'_>) -> db::Result<()> {
    let language = answer.language.as_str();
    outbox::enqueue(
        tx,
        &outbox::Message {
            topic: AnswerTopic::NAME,
            channel: outbox::Channel::Sms,
            dedupe_key: format!("sms:answer:{inbound_id}"),
            recipient: Some(answer.to.as_e164().to_owned()),
            payload: json!({ "sender": answer.sender, "word": answer.word, "language": language }),
            due: None,
            not_after: Some(tx.now + LATEST),
        },
    )
    .map(drop)
}

impl Topic for AnswerTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(to) = job.phone() else { return Ok(Rendered::Unwanted) };
        let language = Language::from_tag(&payload.language).unwrap_or_default();
        let body = text(&tx.settings.app.name, payload.word, language);
        let sender = Sender::Only(sender_key(&payload.sender));
        Ok(Rendered::Ready(Outgoing::Sms(Text { to, body, code: None, sender })))
    }
}

/// The text of a reply. The app's name gets the space that the other words leave.
fn text(service: &str, word: Word, language: Language) -> String {
    let says = match (word, language) {
        (Word::Stop, Language::En) => {
            ": you are unsubscribed and will get no more texts from this number. Reply START to resume."
        }
        (Word::Stop, Language::Es) => {
            ": se dio de baja y no recibira mas mensajes de este numero. Envie INICIAR para recibirlos otra vez."
        }
        (Word::Start, Language::En) => {
            ": you will get texts from this number again. Reply STOP to opt out, HELP for help."
        }
        (Word::Start, Language::Es) => {
            ": recibira otra vez mensajes de este numero. Envie ALTO para no recibirlos, AYUDA para ayuda."
        }
        (Word::Help, Language::En) => {
            ": codes and links that you request. Msg & data rates may apply. Reply STOP to opt out."
        }
        (Word::Help, Language::Es) => {
            ": codigos y enlaces que usted pide. Pueden aplicarse cargos. Envie ALTO para no recibirlos."
        }
    };
    format!("{}{says}", gsm7::name(service, SEGMENT.saturating_sub(says.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_one_segment_with_the_longest_name() {
        for word in [Word::Stop, Word::Start, Word::Help] {
            for language in [Language::En, Language::Es] {
                let text = text(&"Mensajería Clínica ".repeat(20), word, language);
                assert!(text.is_ascii() && text.len() <= SEGMENT, "{text}");
                assert!(text.starts_with("Mensajeria Clinica"), "{text}");
            }
        }
    }
}
