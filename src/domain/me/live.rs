//! Read positions and event stream of the patient.

use std::collections::HashSet;

use super::Refusal;
use crate::domain::accounts::{self, Principal};
use crate::domain::conversations;
use crate::kit::Secret;
use crate::kit::ids::ConversationId;
use crate::platform::event_stream::{self, Audience, Place};
use crate::platform::tx::Tx;
use crate::web::http::event_stream::{BATCH, Batch};

/// Marks the conversation as read up to a position; returns the read position, which never goes back.
pub fn read(
    tx: &mut Tx,
    who: &Principal,
    conversation_id: &ConversationId,
    position: i32,
) -> Result<i32, Refusal> {
    conversations::find(tx, &who.account_id, who.sight(), conversation_id)?
        .ok_or(Refusal::ConversationNotFound)?;
    Ok(conversations::read_by_patient(tx, conversation_id, position)?)
}

/// Authenticates an event stream, and determines where it starts.
pub fn listen(
    tx: &mut Tx,
    token: Option<&Secret>,
    last_seen: Option<&str>,
) -> Result<(Principal, Place), Refusal> {
    let who = accounts::authenticate(tx, token)?;
    Ok((who, event_stream::start(tx, last_seen)?))
}

/// Loads the events after a place that are within the session's access scope.
pub fn events(tx: &mut Tx, token: Option<&Secret>, place: &Place) -> Result<Batch, Refusal> {
    let who = accounts::authenticate(tx, token)?;
    let all = event_stream::after(tx, &Audience::Account(who.account_id.clone()), place, BATCH)?;
    Batch::of(all, place, |ids| {
        let seen = conversations::in_sight_among(tx, &who.account_id, who.sight(), ids)?;
        Ok::<_, Refusal>(HashSet::from_iter(seen))
    })
}
