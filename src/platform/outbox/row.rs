//! A row on its way through the queue: what is known of it when it is claimed, when its attempt has ended,
//! and when it is settled.

use std::time::Duration;

use diesel::prelude::*;
use serde::de::DeserializeOwned;

use super::{Channel, MOST_AMBIGUOUS, Priority, SendResult};
use crate::kit::{DeliveryId, OutboxId, Phone, Timestamp};
use crate::platform::db::schema::outbox;

/// How long a claimed text or call belongs to its instance. A text takes 8 s at most, and a person waits for
/// the code that a lost instance had claimed.
pub(super) const SHORT_LEASE: Duration = Duration::from_secs(15);
/// The same for e-mails, webhooks and background jobs: a mail server may take 40 s.
pub(super) const LONG_LEASE: Duration = Duration::from_mins(1);
crate::text_enum! {
    /// State of a row.
    pub enum State {
        Queued = "queued",
        Leased = "leased",
        Sent = "sent",
        /// No longer needed, too late, or discarded by an operator.
        Dropped = "dropped",
        /// Failed for good; an operator may requeue it.
        Dead = "dead",
    }
}

/// A row of the outbox, as the worker that claimed it sees it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Job {
    pub id: OutboxId,
    /// Name of the topic that renders it.
    pub topic: String,
    /// Stable over attempts and unique per row.
    pub dedupe_key: String,
    /// The address, if the row holds it.
    pub recipient: Option<String>,
    /// Ids that the text is about, as JSON.
    payload: String,
    /// Number of attempts started, including this one.
    pub attempts: i32,
    /// When the message is no longer worth sending.
    pub not_after: Option<Timestamp>,
    /// Outcome label of the last failed attempt.
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub channel: Channel,
    /// Number of attempts with an unknown result.
    pub ambiguous: i32,
    /// [`Priority`](super::Priority) as stored.
    pub(super) priority: i32,
}

impl Job {
    /// Parses the payload; `None` if another version wrote it in a different shape.
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.payload).ok()
    }

    /// Whether it is one of the many that nobody waits for.
    pub(super) fn is_bulk(&self) -> bool {
        self.priority >= Priority::Bulk as i32
    }

    /// The phone number, if the row holds one.
    pub fn phone(&self) -> Option<Phone> {
        self.recipient.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
    }

    /// Whether `more` ambiguous attempts would be too many.
    pub(super) fn is_used_up_by(&self, more: i32) -> bool {
        self.ambiguous + more >= MOST_AMBIGUOUS && self.channel.is_repeated_once()
    }
}

/// How many rows of a channel can be sent now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub channel: Channel,
    pub rows: u32,
    /// How many of them may be bulk.
    pub bulk: u32,
    /// Whether one row is to test if the paused channel works again.
    pub is_trial: bool,
}

/// A row that is leased to this instance.
pub(super) struct Claim {
    pub job: Job,
    /// Fencing token: the same for all rows that were claimed together.
    pub lease: DeliveryId,
    /// When the lease ends.
    pub ends_at: Timestamp,
    /// Id of the attempt, which a provider's callback names.
    pub attempt: DeliveryId,
    /// Whether it was claimed to test if a paused channel works again.
    pub is_trial: bool,
}

/// What is in the queue.
pub(super) struct QueueState {
    pub channels: Vec<ChannelState>,
    /// Whether a clock that was ahead scheduled a row.
    pub has_future_rows: bool,
}

/// When the next row of a channel is due, and when its next trial is if it is paused.
pub(super) struct ChannelState {
    pub channel: Channel,
    pub next_at: Option<Timestamp>,
    pub try_at: Option<Timestamp>,
}

/// An attempt that has ended, and whose result is not stored yet.
pub(super) struct Finished {
    pub claim: Claim,
    pub result: SendResult,
}

/// What becomes of a row.
pub(super) struct Settlement {
    pub state: State,
    pub next_at: Timestamp,
    pub last_error: Option<String>,
    pub settled_at: Option<Timestamp>,
    pub ambiguous: i32,
    pub attempts: i32,
}

impl Settlement {
    /// A finished message loses its address; a dead one keeps it, so that it can be requeued.
    pub(super) fn keeps_address(&self) -> bool {
        self.settled_at.is_none() || self.state == State::Dead
    }

    pub(super) fn over(state: State, job: &Job, now: Timestamp) -> Self {
        Self { state, settled_at: Some(now), ..Self::again(job, now) }
    }

    pub(super) fn again(job: &Job, next_at: Timestamp) -> Self {
        Self {
            state: State::Queued,
            next_at,
            last_error: job.last_error.clone(),
            settled_at: None,
            ambiguous: job.ambiguous,
            attempts: job.attempts,
        }
    }

    pub(super) fn because(self, why: &str) -> Self {
        Self { last_error: Some(why.to_owned()), ..self }
    }
}
