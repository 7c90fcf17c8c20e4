//! The SMS that carries a code: one GSM-7 segment, at most 140 bytes, however long the practice's name is.
//!
//! The code is in the first line, for the eyes. The last line is the origin-bound form `@host #123456` that
//! browsers and iOS autofill from, followed by the Android app's hash for the SMS Retriever.

use serde_json::json;

use super::delivery::{self, DeliveryEvent};
use super::{Channel, Session, code, emit, store};
use crate::domain::events::EventKind;
use crate::domain::{consent, links};
use crate::kit::{Language, LinkId, PracticeId, VerificationId, gsm7};
use crate::platform::outbox::{
    self, Job, Outcome, Outgoing, Rendered, Report, Sender, Settled, TextMessage, Topic, VoiceCall,
};
use crate::platform::{Tx, db};

/// The SMS Retriever rejects longer texts; it is also below the 160 septets of one GSM-7 segment.
const MOST_BYTES: usize = 140;
/// A name that would be cut shorter than this tells nothing and is omitted.
const SHORTEST_NAME: usize = 6;

/// Outbox topic that renders verification messages and records their delivery.
pub struct CodeTopic;

impl CodeTopic {
    pub const NAME: &'static str = "verification_code";
}

/// Queues the session's latest message. The outbox row contains ids; the code is derived during rendering.
pub(super) fn enqueue(tx: &mut Tx, session: &Session) -> db::Result<()> {
    outbox::enqueue(
        tx,
        &outbox::Message {
            topic: CodeTopic::NAME,
            priority: outbox::Priority::Code,
            channel: match session.channel {
                Channel::Voice => outbox::Channel::Voice,
                Channel::Sms => outbox::Channel::Sms,
            },
            dedupe_key: format!("{}:{}:{}", session.channel, session.id, session.sends),
            recipient: None,
            payload: json!({
                "verification": session.id, "send": session.sends, "epoch": session.epoch,
                "link": session.link_id, "practice": session.practice_id,
            }),
            due: None,
            not_after: Some(session.code_expires_at),
        },
    )
    .map(drop)
}

#[derive(serde::Deserialize)]
struct Payload {
    verification: VerificationId,
    send: i32,
    epoch: i32,
    link: Option<LinkId>,
    practice: Option<PracticeId>,
}

/// Seconds between the attempts of a code, for as long as it is good. The patient looks at the screen, and a
/// message that was the trial of a failing provider must not wait a minute when the provider is back.
const SCHEDULE: [u64; 16] = [2, 5, 5, 10, 10, 15, 15, 30, 30, 30, 60, 60, 60, 60, 60, 60];

impl Topic for CodeTopic {
    fn schedule(&self) -> &'static [u64] {
        &SCHEDULE
    }

    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(session) = store::find_for_worker(tx.conn, &payload.verification)? else {
            return Ok(Rendered::Unwanted);
        };
        // There is a newer code, or the correct one was entered already: this text would only mislead.
        if session.epoch != payload.epoch || session.verified_at.is_some() {
            return Ok(Rendered::Unwanted);
        }
        if tx.keys.code_secret(&session.kid).is_none() {
            return Ok(Rendered::NotYet("keys_missing"));
        }
        let practice = practice_name(tx, &session)?;
        let sender = Sender::AnyBut(consent::opt_outs(tx, &session.phone_key)?);
        Ok(compose(tx, &session, practice.as_deref(), sender).into())
    }

    fn settled_together(&self, tx: &mut Tx, rows: &[Settled<'_>]) -> db::Result<()> {
        let mut accepted = Vec::with_capacity(rows.len());
        for Settled { job, outcome, is_over } in rows {
            let Some(payload) = job.payload::<Payload>() else { continue };
            if **outcome == Outcome::Sent && job.channel == outbox::Channel::Sms {
                let (link_id, practice_id) = (payload.link.as_ref(), payload.practice.as_ref());
                emit(tx, &payload.verification, (link_id, practice_id), EventKind::VerificationMessageSent);
            }
            match delivery_event(outcome, *is_over) {
                Some(DeliveryEvent::Accepted) => accepted.push((payload.verification, payload.send)),
                Some(event) => delivery::record(tx, &payload.verification, payload.send, event)?,
                None => {}
            }
        }
        delivery::accepted(tx, &accepted)
    }

    fn reported(&self, tx: &mut Tx, job: &Job, report: &Report) -> db::Result<()> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(()) };
        let event = match report {
            Report::Accepted => return Ok(()),
            Report::Sent => DeliveryEvent::Accepted,
            Report::Delivered => DeliveryEvent::Delivered,
            // Accepted but not delivered: a call is offered at once, whatever the reason,
            // unless it is fraud.
            Report::Undelivered(Outcome::Fraud(_)) => DeliveryEvent::Fraud,
            // An unanswered call says nothing against the next one.
            Report::Undelivered(Outcome::Retry(_)) => DeliveryEvent::Failed,
            Report::Undelivered(_) => DeliveryEvent::Unreachable,
        };
        delivery::record(tx, &payload.verification, payload.send, event)
    }
}

/// Maps the outcome of a send attempt to the session's message; `None` while attempts continue.
fn delivery_event(outcome: &Outcome, is_over: bool) -> Option<DeliveryEvent> {
    match outcome {
        Outcome::Sent => Some(DeliveryEvent::Accepted),
        Outcome::Unwanted => None,
        Outcome::TransportRejected(_) => Some(DeliveryEvent::Unreachable),
        Outcome::Fraud(_) => Some(DeliveryEvent::Fraud),
        Outcome::Expired => Some(DeliveryEvent::Expired),
        _ => is_over.then_some(DeliveryEvent::Failed),
    }
}

/// The practice's name, unless the link is discreet.
fn practice_name(tx: &mut Tx, session: &Session) -> db::Result<Option<String>> {
    let Some(link_id) = &session.link_id else { return Ok(None) };
    Ok(links::find_recent(tx, link_id)?.filter(|to| !to.is_discreet()).map(|to| to.practice.name))
}

fn compose(tx: &Tx, session: &Session, practice: Option<&str>, sender: Sender) -> Option<Outgoing> {
    let (to, language) = (session.number()?, session.language);
    let code = code::derive(tx.keys, session)?;
    if session.channel == Channel::Voice {
        return Some(Outgoing::Voice(VoiceCall { to, body: spoken(language, &code), language, code }));
    }
    let hash = session.app_hash.as_deref().map_or(String::new(), |hash| format!(" {hash}"));
    let last_line = format!("@{} #{code}{hash}", tx.settings.public_domain());
    let body = text(language, &code, practice, &last_line);
    Some(Outgoing::Sms(TextMessage { to, body, code: Some(code), sender }))
}

/// The text of the SMS. The name gets the space that the other words leave.
fn text(language: Language, code: &str, practice: Option<&str>, last_line: &str) -> String {
    let with_name =
        |name: &str| language.text_with("sms-code-for", &[("code", code.into()), ("practice", name.into())]);
    let fixed = with_name("").len() + "\n\n".len() + last_line.len();
    let name = practice.map(|practice| gsm7::name(practice, MOST_BYTES.saturating_sub(fixed)));
    let shortest = SHORTEST_NAME.min(practice.map_or(SHORTEST_NAME, str::len));
    let first_line = match name.filter(|name| name.len() >= shortest) {
        Some(name) => with_name(&name),
        None => language.text_with("sms-code", &[("code", code.into())]),
    };
    format!("{first_line}\n\n{last_line}")
}

/// The text of a voice call: the digits one by one, twice.
fn spoken(language: Language, code: &str) -> String {
    let digits = code.chars().map(String::from).collect::<Vec<_>>().join(", ");
    language.text_with("sms-spoken-code", &[("digits", digits.into())])
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    const LAST: &str = "@links.example.org #012345 FA+9qCX9VSu";

    #[test]
    fn the_longest_name_still_fits_one_segment() {
        let name = "Centro Médico Ñuñoa 😀 @home #1 https://evil.example/ \u{202e}".repeat(20);
        for &language in Language::VARIANTS {
            let text = text(language, "012345", Some(&name), LAST);
            assert!(text.len() <= MOST_BYTES, "{} bytes", text.len());
            assert!(text.is_ascii());
            assert!(text.starts_with("012345"));
            assert!(text.ends_with(LAST));
            let before = text.strip_suffix(LAST).unwrap();
            assert!(!before.contains(['@', '#', '/', '\u{202e}']), "{before}");
        }
    }

    #[test]
    fn a_host_that_leaves_no_room_drops_the_name_not_the_code() {
        let last = format!("@{} #012345", "a-very-long-host-name.".repeat(4) + "of-a-practice");
        let text = text(Language::En, "012345", Some("Oak Street Family Medicine"), &last);
        assert_eq!(text, format!("012345 is your code.\n\n{last}"));
    }
}
