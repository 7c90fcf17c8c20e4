//! How the practice shows itself: all of its people see it, admins and support change it.

use super::{Refusal, practice};
use crate::app::Ctx;
use crate::db::Conn;
use crate::kit::Secret;
use crate::practices::{self, Change, Practice};
use crate::staff;

/// The practice as it is.
pub fn show(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Practice, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    practice(conn, &who)
}

/// Changes it.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    change: &Change,
) -> Result<Practice, Refusal> {
    let who = staff::authenticate_to_configure(ctx, conn, token)?;
    let practice = practice(conn, &who)?;
    Ok(practices::change(ctx, conn, &who.staff_id, &practice, change)?)
}

/// Its logo (PNG).
pub fn logo(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Vec<u8>, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    practices::logo(conn, &who.practice_id)?.ok_or(Refusal::NoLogo)
}

/// Gives it a logo, or takes it away.
pub fn set_logo(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    png: Option<&[u8]>,
) -> Result<(), Refusal> {
    let who = staff::authenticate_to_configure(ctx, conn, token)?;
    let practice = practice(conn, &who)?;
    match practices::set_logo(ctx, conn, &who.staff_id, &practice, png)? {
        true => Ok(()),
        false => Err(Refusal::NoLogo),
    }
}
