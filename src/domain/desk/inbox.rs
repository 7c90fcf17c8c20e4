//! The practice's inbox, limited to the conversations in the staff member's access scope.

use std::collections::HashSet;

use super::{Refusal, check_staff, of_patients, visible};
use crate::domain::inbox::{self, Card, Change, Contact, Cursor, Filter, Reach, Read, Reader, Remark};
use crate::domain::links::{self, Visible};
use crate::domain::staff::Principal;
use crate::kit::Secret;
use crate::kit::ids::{ConversationId, StaffId};
use crate::platform::db;
use crate::platform::event_stream::{self, Audience, Place};
use crate::platform::tx::Tx;
use crate::web::http::event_stream::{BATCH, Batch};

pub fn list(
    tx: &mut Tx,
    token: Option<&Secret>,
    filter: impl FnOnce(&StaffId) -> Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Card>, Refusal> {
    let (_, reader) = reader(tx, token)?;
    Ok(inbox::list(tx, &reader, &filter(&reader.staff_id), after, limit)?)
}

/// Returns a conversation and the patient's contact details.
pub fn find(tx: &mut Tx, token: Option<&Secret>, id: &ConversationId) -> Result<(Card, Contact), Refusal> {
    let (_, reader) = reader(tx, token)?;
    Ok(inbox::find(tx, &reader, id)?)
}

/// Changes a conversation and returns it. Reassigning it may end the caller's own access, so the result is
/// read without the access scope: the caller sees it one last time.
pub fn change(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ConversationId,
    change: &Change,
) -> Result<(Card, Contact), Refusal> {
    let (who, mut reader) = reader(tx, token)?;
    inbox::find(tx, &reader, id)?;
    let assignee: Vec<StaffId> = change.assignee_id.iter().flatten().cloned().collect();
    check_staff(tx, &who, "/assignee_id", &assignee)?;
    inbox::change(tx, &reader, id, change)?;
    reader.reach = Reach::All;
    Ok(inbox::find(tx, &reader, id)?)
}

/// Lists up to `limit` entries after a position.
pub fn entries(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<Remark>, Refusal> {
    let (_, reader) = reader(tx, token)?;
    Ok(inbox::entries(tx, &reader, id, after, limit)?)
}

/// Sends a message to the patient.
pub fn write(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ConversationId,
    body: &str,
    acknowledges: bool,
) -> Result<Remark, Refusal> {
    let (_, reader) = reader(tx, token)?;
    Ok(inbox::write(tx, &reader, id, body, acknowledges)?)
}

/// Marks the conversation as read by the practice, up to a position.
pub fn read(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ConversationId,
    position: i32,
) -> Result<Read, Refusal> {
    let (_, reader) = reader(tx, token)?;
    Ok(inbox::read(tx, &reader, id, position)?)
}

/// Authenticates the token of an event stream and finds where the stream starts.
pub fn listen(
    tx: &mut Tx,
    token: Option<&Secret>,
    last_seen: Option<&str>,
) -> Result<(Principal, Place), Refusal> {
    let who = of_patients(tx, token)?;
    Ok((who, event_stream::start(tx, last_seen)?))
}

/// Lists the events after a place, limited to the access scope that the token's holder has now.
pub fn events(tx: &mut Tx, token: Option<&Secret>, place: &Place) -> Result<Batch, Refusal> {
    let (_, reader) = reader(tx, token)?;
    let all = event_stream::after(tx, &Audience::Practice(reader.practice_id.clone()), place, BATCH)?;
    Ok(Batch::of(all, place, |ids| {
        let seen = inbox::in_reach_among(tx, &reader, ids)?;
        Ok::<_, db::Error>(HashSet::from_iter(seen))
    })?)
}

/// Authenticates the caller and builds their access scope.
pub fn reader(tx: &mut Tx, token: Option<&Secret>) -> Result<(Principal, Reader), Refusal> {
    let who = of_patients(tx, token)?;
    let reach = match visible(tx, &who)? {
        Visible::All => Reach::All,
        Visible::To { owners, staff_id } => {
            Reach::To { owners, links: links::joined(tx, &staff_id)?, staff_id }
        }
    };
    let (practice_id, staff_id) = (who.practice_id.clone(), who.staff_id.clone());
    Ok((who, Reader { practice_id, staff_id, reach }))
}
