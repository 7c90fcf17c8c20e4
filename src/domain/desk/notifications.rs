//! Notification settings: admins see and change everyone's, members only their own.

use super::{Refusal, practice};
use crate::domain::notifications::{self, Change, Entry};
use crate::domain::staff;
use crate::kit::Secret;
use crate::platform::db::Conn;
use crate::platform::tx::Ctx;

/// Lists up to `limit` settings after a link and person.
pub fn list(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Entry>, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    let practice = practice(conn, &who)?;
    let only = (!who.role.configures()).then_some(who.staff_id.as_str());
    Ok(notifications::entries(ctx, conn, &practice, only, after, limit)?)
}

/// Changes how often a person is notified; returns all their settings.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    change: &Change,
) -> Result<Vec<Entry>, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    // Members may change their own frequency; only an admin may resume a mailbox that bounced.
    if !who.role.configures() && (change.person != who.staff_id || change.resume) {
        return Err(staff::Refusal::Forbidden.into());
    }
    let practice = practice(conn, &who)?;
    Ok(notifications::change(ctx, conn, &who.staff_id, &practice, change)?)
}
