//! A message on its way out, and what a carrier can say of it.

use std::fmt;
use std::time::Duration;

use crate::kit::{Email, Language, Phone, Secret, Timestamp};

/// The ways out. Each has its own workers, its own rate and its own pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Text messages.
    Sms,
    /// Calls.
    Voice,
    /// E-mails.
    Email,
    /// Calls of a practice's own machine.
    Webhook,
    /// Work inside of the house: nothing leaves.
    Task,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sms, Self::Voice, Self::Email, Self::Webhook, Self::Task];

    /// The word that the database and the metrics use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Task => "task",
        }
    }

    /// The channel of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// Whether a second copy does harm: a text or call that may have arrived is repeated once, an e-mail or
    /// webhook is recognised by its id and repeated as long as it takes.
    pub fn is_repeated_once(self) -> bool {
        matches!(self, Self::Sms | Self::Voice)
    }
}

/// A rendered message. No `Debug`: it holds codes and addresses.
pub enum Outgoing {
    /// A text message.
    Sms(Text),
    /// A call that reads a code aloud.
    Voice(Spoken),
    /// An e-mail.
    Email(Mail),
    /// A signed POST.
    Webhook(Hook),
}

/// A text message.
pub struct Text {
    /// The number.
    pub to: Phone,
    /// The whole text.
    pub body: String,
    /// The code in it, where there is one, for the development page.
    pub code: Option<String>,
    /// Which of our own numbers may send it.
    pub sender: Sender,
}

/// Which of our own numbers may send a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Any but these: the number said STOP to them.
    AnyBut(Vec<String>),
    /// This one alone: an answer comes from the number that was written to, and a confirmed STOP is the one
    /// text that may follow a STOP.
    Only(String),
}

impl Sender {
    /// Whether `number` may send it.
    pub fn allows(&self, number: &str) -> bool {
        match self {
            Self::AnyBut(barred) => !barred.iter().any(|one| one == number),
            Self::Only(one) => one == number,
        }
    }
}

/// A call.
pub struct Spoken {
    /// The number.
    pub to: Phone,
    /// What is read.
    pub body: String,
    /// In which language.
    pub language: Language,
    /// The code in it, for the development page.
    pub code: String,
}

/// An e-mail in both of its forms.
pub struct Mail {
    /// The recipient.
    pub to: Email,
    /// The subject line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The URL of the one-click unsubscription (RFC 8058), where there is one.
    pub unsubscribe: Option<String>,
}

/// A webhook (Standard Webhooks 1.0).
pub struct Hook {
    /// Where to.
    pub url: String,
    /// `webhook-id`: the event's, the same over attempts and replays.
    pub event_id: String,
    /// The JSON.
    pub body: String,
    /// `whsec_…`; two while a secret is being replaced.
    pub secrets: Vec<Secret>,
}

/// What a carrier may know of the row behind a message.
pub struct Envelope<'a> {
    /// Stable over attempts and unique over rows, for providers that deduplicate.
    pub key: &'a str,
    /// The row's id: what a mail's `Message-ID` is made of.
    pub row_id: &'a str,
    /// This attempt's id: what a provider's callback names.
    pub delivery_id: &'a str,
    /// Earlier attempts whose end nobody knows.
    pub ambiguous: i32,
    /// After this moment it is worth nothing.
    pub not_after: Option<Timestamp>,
}

/// What a row became.
pub enum Rendered {
    /// A message to be sent.
    Ready(Outgoing),
    /// Nothing to send: the work is the topic's own, in the transaction that settles the row.
    Task,
    /// Nothing: the fact behind it no longer wants it.
    Unwanted,
    /// Nothing here and now, and the label says why: another instance, or this one later, can do it.
    NotYet(&'static str),
}

impl From<Option<Outgoing>> for Rendered {
    fn from(message: Option<Outgoing>) -> Self {
        message.map_or(Self::Unwanted, Self::Ready)
    }
}

/// What became of one attempt. The labels quote nothing of what was sent or answered.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The carrier took it.
    Sent,
    /// It was too late to send it.
    Expired,
    /// The fact behind it no longer wants it.
    Unwanted,
    /// Try again later.
    Retry(&'static str),
    /// Try again, not before the carrier's own `Retry-After`.
    RetryAfter(&'static str, Duration),
    /// It may have been taken or not: nobody knows.
    Ambiguous(&'static str),
    /// This number cannot be texted; it may be called.
    TransportRejected(&'static str),
    /// Never try again.
    Rejected(&'static str),
    /// The carrier takes it for toll fraud: neither text nor call.
    Fraud(&'static str),
    /// Our own account there is wrong: no message of this channel can leave until an operator mends it.
    Misconfigured(&'static str),
}

impl Outcome {
    /// A word for logs and the attempt's row.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Expired => "expired",
            Self::Unwanted => "unwanted",
            Self::Retry(why)
            | Self::RetryAfter(why, _)
            | Self::Ambiguous(why)
            | Self::TransportRejected(why)
            | Self::Rejected(why)
            | Self::Fraud(why)
            | Self::Misconfigured(why) => why,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What a carrier says of one attempt.
#[derive(Debug, Clone)]
pub struct Handed {
    /// What became of it.
    pub outcome: Outcome,
    /// Who took it, or refused it last; empty where nobody was asked.
    pub provider: &'static str,
    /// The provider's own id of it.
    pub reference: Option<String>,
}

impl Handed {
    /// An outcome of `provider`'s.
    pub fn by(provider: &'static str, outcome: Outcome) -> Self {
        Self { outcome, provider, reference: None }
    }
}

impl From<Outcome> for Handed {
    fn from(outcome: Outcome) -> Self {
        Self::by("", outcome)
    }
}

/// What a provider reports of an attempt after it took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It is in the provider's queue.
    Accepted,
    /// It left for the carrier.
    Sent,
    /// It did not arrive, and why.
    Undelivered(Outcome),
    /// It arrived.
    Delivered,
}

impl Report {
    /// The word in `deliveries.receipt`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Undelivered(_) => "undelivered",
            Self::Delivered => "delivered",
        }
    }

    /// What it may follow. Reports come out of order; this order never goes back. What arrived after all has
    /// arrived, whatever was reported before.
    pub(super) fn lower(&self) -> &'static [&'static str] {
        match self {
            Self::Accepted => &["none"],
            Self::Sent => &["none", "accepted"],
            Self::Undelivered(_) => &["none", "accepted", "sent"],
            Self::Delivered => &["none", "accepted", "sent", "undelivered"],
        }
    }
}

/// Hands messages to the outer world: the providers, or a test's recorder.
pub trait Carrier: Send + Sync {
    /// Sends `message`. Blocks, for seconds at most.
    fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed;
}
