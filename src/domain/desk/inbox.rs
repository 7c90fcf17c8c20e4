//! The practice's inbox, limited to the conversations in the staff member's access scope.

use std::collections::HashSet;

use super::{Refusal, check_staff, of_patients, visible};
use crate::domain::inbox::{self, Card, Change, Contact, Cursor, Filter, Reach, Read, Reader, Remark};
use crate::domain::links::{self, Visible};
use crate::domain::staff::Principal;
use crate::kit::Secret;
use crate::platform::db::{self, Conn};
use crate::platform::event_stream::{self, Audience, Place};
use crate::platform::tx::Ctx;
use crate::web::http::event_stream::{BATCH, Batch};

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

/// Returns a conversation and the patient's contact details.
pub fn find(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
) -> Result<(Card, Contact), Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    Ok(inbox::find(conn, &reader, id)?)
}

/// Changes a conversation and returns it. Reassigning it may end the caller's own access, so the result is
/// read without the access scope: the caller sees it one last time.
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

/// Lists up to `limit` entries after a position.
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

/// Sends a message to the patient.
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

/// Marks the conversation as read by the practice, up to a position.
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

/// Authenticates the token of an event stream and finds where the stream starts.
pub fn listen(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    last_seen: Option<&str>,
) -> Result<(Principal, Place), Refusal> {
    let who = of_patients(ctx, conn, token)?;
    Ok((who, event_stream::start(conn, last_seen)?))
}

/// Lists the events after a place, limited to the access scope that the token's holder has now.
pub fn events(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, place: &Place) -> Result<Batch, Refusal> {
    let (_, reader) = reader(ctx, conn, token)?;
    let all = event_stream::after(conn, &Audience::Practice(reader.practice_id.clone()), place, BATCH)?;
    Ok(Batch::of(all, place, |ids| {
        let seen = inbox::in_reach_among(conn, &reader, ids)?;
        Ok::<_, db::Error>(HashSet::from_iter(seen))
    })?)
}

/// Authenticates the caller and builds their access scope.
pub fn reader(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<(Principal, Reader), Refusal> {
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
