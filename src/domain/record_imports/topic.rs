//! The steps of an import as background jobs of the outbox: each commits together with the job.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::draft::Read;
use crate::kit::ids::{ImportId, OutboxId, PracticeId};
use crate::platform::db;
use crate::platform::outbox::{self, Channel, Job, Message, Outcome, Rendered, Topic};
use crate::platform::tx::Tx;

/// Background job that runs one step of an import.
#[derive(Default)]
pub struct ImportTopic {
    /// Rows that were parsed ahead, by outbox job id.
    ready: Mutex<HashMap<OutboxId, Vec<Read>>>,
}

impl ImportTopic {
    /// Topic name in the outbox.
    pub const NAME: &'static str = "record_import";

    fn ready(&self) -> MutexGuard<'_, HashMap<OutboxId, Vec<Read>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next step of an import.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
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
struct Payload {
    import: ImportId,
    step: Step,
}

/// Queues a step, unless it was queued before.
pub fn queue(tx: &mut Tx, import_id: &ImportId, step: &Step) -> db::Result<()> {
    let place = match step {
        Step::Chunk(position) => position.to_string(),
        Step::Retire(round) => format!("retire:{round}"),
        Step::Grade { after, .. } => format!("grade:{after}"),
    };
    let message = Message {
        topic: ImportTopic::NAME,
        channel: Channel::Task,
        dedupe_key: format!("import:{import_id}:{place}"),
        recipient: None,
        payload: json!({ "import": import_id, "step": step }),
        due: None,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}

impl Topic for ImportTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        if let Some(Payload { import, step: Step::Chunk(position) }) = job.payload() {
            let rows = super::read_ahead(tx, &import, position)?;
            self.ready().insert(job.id.clone(), rows);
        }
        Ok(Rendered::Task)
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, is_over: bool) -> db::Result<()> {
        let ready = self.ready().remove(&job.id);
        let Some(Payload { import, step }) = job.payload() else { return Ok(()) };
        match (outcome, step) {
            (Outcome::Sent, Step::Chunk(position)) => {
                super::work(tx, (&import, position), ready, job.attempts > 1)
            }
            (Outcome::Sent, Step::Retire(round)) => super::retire::retire(tx, &import, round),
            (Outcome::Sent, Step::Grade { practice, after }) => super::grade(tx, &import, &practice, &after),
            // A step that keeps failing after all retries fails the import.
            (_, Step::Chunk(_) | Step::Retire(_)) if is_over => {
                super::end(tx, &import, "system", "failed").map(drop)
            }
            _ => Ok(()),
        }
    }
}
