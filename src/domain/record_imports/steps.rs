//! The steps of an import, which are background jobs: each step queues the next.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kit::{ImportId, PracticeId};
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::{Tx, db};

/// Name of the jobs' topic in the outbox.
pub(super) const TOPIC: &str = "record_import";

/// The next step of an import.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Process the chunk at this position.
    Chunk(i64),
    /// Make left-out records inactive, in numbered rounds.
    Retire(i64),
    /// Grade open identity checks again.
    Grade {
        practice: PracticeId,
        /// The last conversation that was graded.
        after: String,
    },
}

#[derive(Deserialize)]
pub(super) struct Payload {
    pub import: ImportId,
    pub step: Step,
}

/// Queues a step, unless it was queued before.
pub(super) fn queue(tx: &mut Tx, import_id: &ImportId, step: &Step) -> db::Result<()> {
    let place = match step {
        Step::Chunk(position) => position.to_string(),
        Step::Retire(round) => format!("retire:{round}"),
        Step::Grade { after, .. } => format!("grade:{after}"),
    };
    let message = Message {
        topic: TOPIC,
        priority: outbox::Priority::Notice,
        channel: Channel::Task,
        dedupe_key: format!("import:{import_id}:{place}"),
        recipient: None,
        payload: json!({ "import": import_id, "step": step }),
        due: None,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}
