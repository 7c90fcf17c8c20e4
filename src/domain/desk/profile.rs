//! The practice's profile: all of its staff may read it, admins and the operator's support may change it.

use super::{Refusal, practice};
use crate::domain::practices::{self, Change, Practice};
use crate::domain::staff;
use crate::kit::Secret;
use crate::platform::db::Conn;
use crate::platform::tx::Ctx;

pub fn show(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Practice, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    practice(conn, &who)
}

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

/// Returns the practice's logo (PNG).
pub fn logo(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Vec<u8>, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    practices::logo(conn, &who.practice_id)?.ok_or(Refusal::NoLogo)
}

/// Replaces the logo, or deletes it if `png` is `None`.
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
