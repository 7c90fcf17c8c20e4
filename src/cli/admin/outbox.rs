//! `practice-links admin outbox …`

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::kit::OutboxId;
use crate::platform::Service;
use crate::platform::outbox::{self, Channel, Job};
use crate::web::state::State;

#[derive(Subcommand)]
pub(crate) enum OutboxTask {
    /// List paused channels, and the messages in one state with their attempts.
    List {
        /// The state: `queued`, `leased`, `sent`, `dropped` or `dead`.
        #[arg(long, default_value = "dead")]
        state: String,
    },
    /// Give a dead message another round of attempts.
    Requeue {
        /// The id of the message, such as `out_…`.
        id: OutboxId,
    },
    /// Drop a dead or queued message and delete its address.
    Discard {
        /// The id of the message, such as `out_…`.
        id: OutboxId,
    },
    /// Resume a paused channel now, instead of at its next trial.
    Resume {
        /// The channel: `sms`, `voice`, `email` or `webhook`.
        channel: String,
    },
}

pub(super) fn run(task: OutboxTask, state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    let service = &state.service;
    match task {
        OutboxTask::List { state } => list(&state, service, out),
        OutboxTask::Requeue { id } => {
            let is_done = service.write_blocking(|tx| outbox::requeue(tx, &id))?;
            let refusal = format!("{id}: there is no dead message with this id");
            print_result(out, is_done, &format!("{id} is queued again."), &refusal)
        }
        OutboxTask::Discard { id } => {
            let is_done = service.write_blocking(|tx| outbox::discard(tx, &state.topics, &id))?;
            let refusal = format!("{id}: there is no dead or queued message with this id");
            print_result(out, is_done, &format!("{id} was dropped."), &refusal)
        }
        OutboxTask::Resume { channel } => {
            let known = channel.parse::<Channel>().map_err(|_| {
                Failure::Refused(format!("{channel}: is not a channel (sms, voice, email, webhook)"))
            })?;
            let is_done = service.write_blocking(|tx| outbox::resume(tx, known))?;
            let refusal = format!("{channel} is not paused");
            print_result(out, is_done, &format!("{channel} is active again."), &refusal)
        }
    }
}

fn print_result(out: &mut dyn Write, is_done: bool, done: &str, refusal: &str) -> Result<(), Failure> {
    match is_done {
        true => Ok(writeln!(out, "{done}")?),
        false => Err(Failure::Refused(refusal.to_owned())),
    }
}

/// Prints ids, counts and labels, but no phone number and no address.
fn list(state: &str, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    for pause in service.read_blocking(outbox::pauses)? {
        writeln!(
            out,
            "{} is PAUSED since {}: {} (next trial {})",
            pause.channel, pause.paused_at, pause.reason, pause.try_at
        )?;
    }
    let Ok(state) = state.parse() else { return Ok(()) };
    for job in service.read_blocking(|tx| outbox::list(tx, state))? {
        writeln!(out, "{}", line(&job))?;
        for attempt in service.read_blocking(|tx| outbox::attempts(tx, &job.id))? {
            let provider = attempt.provider.as_deref().unwrap_or("-");
            let outcome = attempt.outcome.as_deref().unwrap_or("unfinished");
            writeln!(out, "    {}  {provider}  {outcome}  receipt {}", attempt.started_at, attempt.receipt)?;
        }
    }
    Ok(())
}

fn line(job: &Job) -> String {
    let error = job.last_error.as_deref().unwrap_or("-");
    let (id, channel, topic) = (&job.id, &job.channel, &job.topic);
    format!("{id}  {channel}  {topic}  attempts {}  {}  {error}", job.attempts, job.created_at)
}
