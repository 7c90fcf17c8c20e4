//! The practice's own records: its people look things up, its admins hand files in.

use super::{Refusal, of_patients};
use crate::app::Ctx;
use crate::db::Conn;
use crate::identity::records::{self, After, Entry, Kept};
use crate::imports::{self, By, Import, Survey};
use crate::kit::Secret;
use crate::staff::{self, Principal, Role};

/// Whoever may hand a file in, and see what became of it.
pub fn importer(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    if who.role == Role::Admin { Ok(who) } else { Err(staff::Refusal::Forbidden.into()) }
}

/// Up to `limit` records by name that a search finds, after the one at which the list stopped.
pub fn list(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    query: &str,
    (after, limit): (Option<&After>, i64),
) -> Result<Vec<Entry>, Refusal> {
    let who = of_patients(ctx, conn, token)?;
    let region = &ctx.config.verification.default_region;
    Ok(records::list(conn, &who.practice_id, query.trim(), region, after, limit)?)
}

/// One record, with everything that it ever said.
pub fn find(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
) -> Result<(Entry, Vec<Kept>), Refusal> {
    let who = of_patients(ctx, conn, token)?;
    records::find(conn, &who.practice_id, id)?.ok_or(Refusal::NoRecord)
}

/// Begins an import.
pub fn import(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    survey: &mut Survey,
) -> Result<Import, Refusal> {
    let who = importer(ctx, conn, token)?;
    Ok(imports::begin(ctx, conn, &by(&who), survey)?)
}

/// Ends an import before its last row.
pub fn cancel(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<Import, Refusal> {
    let who = importer(ctx, conn, token)?;
    Ok(imports::cancel(ctx, conn, &by(&who), id)?)
}

fn by(who: &Principal) -> By<'_> {
    By { practice_id: &who.practice_id, actor: &who.staff_id }
}

/// One import.
pub fn find_import(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<Import, Refusal> {
    let who = importer(ctx, conn, token)?;
    Ok(imports::find(conn, &who.practice_id, id)?)
}

/// Up to `limit` imports, newest first, before the one of the id `before`.
pub fn list_imports(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    before: &str,
    limit: i64,
) -> Result<Vec<Import>, Refusal> {
    let who = importer(ctx, conn, token)?;
    Ok(imports::list(conn, &who.practice_id, before, limit)?)
}

/// What became of an import's rows, as a file; that it was taken away is in the audit.
pub fn results(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<String, Refusal> {
    let who = importer(ctx, conn, token)?;
    let file = imports::results(conn, &who.practice_id, id)?;
    who.note(ctx, conn, "records.results_exported", id, serde_json::json!({}))?;
    Ok(file)
}
