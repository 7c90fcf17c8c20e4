//! The steps of an import as background jobs of the outbox: each commits together with the job.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::State;
use super::draft::ParsedRow;
use super::steps::{Payload, Step, TOPIC};
use crate::kit::OutboxId;
use crate::platform::event_log::Actor;
use crate::platform::outbox::{Job, Outcome, Rendered, Topic};
use crate::platform::{Tx, db};

/// Background job that runs one step of an import.
#[derive(Default)]
pub struct ImportTopic {
    /// Rows that were parsed ahead, by outbox job id.
    ready: Mutex<HashMap<OutboxId, Vec<ParsedRow>>>,
}

impl ImportTopic {
    pub const NAME: &'static str = TOPIC;

    fn ready(&self) -> MutexGuard<'_, HashMap<OutboxId, Vec<ParsedRow>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic for ImportTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        if let Some(Payload { import, step: Step::Chunk(position) }) = job.payload() {
            let rows = super::parse_ahead(tx, &import, position)?;
            self.ready().insert(job.id.clone(), rows);
        }
        Ok(Rendered::Task)
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, is_over: bool) -> db::Result<()> {
        let ready = self.ready().remove(&job.id);
        let Some(Payload { import, step }) = job.payload() else { return Ok(()) };
        match (outcome, step) {
            (Outcome::Sent, Step::Chunk(position)) => {
                super::process_chunk(tx, (&import, position), ready, job.attempts > 1)
            }
            (Outcome::Sent, Step::Retire(round)) => super::retire::retire(tx, &import, round),
            (Outcome::Sent, Step::Grade { practice, after }) => super::grade(tx, &import, &practice, &after),
            // A step that keeps failing after all retries fails the import.
            (_, Step::Chunk(_) | Step::Retire(_)) if is_over => {
                super::end(tx, &import, Actor::System, State::Failed).map(drop)
            }
            _ => Ok(()),
        }
    }
}
