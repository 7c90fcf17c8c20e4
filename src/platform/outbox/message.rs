//! Messages on their way out, and the results that a transport can report.

use std::fmt;
use std::time::Duration;

use crate::kit::{DeliveryId, Email, EventId, Language, OutboxId, Phone, Secret, Timestamp};

crate::text_enum! {
    /// Delivery channels. Each has its own workers, its own send rate and its own pause.
    pub enum Channel {
        Sms = "sms",
        /// Phone calls that read a code aloud.
        Voice = "voice",
        Email = "email",
        /// Signed POST requests to a practice's own server.
        Webhook = "webhook",
        /// Background jobs inside the service: nothing is sent.
        Task = "task",
    }
}

crate::text_enum! {
    /// The latest report about an attempt.
    pub enum Receipt {
        None = "none",
        /// It is in the provider's queue.
        Accepted = "accepted",
        /// It was passed on towards the recipient.
        Sent = "sent",
        Undelivered = "undelivered",
        Delivered = "delivered",
    }
}

impl Channel {
    /// Whether a second copy does harm: a text or call that may have arrived is repeated once, while an
    /// e-mail or webhook is recognized by its id and repeated as long as it takes.
    pub fn is_repeated_once(self) -> bool {
        matches!(self, Self::Sms | Self::Voice)
    }
}

/// A rendered message. No `Debug`, because it holds codes and addresses.
pub enum Outgoing {
    Sms(TextMessage),
    /// A call that reads a code aloud.
    Voice(VoiceCall),
    Email(Mail),
    /// A signed POST request to a webhook.
    Webhook(WebhookCall),
}

pub struct TextMessage {
    pub to: Phone,
    pub body: String,
    /// The code in the text, if there is one, for the development page.
    pub code: Option<String>,
    /// Which of our own numbers may send it.
    pub sender: Sender,
}

/// Which of our own numbers may send a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Any number except these: the recipient said STOP to them.
    AnyBut(Vec<String>),
    /// Only this number: a reply comes from the number that was written to, and the confirmation of a STOP
    /// is the one text that may follow a STOP.
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

/// A phone call that reads a code aloud.
pub struct VoiceCall {
    pub to: Phone,
    /// Text that is read aloud.
    pub body: String,
    pub language: Language,
    /// The code in the text, for the development page.
    pub code: String,
}

/// An e-mail, as plain text and as HTML.
pub struct Mail {
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// URL of the one-click unsubscribe (RFC 8058), if there is one.
    pub unsubscribe: Option<String>,
}

/// A webhook call (Standard Webhooks 1.0).
pub struct WebhookCall {
    pub url: String,
    /// `webhook-id`: the event's id, the same over attempts and replays.
    pub event_id: EventId,
    /// JSON body, exactly as it is signed.
    pub body: String,
    /// `whsec_…` secrets; two while one is being replaced.
    pub secrets: Vec<Secret>,
}

/// What a transport may know of the row behind a message.
pub struct Envelope<'a> {
    /// Stable over attempts and unique per row, for providers that deduplicate.
    pub key: &'a str,
    /// The row's id, from which a mail's `Message-ID` is made.
    pub row_id: &'a OutboxId,
    /// This attempt's id, which a provider's callback names.
    pub delivery_id: &'a DeliveryId,
    /// Number of earlier attempts with an unknown result.
    pub ambiguous: i32,
    /// After this moment the message is worthless.
    pub not_after: Option<Timestamp>,
}

/// Result of rendering a row.
pub enum Rendered {
    /// A message to be sent.
    Ready(Outgoing),
    /// Nothing to send: the topic does the work itself, in the transaction that settles the row.
    Task,
    /// Nothing to send: the fact behind the row no longer needs it.
    Unwanted,
    /// Nothing to send here and now, and the label says why: another instance, or this one later, can do it.
    NotYet(&'static str),
}

impl From<Option<Outgoing>> for Rendered {
    fn from(message: Option<Outgoing>) -> Self {
        message.map_or(Self::Unwanted, Self::Ready)
    }
}

/// Result of one attempt. The labels quote nothing of what was sent or answered.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The transport accepted the message.
    Sent,
    /// It was too late to send it.
    Expired,
    /// The fact behind it no longer needs it.
    Unwanted,
    /// Failed for now; try again later.
    Retry(&'static str),
    /// Try again, but not before the provider's own `Retry-After`.
    RetryAfter(&'static str, Duration),
    /// Not tried, and so no attempt is used up; try after this long.
    NotTried(&'static str, Duration),
    /// It may or may not have been accepted: the result is unknown.
    Ambiguous(&'static str),
    /// This number cannot be texted, but may be called.
    TransportRejected(&'static str),
    /// Rejected for good; never try again.
    Rejected(&'static str),
    /// The provider suspects toll fraud: neither text nor call.
    Fraud(&'static str),
    /// Our account at the provider is misconfigured: no message of this channel can be sent until
    /// an operator fixes it.
    Misconfigured(&'static str),
}

impl Outcome {
    /// The mail server says that the mailbox does not exist.
    pub const MAILBOX_GONE: Self = Self::Rejected("mailbox_refused");
    /// The webhook's server answers 410.
    pub const WEBHOOK_GONE: Self = Self::Rejected("gone");

    /// Label for logs and for the attempt's row.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Expired => "expired",
            Self::Unwanted => "unwanted",
            Self::Retry(why)
            | Self::RetryAfter(why, _)
            | Self::NotTried(why, _)
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

/// What a transport returns for one attempt.
#[derive(Debug, Clone)]
pub struct SendResult {
    pub outcome: Outcome,
    /// Provider that accepted it, or rejected it last; empty if none was asked.
    pub provider: &'static str,
    /// The provider's own id of the message.
    pub reference: Option<String>,
}

impl SendResult {
    /// An outcome from `provider`, without a reference.
    pub fn by(provider: &'static str, outcome: Outcome) -> Self {
        Self { outcome, provider, reference: None }
    }
}

impl From<Outcome> for SendResult {
    fn from(outcome: Outcome) -> Self {
        Self::by("", outcome)
    }
}

/// What a provider reports on an attempt after it accepted the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It is in the provider's queue.
    Accepted,
    /// It was passed on towards the recipient.
    Sent,
    /// It was not delivered, and why.
    Undelivered(Outcome),
    /// It was delivered to the recipient.
    Delivered,
}

impl Report {
    pub fn receipt(&self) -> Receipt {
        match self {
            Self::Accepted => Receipt::Accepted,
            Self::Sent => Receipt::Sent,
            Self::Undelivered(_) => Receipt::Undelivered,
            Self::Delivered => Receipt::Delivered,
        }
    }
}

impl Receipt {
    /// Receipts that this one may replace. Reports arrive out of order, but a receipt never moves back.
    /// A message that was delivered after all is delivered, whatever was reported before.
    pub(super) fn lower(self) -> &'static [Self] {
        match self {
            Self::None => &[],
            Self::Accepted => &[Self::None],
            Self::Sent => &[Self::None, Self::Accepted],
            Self::Undelivered => &[Self::None, Self::Accepted, Self::Sent],
            Self::Delivered => &[Self::None, Self::Accepted, Self::Sent, Self::Undelivered],
        }
    }
}

/// Sends messages to the outside world: through the providers, or to a test's recorder.
pub trait Transport: Send + Sync {
    /// Sends `message`. Blocks for seconds at most.
    fn deliver(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult;
}
