//! What answers STOP, START and HELP: one GSM-7 segment that says who writes and nothing of why.

use std::time::Duration;

use serde_json::json;

use super::Word;
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::phone::sender_key;
use crate::kit::{Language, Phone, gsm7};
use crate::outbox::{self, Job, Outgoing, Rendered, Sender, Text, Topic};

/// One segment of the GSM 7-bit alphabet.
const SEGMENT: usize = 160;
/// An answer that comes later than this answers nothing.
const LATEST: Duration = Duration::from_mins(10);

/// Renders the answers.
pub struct AnswerTopic;

impl AnswerTopic {
    /// The topic's name in the outbox.
    pub const NAME: &'static str = "consent_answer";
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Payload {
    sender: String,
    word: Word,
    language: String,
}

/// An answer that is due.
pub(super) struct Answer<'a> {
    pub to: &'a Phone,
    pub sender: &'a str,
    pub word: Word,
    pub language: Language,
}

/// Queues the answer to the text `inbound_id`.
pub(super) fn enqueue(ctx: &Ctx, conn: &mut Conn, inbound_id: &str, answer: &Answer<'_>) -> db::Result<()> {
    let language = answer.language.as_str();
    outbox::enqueue(
        ctx,
        conn,
        &outbox::Message {
            topic: AnswerTopic::NAME,
            channel: outbox::Channel::Sms,
            dedupe_key: format!("sms:answer:{inbound_id}"),
            recipient: Some(answer.to.as_e164().to_owned()),
            payload: json!({ "sender": answer.sender, "word": answer.word, "language": language }),
            due: None,
            not_after: Some(ctx.now + LATEST),
        },
    )
    .map(drop)
}

impl Topic for AnswerTopic {
    fn render(&self, ctx: &Ctx, _conn: &mut Conn, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(to) = job.phone() else { return Ok(Rendered::Unwanted) };
        let language = Language::from_tag(&payload.language).unwrap_or_default();
        let body = text(&ctx.config.app.name, payload.word, language);
        let sender = Sender::Only(sender_key(&payload.sender));
        Ok(Rendered::Ready(Outgoing::Sms(Text { to, body, code: None, sender })))
    }
}

/// The app's name gets what room the words leave.
fn text(app: &str, word: Word, language: Language) -> String {
    let says = match (word, language) {
        (Word::Stop, Language::En) => {
            ": you are unsubscribed and get no more texts from this number. Text START to get them again."
        }
        (Word::Stop, Language::Es) => {
            ": se dio de baja y no recibira mas mensajes de este numero. Envie INICIAR para recibirlos otra vez."
        }
        (Word::Start, Language::En) => {
            ": you get texts from this number again. Text STOP to end them, HELP for help."
        }
        (Word::Start, Language::Es) => {
            ": recibira otra vez mensajes de este numero. Envie ALTO para no recibirlos, AYUDA para ayuda."
        }
        (Word::Help, Language::En) => {
            ": codes and links that you ask for. Msg & data rates may apply. Text STOP to end texts."
        }
        (Word::Help, Language::Es) => {
            ": codigos y enlaces que usted pide. Pueden aplicarse cargos. Envie ALTO para no recibirlos."
        }
    };
    format!("{}{says}", gsm7::name(app, SEGMENT.saturating_sub(says.len())))
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
