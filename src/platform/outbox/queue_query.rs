//! The two statements of the queue that diesel's builder has no words for: a look at all channels, and a
//! claim over all of them. Channels and topics are written into the text, since they are names of the code:
//! then one text serves every call, the databases plan it once, and `IN` takes no list of varying length.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};

use super::row::{Job, LONG_LEASE, SHORT_LEASE};
use super::{Channel, Priority};
use crate::kit::{DeliveryId, Timestamp};
use crate::platform::db::{MultiBackend, SkipLocked, columns};

type Pass<'a, 'b> = AstPass<'a, 'b, MultiBackend>;

/// Due rows of one channel, by priority and the oldest first: those that are bulk, or all others.
pub(super) struct DueRows<'a> {
    pub channel: Channel,
    pub are_bulk: bool,
    pub limit: i64,
    /// Whether rows are claimed although the channel is paused.
    pub is_trial: bool,
    pub topics: &'a [&'static str],
    pub now: Timestamp,
}

impl QueryFragment<MultiBackend> for DueRows<'_> {
    fn walk_ast<'b>(&'b self, mut pass: Pass<'_, 'b>) -> QueryResult<()> {
        pass.push_sql("SELECT id, priority, next_at FROM outbox WHERE ");
        open_rows(&mut pass, self.channel, self.topics);
        pass.push_sql(if self.are_bulk { " AND priority >= " } else { " AND priority < " });
        pass.push_sql(&(Priority::Bulk as i32).to_string());
        pass.push_sql(" AND next_at <= ");
        pass.push_bind_param::<BigInt, _>(&self.now)?;
        if !self.is_trial {
            pass.push_sql(" AND NOT EXISTS (SELECT 1 FROM paused_channels WHERE paused_channels.channel = ");
            quoted(&mut pass, self.channel.as_str());
            pass.push_sql(")");
        }
        pass.push_sql(" ORDER BY priority, next_at, id LIMIT ");
        pass.push_bind_param::<BigInt, _>(&self.limit)
    }
}

fn open_rows(pass: &mut Pass<'_, '_>, channel: Channel, topics: &[&'static str]) {
    pass.push_sql("outbox.channel = ");
    quoted(pass, channel.as_str());
    // Another instance may be newer and know more topics: its rows are left to it.
    pass.push_sql(" AND settled_at IS NULL AND topic IN (");
    for (index, topic) in topics.iter().enumerate() {
        pass.push_sql(if index == 0 { "" } else { ", " });
        quoted(pass, topic);
    }
    pass.push_sql(")");
}

/// A name of the code, as a literal. It contains no quote; if one did, the statement would fail.
fn quoted(pass: &mut Pass<'_, '_>, name: &'static str) {
    pass.push_sql("'");
    pass.push_sql(name);
    pass.push_sql("'");
}

/// Leases the due rows of several channels. The rows are found in a WITH: as a subquery of the WHERE,
/// PostgreSQL may run it again for each row and exceed its limit. If an earlier lease expired, its attempt
/// was never finished and counts as ambiguous.
pub(super) struct LeaseDue<'a> {
    /// For each channel, and at least one: its rows that are not bulk, and its bulk, which has a limit of its
    /// own below that of both.
    pub due: Vec<[SkipLocked<DueRows<'a>>; 2]>,
    pub token: &'a DeliveryId,
    pub now: Timestamp,
    short: Timestamp,
    long: Timestamp,
    row: <Job as Selectable<MultiBackend>>::SelectExpression,
}

impl<'a> LeaseDue<'a> {
    pub(super) fn new(due: Vec<[DueRows<'a>; 2]>, token: &'a DeliveryId, now: Timestamp) -> Self {
        let (short, long, row) = (now + SHORT_LEASE, now + LONG_LEASE, columns::<Job>());
        let due = due.into_iter().map(|parts| parts.map(SkipLocked)).collect();
        Self { due, token, now, short, long, row }
    }
}

impl QueryId for LeaseDue<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for LeaseDue<'_> {
    type SqlType =
        <<Job as Selectable<MultiBackend>>::SelectExpression as diesel::expression::Expression>::SqlType;
}

impl<C> RunQueryDsl<C> for LeaseDue<'_> {}

impl QueryFragment<MultiBackend> for LeaseDue<'_> {
    fn walk_ast<'b>(&'b self, mut pass: Pass<'_, 'b>) -> QueryResult<()> {
        pass.push_sql("WITH due (due_id) AS (");
        for (index, [urgent, bulk]) in self.due.iter().enumerate() {
            pass.push_sql(if index == 0 { "SELECT id FROM (" } else { " UNION ALL SELECT id FROM (" });
            pass.push_sql("SELECT id FROM (SELECT id, priority, next_at FROM (");
            urgent.walk_ast(pass.reborrow())?;
            pass.push_sql(") AS urgent UNION ALL SELECT id, priority, next_at FROM (");
            bulk.walk_ast(pass.reborrow())?;
            pass.push_sql(") AS bulk) AS both_parts ORDER BY priority, next_at, id LIMIT ");
            pass.push_bind_param::<BigInt, _>(&urgent.0.limit)?;
            pass.push_sql(") AS one_channel");
        }
        pass.push_sql(") UPDATE outbox SET state = 'leased', attempts = attempts + 1, ambiguous = ambiguous");
        pass.push_sql(" + CASE state WHEN 'leased' THEN 1 ELSE 0 END, lease_token = ");
        pass.push_bind_param::<Text, _>(self.token)?;
        pass.push_sql(", next_at = CASE WHEN channel IN ('sms', 'voice') THEN ");
        pass.push_bind_param::<BigInt, _>(&self.short)?;
        pass.push_sql(" ELSE ");
        pass.push_bind_param::<BigInt, _>(&self.long)?;
        pass.push_sql(" END, scheduled_at = ");
        pass.push_bind_param::<BigInt, _>(&self.now)?;
        // The guard stands in the statement that acts: a row that was claimed meanwhile is not due any more.
        pass.push_sql(" FROM due WHERE outbox.id = due_id AND settled_at IS NULL AND next_at <= ");
        pass.push_bind_param::<BigInt, _>(&self.now)?;
        pass.push_sql(" RETURNING ");
        self.row.walk_ast(pass)
    }
}

/// One row for each channel: its name, when its next row is due, and when its next trial is if it is paused.
/// The last row has no name, and the latest moment at which any open row was scheduled.
pub(super) struct LookAtQueue<'a> {
    pub channels: &'a [Channel],
    pub topics: &'a [&'static str],
}

impl QueryId for LookAtQueue<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for LookAtQueue<'_> {
    type SqlType = (Text, Nullable<BigInt>, Nullable<BigInt>);
}

impl<C> RunQueryDsl<C> for LookAtQueue<'_> {}

impl QueryFragment<MultiBackend> for LookAtQueue<'_> {
    fn walk_ast<'b>(&'b self, mut pass: Pass<'_, 'b>) -> QueryResult<()> {
        for channel in self.channels {
            pass.push_sql("SELECT ");
            quoted(&mut pass, channel.as_str());
            pass.push_sql(" AS channel, (SELECT min(next_at) FROM outbox WHERE ");
            open_rows(&mut pass, *channel, self.topics);
            pass.push_sql("), (SELECT try_at FROM paused_channels WHERE paused_channels.channel = ");
            quoted(&mut pass, channel.as_str());
            pass.push_sql(") UNION ALL ");
        }
        pass.push_sql("SELECT '', (SELECT max(scheduled_at) FROM outbox WHERE settled_at IS NULL), NULL");
        Ok(())
    }
}
