//! Grades the patients of new pairings, and of conversations in which something about the patient changed.

use std::collections::BTreeSet;

use crate::domain::events::EventKind;
use crate::platform::event_log::{Event, Reaction};
use crate::platform::{Tx, db};

/// Stores how well the patient of a conversation matches the practice's records.
pub struct Grading;

impl Reaction for Grading {
    fn name(&self) -> &'static str {
        "grading"
    }

    fn wants(&self, kind: &str) -> bool {
        let kind = kind.parse();
        matches!(kind, Ok(EventKind::PairingCreated | EventKind::ConversationPatientChanged))
    }

    fn react(&self, tx: &mut Tx, events: &[Event]) -> db::Result<()> {
        let conversations = events.iter().filter_map(|event| event.conversation_id.as_ref());
        super::regrade(tx, &conversations.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>())
    }
}
