//! Background job that processes one chunk of a list.

use serde::Deserialize;

use crate::kit::ImportId;
use crate::platform::outbox::{Job, Outcome, Rendered, Topic};
use crate::platform::{Tx, db};

/// Outbox topic of the job.
pub struct ImportTopic;

#[derive(Deserialize)]
struct Payload {
    import: ImportId,
    first: i32,
}

impl ImportTopic {
    /// Topic name, stored in the outbox.
    pub const NAME: &'static str = "invite_import";
}

impl Topic for ImportTopic {
    fn render(&self, _: &mut Tx, _: &Job) -> db::Result<Rendered> {
        Ok(Rendered::Task)
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        match (outcome, job.payload::<Payload>()) {
            (Outcome::Sent, Some(payload)) => super::process(tx, &payload.import, payload.first),
            _ => Ok(()),
        }
    }
}
