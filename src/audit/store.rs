//! The rows of `audit_events`.

use diesel::insert_into;
use diesel::prelude::*;

use super::Event;
use crate::db::schema::audit_events;
use crate::db::{Conn, Result};
use crate::kit::Timestamp;

/// Appends one event.
pub fn insert(conn: &mut Conn, id: &str, event: &Event<'_>, now: Timestamp) -> Result<()> {
    let row = (
        audit_events::id.eq(id),
        audit_events::practice_id.eq(event.practice_id),
        audit_events::actor.eq(event.actor),
        audit_events::action.eq(event.action),
        audit_events::subject.eq(event.subject),
        audit_events::detail.eq(event.detail.to_string()),
        audit_events::created_at.eq(now),
    );
    insert_into(audit_events::table).values(row).execute(conn)?;
    Ok(())
}
