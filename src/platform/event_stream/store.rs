//! Queries on `live_events`.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::{delete, insert_into, update};

use super::{Audience, Event, Kind, Position};
use crate::kit::{AccountId, ConversationId, EventId, PracticeId, Timestamp};
use crate::platform::db::schema::live_events;
use crate::platform::db::{Conn, Result, columns};

/// An event as it is sent.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = live_events)]
pub struct StoredEvent {
    /// Id of the form `evt_…`.
    pub id: EventId,
    pub conversation_id: Option<ConversationId>,
    pub kind: Kind,
    /// JSON of the event's data.
    pub data: String,
    seq: Option<i64>,
    place: i32,
}

impl StoredEvent {
    /// The position of a stream after this event.
    pub fn position(&self) -> Position {
        Position { seq: self.seq.unwrap_or_default(), within: self.place, id: Some(self.id.clone()) }
    }
}

/// Inserts an event that has no number yet.
pub(super) fn insert(conn: &mut Conn, id: &EventId, event: &Event<'_>, now: Timestamp) -> Result<()> {
    let row = (
        live_events::id.eq(id),
        live_events::practice_id.eq(event.practice_id),
        live_events::account_id.eq(event.account_id),
        live_events::conversation_id.eq(event.conversation_id),
        live_events::kind.eq(event.kind),
        live_events::data.eq(event.data.to_string()),
        live_events::created_at.eq(now),
        live_events::place.eq(event.position),
    );
    insert_into(live_events::table).values(row).execute(conn)?;
    Ok(())
}

/// Whether any event waits for its number.
pub(super) fn is_any_waiting(conn: &mut Conn) -> Result<bool> {
    let waiting = live_events::table.filter(live_events::seq.is_null()).select(live_events::id);
    Ok(waiting.first::<EventId>(conn).optional()?.is_some())
}

/// Numbers all waiting events and returns their count.
pub(super) fn number(conn: &mut Conn, seq: i64) -> Result<usize> {
    let waiting = live_events::table.filter(live_events::seq.is_null());
    Ok(update(waiting).set(live_events::seq.eq(seq)).execute(conn)?)
}

/// The highest number so far; 0 before the first.
pub(super) fn head(conn: &mut Conn) -> Result<i64> {
    let last: Option<i64> = live_events::table.select(max(live_events::seq)).first(conn)?;
    Ok(last.unwrap_or_default())
}

/// Practices and accounts that the events after a number concern.
pub(super) fn concerned(conn: &mut Conn, after: i64) -> Result<Vec<(PracticeId, Option<AccountId>)>> {
    let rows = live_events::table.filter(live_events::seq.gt(after)).distinct();
    Ok(rows.select((live_events::practice_id, live_events::account_id)).load(conn)?)
}

pub(super) fn find(conn: &mut Conn, id: &EventId) -> Result<Option<StoredEvent>> {
    Ok(live_events::table.find(id).select(columns::<StoredEvent>()).first(conn).optional()?)
}

/// Up to `limit` events of an audience after a position, by number.
pub(super) fn after(
    conn: &mut Conn,
    audience: &Audience,
    position: &Position,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    let last = position.id.as_ref().map_or("", EventId::as_str);
    let within = live_events::place
        .gt(position.within)
        .or(live_events::place.eq(position.within).and(live_events::id.gt(last)));
    let later = live_events::seq.gt(position.seq).or(within);
    let mut rows = live_events::table.filter(live_events::seq.ge(position.seq)).filter(later).into_boxed();
    match audience {
        Audience::Practice(id) => rows = rows.filter(live_events::practice_id.eq(id)),
        Audience::Account(id) => rows = rows.filter(live_events::account_id.eq(id)),
    }
    let order = (live_events::seq, live_events::place, live_events::id);
    Ok(rows.order(order).limit(limit).select(columns::<StoredEvent>()).load(conn)?)
}

/// Deletes events older than `end`.
pub(super) fn delete_older(conn: &mut Conn, end: Timestamp) -> Result<usize> {
    Ok(delete(live_events::table.filter(live_events::created_at.lt(end))).execute(conn)?)
}
