//! Batches of events that were drained from memory and are not known to be written.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::Event;

/// Events that were drained together. A failed commit may still have happened, so they keep their ids until
/// one attempt succeeds: written twice, they count once.
pub(super) struct Batch {
    pub events: Vec<Event>,
    /// How often the database refused them.
    pub refused: u32,
}

#[derive(Default)]
pub(super) struct Backlog(Mutex<VecDeque<Batch>>);

impl Backlog {
    pub(super) fn events(&self) -> usize {
        self.lock().iter().map(|batch| batch.events.len()).sum()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
