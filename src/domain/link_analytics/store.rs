//! Queries on `funnel_events` and `funnel_counts`.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{delete, insert_into, update};

use super::{OTHER, Step};
use crate::kit::{BatchId, FunnelEventId, LinkId, Timestamp};
use crate::platform::db::schema::{funnel_counts, funnel_events, practice_links, practices};
use crate::platform::db::{Both, Conn, Result, columns};

/// A step that visitors of a link reached, `count` times.
#[derive(Clone, Insertable)]
#[diesel(table_name = funnel_events)]
pub struct Event {
    pub id: FunnelEventId,
    pub link_id: LinkId,
    pub step: Step,
    pub channel: String,
    pub count: i64,
    pub at: Timestamp,
}

/// An event that is about to be added to the counters.
#[derive(Queryable, Selectable)]
#[diesel(table_name = funnel_events)]
pub(super) struct ClaimedEvent {
    pub link_id: LinkId,
    pub step: Step,
    pub channel: String,
    pub count: i64,
    pub at: Timestamp,
}

/// One slot of a counter.
#[derive(Queryable, Selectable)]
#[diesel(table_name = funnel_counts)]
pub(super) struct SlotCount {
    pub day: String,
    pub step: Step,
    pub channel: String,
    pub count: i64,
}

/// Appends events; events whose id exists already are left unchanged.
pub(super) fn insert(conn: &mut Conn, events: &[Event]) -> Result<()> {
    for event in events {
        Both(insert_into(funnel_events::table).values(event.clone()).on_conflict_do_nothing())
            .execute(conn)?;
    }
    Ok(())
}

/// Assigns up to `limit` open events to `batch` and returns them.
pub(super) fn claim(conn: &mut Conn, batch: &BatchId, limit: i64) -> Result<Vec<ClaimedEvent>> {
    let open: Vec<FunnelEventId> = funnel_events::table
        .filter(funnel_events::batch.is_null())
        .order(funnel_events::id)
        .limit(limit)
        .select(funnel_events::id)
        .load(conn)?;
    let rows =
        funnel_events::table.filter(funnel_events::id.eq_any(&open)).filter(funnel_events::batch.is_null());
    let claim = update(rows).set(funnel_events::batch.eq(batch)).returning(columns::<ClaimedEvent>());
    Ok(claim.get_results(conn)?)
}

/// Time zones of the practices that own these links, by link id.
pub(super) fn zones<'a>(
    conn: &mut Conn,
    links: impl IntoIterator<Item = &'a LinkId>,
) -> Result<HashMap<LinkId, String>> {
    let ids: Vec<&LinkId> = links.into_iter().collect();
    let rows = practice_links::table.inner_join(practices::table).filter(practice_links::id.eq_any(ids));
    let zones: Vec<(LinkId, String)> = rows.select((practice_links::id, practices::time_zone)).load(conn)?;
    Ok(zones.into_iter().collect())
}

pub(super) fn add(
    conn: &mut Conn,
    link_id: &LinkId,
    day: &str,
    (step, channel): (Step, &str),
    slot: i32,
    count: i64,
) -> Result<()> {
    let row = (
        funnel_counts::link_id.eq(link_id),
        funnel_counts::day.eq(day),
        funnel_counts::step.eq(step),
        funnel_counts::channel.eq(channel),
        funnel_counts::slot.eq(slot),
        funnel_counts::count.eq(count),
    );
    let key = (
        funnel_counts::link_id,
        funnel_counts::day,
        funnel_counts::step,
        funnel_counts::channel,
        funnel_counts::slot,
    );
    let upsert = insert_into(funnel_counts::table)
        .values(row)
        .on_conflict(key)
        .do_update()
        .set(funnel_counts::count.eq(funnel_counts::count + excluded(funnel_counts::count)));
    Both(upsert).execute(conn)?;
    Ok(())
}

/// The channels that a link's counters name on one day, without [`OTHER`].
pub(super) fn channels(conn: &mut Conn, link_id: &LinkId, day: &str) -> Result<HashSet<String>> {
    let rows = funnel_counts::table
        .filter(funnel_counts::link_id.eq(link_id))
        .filter(funnel_counts::day.eq(day))
        .filter(funnel_counts::channel.ne_all(["", OTHER]));
    let channels: Vec<String> = rows.select(funnel_counts::channel).distinct().load(conn)?;
    Ok(channels.into_iter().collect())
}

/// Counters of a link between two days, both included. The caller adds up the slots, because a sum over
/// BIGINT is a NUMERIC on one database and an integer on the other.
pub(super) fn counts(conn: &mut Conn, link_id: &LinkId, from: &str, to: &str) -> Result<Vec<SlotCount>> {
    let rows = funnel_counts::table
        .filter(funnel_counts::link_id.eq(link_id))
        .filter(funnel_counts::day.ge(from))
        .filter(funnel_counts::day.le(to))
        .order(funnel_counts::day);
    Ok(rows.select(columns::<SlotCount>()).load(conn)?)
}

/// Deletes up to `limit` events that are in the counters and happened before `before`.
pub(super) fn delete_rolled(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<usize> {
    let old: Vec<FunnelEventId> = funnel_events::table
        .filter(funnel_events::at.lt(before))
        .filter(funnel_events::batch.is_not_null())
        .limit(limit)
        .select(funnel_events::id)
        .load(conn)?;
    Ok(delete(funnel_events::table.filter(funnel_events::id.eq_any(old))).execute(conn)?)
}
