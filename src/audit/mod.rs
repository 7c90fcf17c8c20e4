//! What was done, by whom and to what: appended in the transaction of the fact, never changed.

mod store;

use serde_json::Value;

use crate::app::Ctx;
use crate::db::{self, Conn};

/// One fact. Subjects are ids; names, numbers and addresses have no place here.
pub struct Event<'a> {
    /// The practice it concerns.
    pub practice_id: Option<&'a str>,
    /// Who did it: an account, a staff member, `operator`, `system`.
    pub actor: &'a str,
    /// What was done, e.g. `pairing.created`.
    pub action: &'a str,
    /// To what, by id.
    pub subject: &'a str,
    /// What else an auditor will ask.
    pub detail: Value,
}

/// Appends `event`.
pub fn record(ctx: &Ctx, conn: &mut Conn, event: &Event<'_>) -> db::Result<()> {
    store::insert(conn, &ctx.id("aud"), event, ctx.now)
}
