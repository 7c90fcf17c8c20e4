//! Webhook events: what happened, and the ids to fetch more with. They contain no name, phone number,
//! address, tag or text, so that the log of a receiver reveals nothing about a patient.

use serde::Serialize;

use crate::kit::{ConversationId, InviteId, LinkId, PairingId, PatientId, Timestamp};

crate::text_enum! {
    /// The type of a webhook event.
    #[schema(as = WebhookEvent)]
    pub enum Kind {
        /// A patient and the practice were paired.
        PairingCreated = "pairing.created",
        /// A new conversation was opened.
        ConversationCreated = "conversation.created",
        /// The identity state of a conversation's patient changed.
        IdentityChanged = "identity.changed",
        /// A patient accepted an invite.
        InviteAccepted = "invite.accepted",
        /// A link was created or changed.
        LinkChanged = "link.changed",
    }
}

/// The data of an event: only ids and enumerated values, so that no patient data fits in.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Fact<'a> {
    /// A patient and the practice were paired.
    PairingCreated {
        pairing_id: &'a PairingId,
        /// The conversation that the pairing opened.
        conversation_id: &'a ConversationId,
        patient_id: &'a PatientId,
        link_id: &'a LinkId,
        /// How the link reached the device, e.g. by scan.
        method: &'a str,
    },
    /// A new conversation was opened.
    ConversationCreated {
        conversation_id: &'a ConversationId,
        /// The pairing that opened it.
        pairing_id: &'a PairingId,
        patient_id: &'a PatientId,
        link_id: &'a LinkId,
    },
    /// The identity state of a conversation's patient changed.
    IdentityChanged {
        conversation_id: &'a ConversationId,
        /// The current identity state.
        state: &'a str,
        /// Whether staff may write protected health information.
        phi_allowed: bool,
    },
    /// A patient accepted an invite.
    InviteAccepted {
        invite_id: &'a InviteId,
        /// The pairing that resulted.
        pairing_id: &'a PairingId,
        /// The conversation that the pairing opened.
        conversation_id: &'a ConversationId,
    },
    /// A link was created or changed.
    LinkChanged {
        link_id: &'a LinkId,
        /// The digits of the link's URL.
        code: &'a str,
        /// The current state of the link.
        state: &'a str,
    },
}

/// The whole body of a webhook call.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    timestamp: Timestamp,
    data: &'a Fact<'a>,
}

impl Fact<'_> {
    /// Returns the type of the event.
    pub fn kind(&self) -> Kind {
        match self {
            Self::PairingCreated { .. } => Kind::PairingCreated,
            Self::ConversationCreated { .. } => Kind::ConversationCreated,
            Self::IdentityChanged { .. } => Kind::IdentityChanged,
            Self::InviteAccepted { .. } => Kind::InviteAccepted,
            Self::LinkChanged { .. } => Kind::LinkChanged,
        }
    }

    /// Returns the JSON that is signed and sent, identical in all attempts and replays.
    pub fn body(&self, now: Timestamp) -> String {
        let payload = Payload { kind: self.kind(), timestamp: now, data: self };
        serde_json::to_string(&payload).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn a_body_is_a_type_a_moment_and_ids() {
        let link_id = &LinkId::from("lnk_1");
        let fact = Fact::LinkChanged { link_id, code: "123456", state: "paused" };
        assert_eq!(
            fact.body(Timestamp::from_millis(1_700_000_000_123)),
            concat!(
                r#"{"type":"link.changed","timestamp":"2023-11-14T22:13:20.123Z","#,
                r#""data":{"link_id":"lnk_1","code":"123456","state":"paused"}}"#
            )
        );
    }

    // Standard Webhooks asks for less than 20 kB; ids have 40 characters.
    #[test]
    fn the_longest_body_is_far_below_20_kb() {
        let long = "x".repeat(64);
        let fact = Fact::PairingCreated {
            pairing_id: &PairingId::from(&*long),
            conversation_id: &ConversationId::from(&*long),
            patient_id: &PatientId::from(&*long),
            link_id: &LinkId::from(&*long),
            method: &long,
        };
        assert!(fact.body(Timestamp::from_millis(0)).len() < 1_000);
    }

    #[test]
    fn every_kind_is_written_as_it_is_named() {
        for kind in Kind::VARIANTS {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
