//! `practice-links admin events …`

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::kit::EventId;
use crate::platform::event_log::{self, Lag, Parked};
use crate::web::state::State;

#[derive(Subcommand)]
pub(crate) enum EventsTask {
    /// List how far each reaction has read the event log, and the events that one failed at.
    List,
    /// Let the reactions that gave up on an event read it again.
    Retry {
        /// The id of the event, such as `evt_…`; all parked events if it is left out.
        id: Option<EventId>,
    },
}

pub(super) fn run(task: EventsTask, state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        EventsTask::List => list(state, out),
        EventsTask::Retry { id } => retry(state, id.as_ref(), out),
    }
}

fn list(state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    let (lags, parked) = state.service.read_blocking(|tx| {
        Ok::<_, crate::platform::db::Error>((event_log::lag(tx)?, event_log::parked(tx)?))
    })?;
    for Lag { reaction, events, since } in lags {
        match since {
            Some(since) => writeln!(out, "{reaction}: {events} events behind, since {since}")?,
            None => writeln!(out, "{reaction}: up to date")?,
        }
    }
    for Parked { reaction, event_id, attempts, error, failed_at, parked_at } in parked {
        let state = if parked_at.is_some() { "parked" } else { "is tried again" };
        writeln!(out, "{event_id}  {reaction}  {state}  attempts {attempts}  {failed_at}  {error}")?;
    }
    Ok(())
}

/// One transaction for each, so that one that fails again keeps no other.
fn retry(state: &State, id: Option<&EventId>, out: &mut dyn Write) -> Result<(), Failure> {
    let parked = state.service.read_blocking(event_log::parked)?;
    let wanted =
        parked.iter().filter(|one| one.parked_at.is_some() && id.is_none_or(|id| one.event_id == *id));
    let (mut done, mut failed) = (0, 0);
    for Parked { reaction, event_id, .. } in wanted {
        match state.service.write_blocking(|tx| event_log::retry(tx, &state.reactions, reaction, event_id)) {
            Ok(true) => {
                done += 1;
                writeln!(out, "{event_id}: {reaction} has read it.")?;
            }
            Ok(false) => writeln!(out, "{event_id}: this release has no reaction {reaction}.")?,
            Err(error) => {
                failed += 1;
                writeln!(out, "{event_id}: {reaction} failed again: {error}")?;
            }
        }
    }
    match (done, failed, id) {
        (0, 0, Some(id)) => Err(Failure::Refused(format!("{id}: no reaction has given up on this event"))),
        (_, 0, _) => Ok(()),
        (_, failed, _) => Err(Failure::Refused(format!("{failed} events stay parked"))),
    }
}
