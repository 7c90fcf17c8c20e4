//! Grading as a background job of the outbox: nothing is sent, and the grade commits together with the job.

use serde::Deserialize;

use crate::domain::conversations;
use crate::kit::ConversationId;
use crate::platform::outbox::{Job, Outcome, Rendered, Topic};
use crate::platform::{Tx, db};

/// Background job that grades a conversation.
pub struct GradeTopic;

#[derive(Deserialize)]
struct Payload {
    conversation: ConversationId,
}

impl GradeTopic {
    /// Topic name in the outbox.
    pub const NAME: &'static str = conversations::GRADE;
}

impl Topic for GradeTopic {
    fn render(&self, _: &mut Tx, _: &Job) -> db::Result<Rendered> {
        Ok(Rendered::Task)
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        match (outcome, job.payload::<Payload>()) {
            (Outcome::Sent, Some(payload)) => super::regrade(tx, &payload.conversation).map(drop),
            _ => Ok(()),
        }
    }
}
