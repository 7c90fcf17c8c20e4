//! Notifications as outbox rows.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::recipient::{self, Addressee, Recipient};
use crate::kit::{DigestId, LinkId, PracticeId, Timestamp};
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::{Tx, db};

/// Kinds of notifications, with an example of each subject line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", prefix = "notice_")]
pub enum Kind {
    /// "A new patient connected."
    NewPairing,
    /// "5 new patients connected."
    Digest,
    /// "A patient signed in on a new device."
    NewDevice,
    /// "An address refuses our e-mails."
    Bounced,
    /// "An invite was opened with a different number."
    OtherNumber,
}

impl Kind {
    /// Name of the topic in the outbox.
    pub fn topic(self) -> &'static str {
        self.into()
    }

    /// Whether the recipient can turn it off or lower its frequency.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::NewPairing | Self::Digest)
    }
}

/// What an outbox row stores: ids, and no address in clear text.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub practice: PracticeId,
    #[serde(rename = "person")]
    pub recipient: Recipient,
    /// Keyed hash of the address when the row was queued: what a bounce pauses if the recipient has
    /// no address any more.
    pub mailbox: String,
    pub link: Option<LinkId>,
    pub at: Timestamp,
    /// Id of the digest, for [`Kind::Digest`] only.
    pub digest: Option<DigestId>,
}

impl Payload {
    /// Payload for one recipient, about no link, as of now.
    pub(super) fn new(tx: &Tx, practice_id: &PracticeId, to: &Addressee) -> Self {
        Self {
            practice: practice_id.clone(),
            recipient: to.recipient.clone(),
            mailbox: recipient::mailbox_key(tx.keys, &to.email),
            link: None,
            at: tx.now,
            digest: None,
        }
    }

    pub(super) fn about(self, link_id: &LinkId) -> Self {
        Self { link: Some(link_id.clone()), ..self }
    }
}

/// Deduplication key of a digest, which belongs to one recipient.
pub(super) fn digest_key(id: &DigestId) -> String {
    format!("digest:{id}")
}

/// Queues a notification about `fact`, once per recipient. The row stores no address: the mail goes to the
/// recipient's address when it is sent.
pub(super) fn enqueue(tx: &mut Tx, kind: Kind, fact: &str, payload: &Payload) -> db::Result<()> {
    let dedupe_key = format!("mail:{fact}:{}", payload.recipient.as_str());
    enqueue_due(tx, kind, dedupe_key, payload, None)
}

/// Queues a digest, which is sent when it is due.
pub(super) fn enqueue_digest(
    tx: &mut Tx,
    id: &DigestId,
    payload: &Payload,
    due: Timestamp,
) -> db::Result<()> {
    enqueue_due(tx, Kind::Digest, digest_key(id), payload, Some(due))
}

fn enqueue_due(
    tx: &mut Tx,
    kind: Kind,
    dedupe_key: String,
    payload: &Payload,
    due: Option<Timestamp>,
) -> db::Result<()> {
    let message = Message {
        topic: kind.topic(),
        priority: outbox::Priority::Notice,
        channel: Channel::Email,
        dedupe_key,
        recipient: None,
        payload: serde_json::to_value(payload).unwrap_or_default(),
        due,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}
