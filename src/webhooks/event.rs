//! What a practice's machine is told: that something happened, and the ids to ask for it with. No name, number,
//! address, tag or text is in it: whoever reads the log of a receiver learns nothing of a patient.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kit::Timestamp;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub enum Kind {
    /// A patient and the practice were paired.
    #[serde(rename = "pairing.created")]
    PairingCreated,
    /// A conversation was opened.
    #[serde(rename = "conversation.created")]
    ConversationCreated,
    /// How far a conversation's patient is known has changed.
    #[serde(rename = "identity.changed")]
    IdentityChanged,
    /// Somebody accepted an invite.
    #[serde(rename = "invite.accepted")]
    InviteAccepted,
    /// A link was made or changed.
    #[serde(rename = "link.changed")]
    LinkChanged,
}

impl Kind {
    /// The word that the database and the receiver see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PairingCreated => "pairing.created",
            Self::ConversationCreated => "conversation.created",
            Self::IdentityChanged => "identity.changed",
            Self::InviteAccepted => "invite.accepted",
            Self::LinkChanged => "link.changed",
        }
    }
}

/// What happened, in ids and words of ours: nothing else has a place in it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Fact<'a> {
    /// A patient and the practice were paired.
    PairingCreated {
        /// The pairing.
        pairing_id: &'a str,
        /// What it opened.
        conversation_id: &'a str,
        /// Whom it is about.
        patient_id: &'a str,
        /// Through which link.
        link_id: &'a str,
        /// How the link reached the device.
        method: &'a str,
    },
    /// A conversation was opened.
    ConversationCreated {
        /// The conversation.
        conversation_id: &'a str,
        /// What opened it.
        pairing_id: &'a str,
        /// Whom it is about.
        patient_id: &'a str,
        /// Through which link.
        link_id: &'a str,
    },
    /// How far a conversation's patient is known has changed.
    IdentityChanged {
        /// The conversation.
        conversation_id: &'a str,
        /// The state that it is in now.
        state: &'a str,
        /// Whether health information may be written.
        phi_allowed: bool,
    },
    /// Somebody accepted an invite.
    InviteAccepted {
        /// The invite.
        invite_id: &'a str,
        /// The pairing that came of it.
        pairing_id: &'a str,
        /// What that opened.
        conversation_id: &'a str,
    },
    /// A link was made or changed.
    LinkChanged {
        /// The link.
        link_id: &'a str,
        /// The digits of its address.
        code: &'a str,
        /// The state that it is in now.
        state: &'a str,
    },
}

/// The whole body of a call.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    timestamp: Timestamp,
    data: &'a Fact<'a>,
}

impl Fact<'_> {
    /// What kind of event it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::PairingCreated { .. } => Kind::PairingCreated,
            Self::ConversationCreated { .. } => Kind::ConversationCreated,
            Self::IdentityChanged { .. } => Kind::IdentityChanged,
            Self::InviteAccepted { .. } => Kind::InviteAccepted,
            Self::LinkChanged { .. } => Kind::LinkChanged,
        }
    }

    /// The JSON that is signed and sent, the same over all attempts and replays.
    pub fn body(&self, now: Timestamp) -> String {
        let payload = Payload { kind: self.kind(), timestamp: now, data: self };
        serde_json::to_string(&payload).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_type_a_moment_and_ids() {
        let fact = Fact::LinkChanged { link_id: "lnk_1", code: "123456", state: "paused" };
        assert_eq!(
            fact.body(Timestamp::from_millis(1_700_000_000_123)),
            r#"{"type":"link.changed","timestamp":"2023-11-14T22:13:20.123Z","data":{"link_id":"lnk_1","code":"123456","state":"paused"}}"#
        );
    }

    // Standard Webhooks asks for less than 20 kB; ids have 40 characters.
    #[test]
    fn the_longest_body_is_far_below_20_kb() {
        let long = "x".repeat(64);
        let (pairing_id, conversation_id, patient_id, link_id, method) =
            (&*long, &*long, &*long, &*long, &*long);
        let fact = Fact::PairingCreated { pairing_id, conversation_id, patient_id, link_id, method };
        assert!(fact.body(Timestamp::from_millis(0)).len() < 1_000);
    }

    #[test]
    fn every_kind_is_written_as_it_is_named() {
        for kind in [
            Kind::PairingCreated,
            Kind::ConversationCreated,
            Kind::IdentityChanged,
            Kind::InviteAccepted,
            Kind::LinkChanged,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
