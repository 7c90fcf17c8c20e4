//! A carrier that keeps what it is given, and answers as a test tells it to.

use std::collections::VecDeque;
use std::sync::Mutex;

use practice_links::platform::outbox::{Carrier, Envelope, Handed, Outcome, Outgoing, Sender};

/// One attempt to hand a message over.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `sms`, `voice` or `email`.
    pub channel: &'static str,
    /// The number in E.164, or the address.
    pub to: String,
    /// What is read: the text message, the words of the call, the e-mail's plain text.
    pub body: String,
    /// The code in it.
    pub code: Option<String>,
    /// The e-mail's subject; empty for the rest.
    pub subject: String,
    /// The e-mail's HTML; empty for the rest.
    pub html: String,
    /// The e-mail's one-click unsubscription.
    pub unsubscribe: Option<String>,
    /// Stable over attempts.
    pub key: String,
    /// The outbox row's id.
    pub row_id: String,
    /// The attempt's id, which a provider's callback names.
    pub delivery_id: String,
    /// Which of our numbers may send the text; `None` for the rest.
    pub sender: Option<Sender>,
    /// What the carrier said.
    pub outcome: Outcome,
}

/// Keeps every attempt.
#[derive(Default)]
pub struct Recorder(Mutex<State>);

#[derive(Default)]
struct State {
    attempts: Vec<Recorded>,
    script: VecDeque<Outcome>,
}

impl Recorder {
    /// Answers the next `n` attempts with `outcome`; after the script everything is sent.
    pub fn answer_next(&self, n: usize, outcome: &Outcome) {
        self.0.lock().unwrap().script.extend(std::iter::repeat_n(outcome.clone(), n));
    }

    /// Every attempt, in order.
    pub fn attempts(&self) -> Vec<Recorded> {
        self.0.lock().unwrap().attempts.clone()
    }

    /// What was really sent, in order.
    pub fn sent(&self) -> Vec<Recorded> {
        self.attempts().into_iter().filter(|message| message.outcome == Outcome::Sent).collect()
    }

    /// What was sent to one number or address.
    pub fn sent_to(&self, to: &str) -> Vec<Recorded> {
        self.sent().into_iter().filter(|message| message.to == to).collect()
    }

    /// Forgets what was recorded, not what is scripted.
    pub fn clear(&self) {
        self.0.lock().unwrap().attempts.clear();
    }
}

impl Carrier for Recorder {
    fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        let mut state = self.0.lock().unwrap();
        let outcome = state.script.pop_front().unwrap_or(Outcome::Sent);
        state.attempts.push(record(message, envelope, outcome.clone()));
        Handed::by("recorder", outcome)
    }
}

fn record(message: &Outgoing, envelope: &Envelope<'_>, outcome: Outcome) -> Recorded {
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
    Recorded {
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
