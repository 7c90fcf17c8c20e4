//! Development alone: every message that went out, and a phone to walk the sign-up with. In production none
//! of its routes exist.

pub mod http;
mod store;

pub use store::Caught;

use crate::app::Ctx;
use crate::db::{self, Conn};

/// A message as the development providers catch it.
pub struct NewCaught<'a> {
    /// Stable over attempts: what was caught twice is shown once.
    pub dedupe_key: &'a str,
    /// `sms`, `voice` or `email`.
    pub channel: &'a str,
    /// The number or address.
    pub to: &'a str,
    /// The text; an e-mail's first line is its subject.
    pub body: &'a str,
    /// The code in it.
    pub code: Option<&'a str>,
}

/// Keeps a message for `/dev`.
pub fn catch(ctx: &Ctx, conn: &mut Conn, new: &NewCaught<'_>) -> db::Result<()> {
    store::insert(conn, &ctx.id("cgt"), new, ctx.now)
}

/// The newest messages, newest first; only those to `to` where it is given.
pub fn caught(conn: &mut Conn, to: Option<&str>) -> db::Result<Vec<Caught>> {
    store::newest(conn, to, 100)
}
