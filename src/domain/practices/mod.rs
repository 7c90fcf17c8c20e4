//! Practices: their profile, plan, state and logo.

mod profile;
mod store;

pub use profile::{Change, Error, change, line, logo, set_logo, time_zone};
pub use store::Practice;

use crate::kit::{Email, Language, PracticeId};
use crate::platform::{Tx, db};

crate::text_enum! {
    pub enum Plan {
        /// The default link only.
        Basic = "basic",
        /// Additional links with their own tags and owners.
        Communicator = "communicator",
    }
}

crate::text_enum! {
    /// Lifecycle state of a practice.
    pub enum State {
        /// Patients can reach the practice.
        Active = "active",
        /// The operator has hidden its pages for now.
        Suspended = "suspended",
        /// Closed for good, with all its links.
        Closed = "closed",
    }
}

/// A profile field with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct BadField {
    /// JSON Pointer to the field.
    pub pointer: &'static str,
    /// Error code for machines, in `snake_case`.
    pub code: &'static str,
    /// Error text for people.
    pub detail: String,
}

impl BadField {
    fn new(pointer: &'static str, code: &'static str, detail: &str) -> Self {
        Self { pointer, code, detail: detail.to_owned() }
    }
}

/// The data of a practice to create.
pub struct NewPractice {
    /// The name that patients see.
    pub name: String,
    pub city: String,
    pub plan: Plan,
    /// The language of notices to the practice.
    pub language: Language,
    pub time_zone: String,
    /// The address that receives notices; `None` sends none.
    pub notice_email: Option<Email>,
}

pub fn create(tx: &mut Tx, new: &NewPractice) -> db::Result<Practice> {
    let id = tx.id::<PracticeId>();
    store::insert(tx.conn, &id, new, tx.now)
}

pub fn find(tx: &mut Tx, id: &PracticeId) -> db::Result<Option<Practice>> {
    store::find(tx.conn, id)
}

/// Suspends an active practice, which hides its pages; `false` if it is not active.
pub fn suspend(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &[State::Active], State::Suspended)
}

/// Resumes a suspended practice; `false` if it is not suspended.
pub fn resume(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &[State::Suspended], State::Active)
}

/// Closes a practice permanently; `false` if it is already closed.
pub fn close(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &[State::Active, State::Suspended], State::Closed)
}

pub fn list(tx: &mut Tx) -> db::Result<Vec<Practice>> {
    store::list(tx.conn)
}
