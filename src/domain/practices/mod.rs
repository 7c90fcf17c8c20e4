//! Practices: their profile, plan, state and logo.

pub mod profile;
pub mod store;

pub use profile::{Change, Refusal, change, line, logo, set_logo, time_zone};
pub use store::Practice;

use crate::kit::ids::PracticeId;
use crate::kit::{Email, Language};
use crate::platform::db::{self};
use crate::platform::tx::Tx;

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
    /// The plan, `basic` or `communicator`.
    pub plan: String,
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

/// Returns a practice and locks its row (shared) until the transaction ends. A practice is locked before
/// its links, the same order in which closing a practice locks them.
pub fn hold(tx: &mut Tx, id: &PracticeId) -> db::Result<Option<Practice>> {
    store::hold(tx.conn, id)
}

/// Suspends an active practice, which hides its pages; `false` if it is not active.
pub fn suspend(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &["active"], "suspended")
}

/// Resumes a suspended practice; `false` if it is not suspended.
pub fn resume(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &["suspended"], "active")
}

/// Closes a practice permanently; `false` if it is already closed.
pub fn close(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    tx.invalidate_landing_pages();
    store::set_state(tx.conn, id, &["active", "suspended"], "closed")
}

pub fn list(tx: &mut Tx) -> db::Result<Vec<Practice>> {
    store::list(tx.conn)
}
