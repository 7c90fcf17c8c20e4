//! The practices themselves: who they are and how they want to be spoken to.

mod profile;
mod store;

pub use profile::{Change, Refusal, change, line, logo, set_logo, time_zone};
pub use store::Practice;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::{Email, Language};

/// A field of a practice that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct BadField {
    /// Which (JSON Pointer).
    pub pointer: &'static str,
    /// Why, for machines.
    pub code: &'static str,
    /// Why, for people.
    pub detail: String,
}

impl BadField {
    fn new(pointer: &'static str, code: &'static str, detail: &str) -> Self {
        Self { pointer, code, detail: detail.to_owned() }
    }
}

/// What a new practice is made of.
pub struct NewPractice {
    /// The name that patients see.
    pub name: String,
    /// Its city.
    pub city: String,
    /// `basic` or `communicator`.
    pub plan: String,
    /// The language of its notices.
    pub language: Language,
    /// Its IANA time zone.
    pub time_zone: String,
    /// Where its notices go; `None` sends none.
    pub notice_email: Option<Email>,
}

/// Makes a practice.
pub fn create(ctx: &Ctx, conn: &mut Conn, new: &NewPractice) -> db::Result<Practice> {
    store::insert(conn, &ctx.id("prc"), new, ctx.now)
}

/// The practice of `id`.
pub fn find(conn: &mut Conn, id: &str) -> db::Result<Option<Practice>> {
    store::find(conn, id)
}

/// The practice of `id`, as it stays until the transaction ends. Held before its links, in the order in which a
/// practice closes.
pub fn hold(conn: &mut Conn, id: &str) -> db::Result<Option<Practice>> {
    store::hold(conn, id)
}

/// Takes an active practice's pages away for a while; `false` when it is not active.
pub fn suspend(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["active"], "suspended")
}

/// Gives a suspended practice its pages back; `false` when it is not suspended.
pub fn resume(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["suspended"], "active")
}

/// Closes a practice for good; `false` when it is closed already.
pub fn close(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    ctx.repaint.set(true);
    store::set_state(conn, id, &["active", "suspended"], "closed")
}

/// All practices, oldest first.
pub fn list(conn: &mut Conn) -> db::Result<Vec<Practice>> {
    store::list(conn)
}
