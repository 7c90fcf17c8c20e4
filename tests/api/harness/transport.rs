//! A transport that records every message, and returns the outcomes that a test scripts.

use std::collections::VecDeque;
use std::sync::Mutex;

use practice_links::outbox::{Carrier, Envelope, Handed, Outcome, Outgoing, Sender};

/// One attempt to send a message.
#[derive(Clone, Debug)]
pub struct SendAttempt {
    /// `sms`, `voice` or `email`.
    pub channel: &'static str,
    /// The number in E.164, the e-mail address or the URL.
    pub to: String,
    /// The text message, the words of the call, the e-mail's plain text, or the webhook's body.
    pub body: String,
    pub code: Option<String>,
    /// The e-mail's subject; empty for other channels.
    pub subject: String,
    /// The e-mail's HTML; empty for other channels.
    pub html: String,
    /// The e-mail's one-click unsubscribe URL.
    pub unsubscribe: Option<String>,
    /// The same for every attempt of a message.
    pub key: String,
    pub row_id: String,
    /// The attempt's id, which the provider's callback names.
    pub delivery_id: String,
    /// Which of our numbers may send the text; `None` for other channels.
    pub sender: Option<Sender>,
    pub outcome: Outcome,
}

/// Records every attempt.
#[derive(Default)]
pub struct RecordingTransport(Mutex<State>);

#[derive(Default)]
struct State {
    attempts: Vec<SendAttempt>,
    script: VecDeque<Outcome>,
}

impl RecordingTransport {
    /// Returns `outcome` for the next `n` attempts; after the script, every attempt succeeds.
    pub fn answer_next(&self, n: usize, outcome: &Outcome) {
        self.0.lock().unwrap().script.extend(std::iter::repeat_n(outcome.clone(), n));
    }

    /// Every attempt, in order.
    pub fn attempts(&self) -> Vec<SendAttempt> {
        self.0.lock().unwrap().attempts.clone()
    }

    /// The attempts that succeeded, in order.
    pub fn sent(&self) -> Vec<SendAttempt> {
        self.attempts().into_iter().filter(|message| message.outcome == Outcome::Sent).collect()
    }

    /// The messages sent to one number or address.
    pub fn sent_to(&self, to: &str) -> Vec<SendAttempt> {
        self.sent().into_iter().filter(|message| message.to == to).collect()
    }

    /// Forgets the recorded attempts; scripted outcomes stay.
    pub fn clear(&self) {
        self.0.lock().unwrap().attempts.clear();
    }
}

impl Carrier for RecordingTransport {
    fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        let mut state = self.0.lock().unwrap();
        let outcome = state.script.pop_front().unwrap_or(Outcome::Sent);
        state.attempts.push(record(message, envelope, outcome.clone()));
        Handed::by("recorder", outcome)
    }
}

fn record(message: &Outgoing, envelope: &Envelope<'_>, outcome: Outcome) -> SendAttempt {
    let (channel, to, body, code) = match message {
        Outgoing::Sms(text) => ("sms", text.to.as_e164(), &text.body, text.code.clone()),
        Outgoing::Voice(call) => ("voice", call.to.as_e164(), &call.body, Some(call.code.clone())),
        Outgoing::Email(mail) => ("email", mail.to.as_str(), &mail.text, None),
        Outgoing::Webhook(hook) => ("webhook", hook.url.as_str(), &hook.body, None),
    };
    let (subject, html, unsubscribe) = match message {
        Outgoing::Email(mail) => (mail.subject.clone(), mail.html.clone(), mail.unsubscribe.clone()),
        _ => Default::default(),
    };
    let sender = match message {
        Outgoing::Sms(text) => Some(text.sender.clone()),
        _ => None,
    };
    let (to, body, key) = (to.to_owned(), body.clone(), envelope.key.to_owned());
    let (row_id, delivery_id) = (envelope.row_id.to_owned(), envelope.delivery_id.to_owned());
    SendAttempt {
        channel,
        to,
        body,
        code,
        subject,
        html,
        unsubscribe,
        key,
        row_id,
        delivery_id,
        sender,
        outcome,
    }
}
