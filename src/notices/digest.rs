//! Digests: many new patients of a link in one mail.
//!
//! A digest takes patients in as long as its outbox row was never tried. Who adds to it holds that row until
//! the commit: a worker that claims rows passes by it, and one that has claimed it already makes the holder
//! wait, and then find that the digest is on its way. So none is counted after the mail was written.

use std::time::Duration;

use super::mail::{self, Kind, Payload};
use super::store;
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::Timestamp;
use crate::outbox;

/// Digests are kept this long, for the operator's questions.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How many digests of one moment may be on their way already; the next one is due a millisecond later. More
/// than one takes an operator who drops an open digest's row.
const TRIES: u64 = 8;

/// Adds a patient to the digest that is being gathered; `false` where none is, or only one that goes out later
/// than a new one would.
pub fn join(ctx: &Ctx, conn: &mut Conn, person: &str, list: &str, until: Timestamp) -> db::Result<bool> {
    match store::latest_digest(conn, person, list, until)? {
        Some(id) => add(ctx, conn, &id),
        None => Ok(false),
    }
}

/// Opens a digest with its first patient, or joins one that another pairing opened in the same moment.
pub fn open(
    ctx: &Ctx,
    conn: &mut Conn,
    list: &str,
    mut payload: Payload,
    due_at: Timestamp,
) -> db::Result<()> {
    for late in 0..TRIES {
        let (id, due_at) = (ctx.id("dig"), due_at + Duration::from_millis(late));
        if store::insert_digest(conn, &id, &payload.person, list, due_at, ctx.now)? == 1 {
            payload.digest = Some(id.clone());
            return mail::enqueue(ctx, conn, Kind::Digest, &id, &payload, Some(due_at));
        }
        if let Some(id) = store::digest_due(conn, &payload.person, list, due_at)?
            && add(ctx, conn, &id)?
        {
            return Ok(());
        }
    }
    Err(db::Error::Busy)
}

fn add(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    Ok(outbox::hold(conn, &mail::dedupe_key(Kind::Digest, id, ""))?
        && store::add_to_digest(conn, id, ctx.now)? == 1)
}

/// Deletes digests that went out long ago.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_digests(conn, ctx.now - KEPT)
}
