//! Queries on `webhook_endpoints`, `webhook_events` and `webhook_deliveries`.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::{insert_into, update};

use super::{Change, DeliveryState, DisabledReason, Kind, State};
use crate::kit::{EventId, PracticeId, Timestamp, WebhookDeliveryId, WebhookId};
use crate::platform::db::schema::{webhook_deliveries, webhook_endpoints, webhook_events};
use crate::platform::db::{Conn, Result, columns};

/// A webhook endpoint of a practice.
#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_endpoints)]
pub struct Endpoint {
    pub id: WebhookId,
    pub practice_id: PracticeId,
    pub url: String,
    pub label: String,
    events: String,
    /// The current signing secret, sealed.
    pub secret: String,
    /// The previous signing secret, sealed.
    pub old_secret: Option<String>,
    /// The previous secret signs too until this time.
    pub old_secret_until: Option<Timestamp>,
    pub state: State,
    pub disabled_reason: Option<DisabledReason>,
    pub created_at: Timestamp,
}

impl Endpoint {
    /// The subscribed event types; `None` means all, including future types.
    pub fn events(&self) -> Option<Vec<Kind>> {
        serde_json::from_str(&self.events).unwrap_or_else(|_| Some(Vec::new()))
    }

    /// Returns whether it subscribes to events of `kind`.
    pub fn wants(&self, kind: Kind) -> bool {
        self.events().is_none_or(|kinds| kinds.contains(&kind))
    }

    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Returns whether it answered 410, so that it is called no more.
    pub fn is_gone(&self) -> bool {
        self.disabled_reason == Some(DisabledReason::Gone)
    }
}

/// An entry of the delivery log: an event for an endpoint.
#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub struct Delivery {
    pub id: WebhookDeliveryId,
    /// Sent as the `webhook-id` header.
    pub event_id: EventId,
    pub state: DeliveryState,
    /// Number of attempts over all rounds.
    pub attempts: i32,
    /// The result of the last call.
    pub last_outcome: Option<String>,
    /// Number of rounds that staff requested.
    pub replays: i32,
    /// The time of the first queuing.
    pub created_at: Timestamp,
    /// The time when the last round ended.
    pub settled_at: Option<Timestamp>,
}

/// A delivery and the type of its event.
#[derive(Queryable)]
pub struct LoggedDelivery {
    pub delivery: Delivery,
    pub kind: Kind,
}

pub(super) struct NewEndpoint<'a> {
    pub practice_id: &'a PracticeId,
    pub url: &'a str,
    pub label: &'a str,
    /// The subscribed event types.
    pub events: Option<&'a [Kind]>,
    /// The signing secret, sealed.
    pub secret: &'a str,
}

fn events_text(events: Option<&[Kind]>) -> String {
    serde_json::to_string(&events).unwrap_or_else(|_| "[]".into())
}

/// Selects the endpoints that are not deleted.
#[diesel::dsl::auto_type]
fn living() -> _ {
    let deleted: State = State::Deleted;
    webhook_endpoints::table.filter(webhook_endpoints::state.ne(deleted))
}

/// Lists the active endpoints of a practice.
pub(super) fn active(conn: &mut Conn, practice_id: &PracticeId) -> Result<Vec<Endpoint>> {
    let rows = webhook_endpoints::table
        .filter(webhook_endpoints::practice_id.eq(practice_id))
        .filter(webhook_endpoints::state.eq(State::Active));
    Ok(rows.order(webhook_endpoints::id).select(columns::<Endpoint>()).load(conn)?)
}

/// Counts the endpoints of a practice.
pub(super) fn count(conn: &mut Conn, practice_id: &PracticeId) -> Result<i64> {
    Ok(living().filter(webhook_endpoints::practice_id.eq(practice_id)).count().get_result(conn)?)
}

/// Lists a practice's endpoints after the id `after`, oldest first.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    after: &str,
    limit: i64,
) -> Result<Vec<Endpoint>> {
    let rows = living()
        .filter(webhook_endpoints::practice_id.eq(practice_id))
        .filter(webhook_endpoints::id.gt(after))
        .order(webhook_endpoints::id);
    Ok(rows.limit(limit).select(columns::<Endpoint>()).load(conn)?)
}

pub(super) fn find(conn: &mut Conn, practice_id: &PracticeId, id: &WebhookId) -> Result<Option<Endpoint>> {
    let row =
        living().filter(webhook_endpoints::practice_id.eq(practice_id)).filter(webhook_endpoints::id.eq(id));
    Ok(row.select(columns::<Endpoint>()).first(conn).optional()?)
}

pub(super) fn insert(
    conn: &mut Conn,
    id: &WebhookId,
    new: &NewEndpoint<'_>,
    now: Timestamp,
) -> Result<Endpoint> {
    let row = (
        webhook_endpoints::id.eq(id),
        webhook_endpoints::practice_id.eq(new.practice_id),
        webhook_endpoints::url.eq(new.url),
        webhook_endpoints::label.eq(new.label),
        webhook_endpoints::events.eq(events_text(new.events)),
        webhook_endpoints::secret.eq(new.secret),
        webhook_endpoints::state.eq(State::Active),
        webhook_endpoints::created_at.eq(now),
    );
    Ok(insert_into(webhook_endpoints::table).values(row).returning(columns::<Endpoint>()).get_result(conn)?)
}

#[derive(AsChangeset)]
#[diesel(table_name = webhook_endpoints)]
struct Changed<'a> {
    url: Option<&'a str>,
    label: Option<&'a str>,
    events: Option<String>,
    state: State,
    disabled_reason: Option<Option<DisabledReason>>,
}

/// Changes an endpoint if its state is still as in `seen`.
pub(super) fn change(conn: &mut Conn, seen: &Endpoint, change: &Change) -> Result<Option<Endpoint>> {
    let reason = match (seen.state, change.state) {
        (State::Active, Some(State::Disabled)) => Some(Some(DisabledReason::Staff)),
        (_, Some(State::Active)) => Some(None),
        _ => None,
    };
    let changed = Changed {
        url: change.url.as_deref(),
        label: change.label.as_deref(),
        events: change.events.as_ref().map(|events| events_text(events.as_deref())),
        // Always assigned, so that the statement is never without a column to set.
        state: change.state.unwrap_or(seen.state),
        disabled_reason: reason,
    };
    let row = webhook_endpoints::table.find(&seen.id).filter(webhook_endpoints::state.eq(seen.state));
    Ok(update(row).set(changed).returning(columns::<Endpoint>()).get_result(conn).optional()?)
}

/// Replaces the current secret; the previous one still signs until `until`.
pub(super) fn rotate(
    conn: &mut Conn,
    practice_id: &PracticeId,
    id: &WebhookId,
    secret: &str,
    until: Timestamp,
) -> Result<Option<Endpoint>> {
    let row = webhook_endpoints::table
        .filter(webhook_endpoints::id.eq(id))
        .filter(webhook_endpoints::practice_id.eq(practice_id))
        .filter(webhook_endpoints::state.ne(State::Deleted));
    let change = (
        webhook_endpoints::old_secret.eq(webhook_endpoints::secret.nullable()),
        webhook_endpoints::old_secret_until.eq(until),
        webhook_endpoints::secret.eq(secret),
    );
    Ok(update(row).set(change).returning(columns::<Endpoint>()).get_result(conn).optional()?)
}

/// Disables an endpoint; returns 0 if it is not active.
pub(super) fn disable(conn: &mut Conn, id: &WebhookId, reason: DisabledReason) -> Result<usize> {
    let row = webhook_endpoints::table.find(id).filter(webhook_endpoints::state.eq(State::Active));
    let change =
        (webhook_endpoints::state.eq(State::Disabled), webhook_endpoints::disabled_reason.eq(Some(reason)));
    Ok(update(row).set(change).execute(conn)?)
}

/// Deletes an endpoint: the row stays until its log is swept, without address and secrets.
pub(super) fn delete(conn: &mut Conn, practice_id: &PracticeId, id: &WebhookId) -> Result<usize> {
    let row = webhook_endpoints::table
        .filter(webhook_endpoints::id.eq(id))
        .filter(webhook_endpoints::practice_id.eq(practice_id))
        .filter(webhook_endpoints::state.ne(State::Deleted));
    let change = (
        webhook_endpoints::state.eq(State::Deleted),
        webhook_endpoints::url.eq(""),
        webhook_endpoints::label.eq(""),
        webhook_endpoints::secret.eq(""),
        webhook_endpoints::old_secret.eq(None::<String>),
        webhook_endpoints::old_secret_until.eq(None::<Timestamp>),
    );
    Ok(update(row).set(change).execute(conn)?)
}

pub(super) fn insert_event(
    conn: &mut Conn,
    id: &EventId,
    practice_id: &PracticeId,
    (kind, body): (Kind, &str),
    now: Timestamp,
) -> Result<usize> {
    let row = (
        webhook_events::id.eq(id),
        webhook_events::practice_id.eq(practice_id),
        webhook_events::kind.eq(kind),
        webhook_events::body.eq(body),
        webhook_events::created_at.eq(now),
    );
    Ok(insert_into(webhook_events::table).values(row).execute(conn)?)
}

/// Creates an entry of the delivery log.
pub(super) fn insert_delivery(
    conn: &mut Conn,
    id: &WebhookDeliveryId,
    endpoint_id: &WebhookId,
    event_id: &EventId,
    now: Timestamp,
) -> Result<Delivery> {
    let row = (
        webhook_deliveries::id.eq(id),
        webhook_deliveries::endpoint_id.eq(endpoint_id),
        webhook_deliveries::event_id.eq(event_id),
        webhook_deliveries::state.eq(DeliveryState::Queued),
        webhook_deliveries::attempts.eq(0),
        webhook_deliveries::replays.eq(0),
        webhook_deliveries::created_at.eq(now),
    );
    let insert = insert_into(webhook_deliveries::table).values(row).returning(columns::<Delivery>());
    Ok(insert.get_result(conn)?)
}

/// Lists an endpoint's log entries before the id `before`, newest first, each with the type of its event.
pub(super) fn deliveries(
    conn: &mut Conn,
    endpoint_id: &WebhookId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<LoggedDelivery>> {
    let mut rows = webhook_deliveries::table
        .inner_join(webhook_events::table)
        .filter(webhook_deliveries::endpoint_id.eq(endpoint_id))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(webhook_deliveries::id.lt(before));
    }
    let rows = rows.order(webhook_deliveries::id.desc()).limit(limit);
    Ok(rows.select((columns::<Delivery>(), webhook_events::kind)).load(conn)?)
}

/// Returns a log entry with the type of its event.
pub(super) fn delivery(conn: &mut Conn, id: &WebhookDeliveryId) -> Result<Option<LoggedDelivery>> {
    let row = webhook_deliveries::table.inner_join(webhook_events::table);
    let row = row.filter(webhook_deliveries::id.eq(id));
    Ok(row.select((columns::<Delivery>(), webhook_events::kind)).first(conn).optional()?)
}

/// Starts another round of a log entry; returns its number, or `None` if the endpoint has no such entry.
pub(super) fn begin_round(
    conn: &mut Conn,
    endpoint_id: &WebhookId,
    id: &WebhookDeliveryId,
) -> Result<Option<i32>> {
    let row = webhook_deliveries::table.find(id).filter(webhook_deliveries::endpoint_id.eq(endpoint_id));
    let change = (
        webhook_deliveries::replays.eq(webhook_deliveries::replays + 1),
        webhook_deliveries::state.eq(DeliveryState::Queued),
        webhook_deliveries::settled_at.eq(None::<Timestamp>),
    );
    Ok(update(row).set(change).returning(webhook_deliveries::replays).get_result(conn).optional()?)
}

/// Returns endpoint, event id and body of a log entry, if `round` is the latest and the endpoint is active.
pub(super) fn due(
    conn: &mut Conn,
    id: &WebhookDeliveryId,
    round: i32,
) -> Result<Option<(Endpoint, EventId, String)>> {
    let row = webhook_deliveries::table
        .inner_join(webhook_endpoints::table)
        .inner_join(webhook_events::table)
        .filter(webhook_deliveries::id.eq(id))
        .filter(webhook_deliveries::replays.eq(round))
        .filter(webhook_endpoints::state.eq(State::Active));
    let columns = (columns::<Endpoint>(), webhook_events::id, webhook_events::body);
    Ok(row.select(columns).first(conn).optional()?)
}

/// The result of a call.
pub(super) struct CallResult {
    pub state: DeliveryState,
    /// The label of the outcome, as the log shows it.
    pub outcome: &'static str,
    /// The number of calls made: 1, or 0 if the row was unwanted.
    pub calls: i32,
    /// The time when attempts ended; `None` while more will follow.
    pub at: Option<Timestamp>,
}

/// Stores the result of a call in `round`; returns the endpoint, or `None` if a later round has started.
pub(super) fn settle(
    conn: &mut Conn,
    id: &WebhookDeliveryId,
    round: i32,
    result: &CallResult,
) -> Result<Option<WebhookId>> {
    let row = webhook_deliveries::table.find(id).filter(webhook_deliveries::replays.eq(round));
    let change = (
        webhook_deliveries::state.eq(result.state),
        webhook_deliveries::attempts.eq(webhook_deliveries::attempts + result.calls),
        webhook_deliveries::last_outcome.eq(Some(result.outcome)),
        webhook_deliveries::settled_at.eq(result.at),
    );
    let endpoint = update(row).set(change).returning(webhook_deliveries::endpoint_id);
    Ok(endpoint.get_result(conn).optional()?)
}

/// Returns the practice id of an endpoint.
pub(super) fn practice_of(conn: &mut Conn, id: &WebhookId) -> Result<PracticeId> {
    Ok(webhook_endpoints::table.find(id).select(webhook_endpoints::practice_id).first(conn)?)
}

/// Deletes log entries and events from before `before`, and deleted endpoints that have no log left.
pub(super) fn delete_before(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = webhook_events::table.filter(webhook_events::created_at.lt(before));
    let log =
        webhook_deliveries::table.filter(webhook_deliveries::event_id.eq_any(old.select(webhook_events::id)));
    diesel::delete(log).execute(conn)?;
    let swept = webhook_events::table.filter(webhook_events::created_at.lt(before));
    let count = diesel::delete(swept).execute(conn)?;
    let log = webhook_deliveries::table.filter(webhook_deliveries::endpoint_id.eq(webhook_endpoints::id));
    let gone =
        webhook_endpoints::table.filter(webhook_endpoints::state.eq(State::Deleted)).filter(not(exists(log)));
    diesel::delete(gone).execute(conn)?;
    Ok(count)
}
