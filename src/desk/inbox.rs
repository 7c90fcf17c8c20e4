//! The inbox: conversations as far as whoever signs in sees them.

use std::collections::HashSet;

use super::{Refusal, check_staff, of_patients, visible};
use crate::app::Ctx;
use crate::conversations::inbox::{self, Card, Change, Contact, Cursor, Filter, Reach, Read, Reader, Remark};
use crate::db::{self, Conn};
use crate::kit::Secret;
use crate::links::{self, Visible};
use crate::live::stream::{BATCH, Batch};
use crate::live::{self, Audience, Place};
use crate::staff::Principal;

/// A page of conversations.
pub fn list(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    filter: impl FnOnce(&str) -> Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Card>, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::list(conn, &reader, &filter(&reader.staff_id), after, limit)?)
}

/// One conversation.
pub fn find(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
) -> Result<(Card, Contact), Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::find(conn, &reader, id)?)
}

/// Changes a conversation; the conversation as it is then. Who hands one over may see it no more afterwards, and
/// is shown it once.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    change: &Change,
) -> Result<(Card, Contact), Refusal> {
    let (who, mut reader) = reader(ctx, conn, token)?;
    inbox::find(conn, &reader, id)?;
    let assignee: Vec<String> = change.assignee_id.iter().flatten().cloned().collect();
    check_staff(conn, &who, "/assignee_id", &assignee)?;
    inbox::change(ctx, conn, &reader, id, change)?;
    reader.reach = Reach::All;
    Ok(inbox::find(conn, &reader, id)?)
}

/// Up to `limit` entries after a position.
pub fn entries(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    after: i32,
    limit: i64,
) -> Result<Vec<Remark>, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::entries(conn, &reader, id, after, limit)?)
}

/// Writes to the patient.
pub fn write(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    body: &str,
    acknowledges: bool,
) -> Result<Remark, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::write(ctx, conn, &reader, id, body, acknowledges)?)
}

/// Notes that the practice has read up to a position.
pub fn read(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    position: i32,
) -> Result<Read, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::read(ctx, conn, &reader, id, position)?)
}

/// Whose stream a token opens, and where it begins.
pub fn listen(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    last_seen: Option<&str>,
) -> Result<(Principal, Place), Refusal> {
    let who = of_patients(ctx, conn, token)?;
    Ok((who, live::start(conn, last_seen)?))
}

/// What happened after a place, in what whoever holds the token sees today.
pub fn events(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, place: &Place) -> Result<Batch, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    let all = live::after(conn, &Audience::Practice(reader.practice_id.clone()), place, BATCH)?;
    Ok(Batch::of(all, place, |ids| {
        let seen = inbox::in_reach_among(conn, &reader, ids)?;
        Ok::<_, db::Error>(HashSet::from_iter(seen))
    })?)
}

/// Who asks, and what they see.
pub(super) fn reader(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
) -> Result<(Principal, Reader), Refusal> {
    let who = of_patients(ctx, conn, token)?;
    let reach = match visible(conn, &who)? {
        Visible::All => Reach::All,
        Visible::To { owners, staff_id } => {
            Reach::To { owners, links: links::joined(conn, &staff_id)?, staff_id }
        }
    };
    let (practice_id, staff_id) = (who.practice_id.clone(), who.staff_id.clone());
    Ok((who, Reader { practice_id, staff_id, reach }))
}
