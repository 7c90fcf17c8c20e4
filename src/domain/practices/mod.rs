//! Practices: their profile, plan, state and logo.

pub mod profile;
pub mod store;

pub use profile::{Change, Refusal, change, line, logo, set_logo, time_zone};
pub use store::Practice;

use crate::kit::{Email, Language};
use crate::platform::db::{self, Conn};
use crate::platform::tx::Ctx;

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

pub fn create(ctx: &Ctx, conn: &mut Conn, new: &NewPractice) -> db::Result<Practice> {
    store::insert(conn, &ctx.id("prc"), new, ctx.now)
}

pub fn find(conn: &mut Conn, id: &str) -> db::Result<Option<Practice>> {
    store::find(conn, id)
}

/// Returns a practice and locks its row (shared) until the transaction ends. A practice is locked before
/// its links, the same order in which closing a practice locks them.
pub fn hold(conn: &mut Conn, id: &str) -> db::Result<Option<Practice>> {
    store::hold(conn, id)
}

/// Suspends an active practice, which hides its pages; `false` if it is not active.
pub fn suspend(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["active"], "suspended")
}

/// Resumes a suspended practice; `false` if it is not suspended.
pub fn resume(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["suspended"], "active")
}

/// Closes a practice permanently; `false` if it is already closed.
pub fn close(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["active", "suspended"], "closed")
}

pub fn list(conn: &mut Conn) -> db::Result<Vec<Practice>> {
    store::list(conn)
}
