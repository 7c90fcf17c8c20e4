//! A message on its way out, and what a carrier can say of it.

use std::fmt;

use crate::kit::{Email, Phone};

/// A rendered message. No `Debug`: it holds codes and addresses.
pub enum Outgoing {
    /// A text message.
    Sms {
        /// The number.
        to: Phone,
        /// The whole text.
        body: String,
        /// The code in it, where there is one, for the development page.
        code: Option<String>,
    },
    /// A call that reads `body` aloud.
    Voice {
        /// The number.
        to: Phone,
        /// What is read.
        body: String,
        /// The code in it, for the development page.
        code: String,
    },
    /// An e-mail.
    Email(Mail),
}

/// What a row became.
pub enum Rendered {
    /// A message to be sent.
    Ready(Outgoing),
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
}

/// What became of one attempt.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The carrier took it.
    Sent,
    /// It was too late to send it.
    Expired,
    /// The fact behind it no longer wants it.
    Unwanted,
    /// Try again later; the label says why and quotes nothing.
    Retry(&'static str),
    /// Never try again; the label says why.
    Rejected(&'static str),
}

impl Outcome {
    /// A word for logs and the attempt's row.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Expired => "expired",
            Self::Unwanted => "unwanted",
            Self::Retry(why) | Self::Rejected(why) => why,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Hands messages to the outer world: the providers, or a test's recorder.
pub trait Carrier: Send + Sync {
    /// Sends `message`; `key` is stable over attempts, for providers that deduplicate.
    fn carry(&self, message: &Outgoing, key: &str) -> Outcome;
}
