//! Grading as a background job of the outbox: nothing is sent, and the grade commits together with the job.

use serde::Deserialize;

use crate::app::Ctx;
use crate::conversations;
use crate::db::{self, Conn};
use crate::outbox::{Job, Outcome, Rendered, Topic};

/// Background job that grades a conversation.
pub struct GradeTopic;

#[derive(Deserialize)]
struct Payload {
    conversation: String,
}

impl GradeTopic {
    /// Topic name in the outbox.
    pub const NAME: &'static str = conversations::GRADE;
}

impl Topic for GradeTopic {
    fn render(&self, _: &Ctx, _: &mut Conn, _: &Job) -> db::Result<Rendered> {
        Ok(Rendered::Task)
    }

    fn settled(&self, ctx: &Ctx, conn: &mut Conn, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        match (outcome, job.payload::<Payload>()) {
            (Outcome::Sent, Some(payload)) => super::regrade(ctx, conn, &payload.conversation).map(drop),
            _ => Ok(()),
        }
    }
}
