//! Webhooks: signed calls to a practice's own server (Standard Webhooks 1.0), with endpoints, events and a
//! delivery log.
//!
//! Webhooks follow the event log ([`Webhooks`]): what a practice subscribes to is written with an outbox row
//! for each of its endpoints; without a subscriber, nothing is written. Bodies are thin: only ids, with which
//! the receiver fetches the rest.
//!
//! A webhook's secret lets its holder impersonate us to the practice's server, so only admins manage
//! webhooks.

mod address;
mod event;
mod message;
mod reaction;
mod sealed_secret;
mod state;
mod store;

use std::time::Duration;

pub use event::{Fact, Kind};
pub use message::WebhookTopic;
pub use reaction::Webhooks;
pub use state::{DeliveryState, DisabledReason, State};
pub use store::{Delivery, Endpoint, LoggedDelivery};

use serde_json::{Value, json};

use crate::domain::events::EventKind;
use crate::domain::staff::Staff;
use crate::kit::{Secret, WebhookDeliveryId, WebhookId};
use crate::platform::{Tx, db};

/// Maximum number of endpoints per practice.
const MOST: i64 = 10;
/// Time for which the previous secret still signs after a rotation.
const BOTH_SIGN: Duration = Duration::from_hours(24);
/// Retention of events and their delivery log.
const KEPT: Duration = Duration::from_hours(30 * 24);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such endpoint, or no such entry in its log.
    #[error("webhook not found")]
    NotFound,
    /// The practice already has the maximum number of endpoints.
    #[error("too many webhooks")]
    TooMany,
    /// The endpoint is disabled, so nothing can be replayed to it.
    #[error("webhook disabled")]
    Disabled,
    /// The URL cannot be called, with the reason.
    #[error("url refused: {0}")]
    Url(&'static str),
    /// Encrypting the secret failed.
    #[error("not sealed")]
    NotSealed,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A new endpoint to create.
#[derive(Clone)]
pub struct NewWebhook {
    pub url: String,
    pub label: String,
    /// The subscribed event types; `None` means all, including future types.
    pub events: Option<Vec<Kind>>,
}

/// Changes to an endpoint; `None` leaves a field as it is.
#[derive(Default)]
pub struct Change {
    pub url: Option<String>,
    pub label: Option<String>,
    /// The subscribed event types; an inner `None` means all.
    pub events: Option<Option<Vec<Kind>>>,
    pub state: Option<State>,
}

/// Creates an endpoint; its secret is shown only once.
pub fn create(tx: &mut Tx, who: &Staff, new: &NewWebhook) -> Result<(Endpoint, Secret), Error> {
    check_url(tx, &new.url)?;
    lock(tx, who)?;
    if store::count(tx.conn, &who.practice_id)? >= MOST {
        return Err(Error::TooMany);
    }
    let id = tx.id::<WebhookId>();
    let (secret, sealed) = sealed_secret::make(tx, &id).ok_or(Error::NotSealed)?;
    let row = store::NewEndpoint {
        practice_id: &who.practice_id,
        url: &new.url,
        label: &new.label,
        events: new.events.as_deref(),
        secret: &sealed,
    };
    let endpoint = store::insert(tx.conn, &id, &row, tx.now)?;
    who.note(tx, EventKind::WebhookCreated, &id, json!({ "after": audit_detail(&endpoint) }));
    Ok((endpoint, secret))
}

/// Lists up to `limit` endpoints after the id `after`.
pub fn list(tx: &mut Tx, who: &Staff, after: &str, limit: i64) -> Result<Vec<Endpoint>, Error> {
    Ok(store::list(tx.conn, &who.practice_id, after, limit)?)
}

pub fn find(tx: &mut Tx, who: &Staff, id: &WebhookId) -> Result<Endpoint, Error> {
    store::find(tx.conn, &who.practice_id, id)?.ok_or(Error::NotFound)
}

pub fn change(tx: &mut Tx, who: &Staff, id: &WebhookId, change: &Change) -> Result<Endpoint, Error> {
    let before = find(tx, who, id)?;
    if let Some(url) = &change.url {
        check_url(tx, url)?;
    }
    // Optimistic lock: if the endpoint was disabled or deleted meanwhile, the caller retries and reads it
    // again.
    let after = store::change(tx.conn, &before, change)?.ok_or(db::Error::Busy)?;
    let detail = json!({ "before": audit_detail(&before), "after": audit_detail(&after) });
    who.note(tx, EventKind::WebhookChanged, id, detail);
    Ok(after)
}

/// Rotates the secret of an endpoint, which is shown only once; the previous one still signs for 24 hours.
pub fn rotate(tx: &mut Tx, who: &Staff, id: &WebhookId) -> Result<(Endpoint, Secret), Error> {
    let (secret, sealed) = sealed_secret::make(tx, id).ok_or(Error::NotSealed)?;
    let rotated = store::rotate(tx.conn, &who.practice_id, id, &sealed, tx.now + BOTH_SIGN)?;
    let endpoint = rotated.ok_or(Error::NotFound)?;
    who.note(tx, EventKind::WebhookRotated, id, json!({}));
    Ok((endpoint, secret))
}

/// Deletes an endpoint; its pending deliveries are dropped.
pub fn delete(tx: &mut Tx, who: &Staff, id: &WebhookId) -> Result<(), Error> {
    if store::delete(tx.conn, &who.practice_id, id)? == 0 {
        return Err(Error::NotFound);
    }
    who.note(tx, EventKind::WebhookDeleted, id, json!({}));
    Ok(())
}

/// Lists up to `limit` log entries before the id `before`, newest first, each with the type of its event.
pub fn deliveries(
    tx: &mut Tx,
    who: &Staff,
    id: &WebhookId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<LoggedDelivery>, Error> {
    let endpoint = find(tx, who, id)?;
    Ok(store::deliveries(tx.conn, &endpoint.id, before, limit)?)
}

/// Calls an endpoint again with an event, under the event's own id and with the full retry schedule;
/// pending attempts of the same entry are dropped.
pub fn replay(
    tx: &mut Tx,
    who: &Staff,
    id: &WebhookId,
    delivery_id: &WebhookDeliveryId,
) -> Result<LoggedDelivery, Error> {
    let endpoint = find(tx, who, id)?;
    if !endpoint.is_active() {
        return Err(Error::Disabled);
    }
    store::begin_round(tx.conn, &endpoint.id, delivery_id)?.ok_or(Error::NotFound)?;
    let logged = store::delivery(tx.conn, delivery_id)?.ok_or(Error::NotFound)?;
    message::enqueue(tx, &endpoint.id, &logged.delivery)?;
    who.note(tx, EventKind::WebhookReplayed, id, json!({ "delivery": delivery_id }));
    Ok(logged)
}

/// Deletes events and their log after 30 days.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_before(tx.conn, tx.now - KEPT)
}

fn check_url(tx: &Tx, url: &str) -> Result<(), Error> {
    address::check(url, tx.settings.webhooks.allow_private).map_err(Error::Url)
}

/// Serializes creation: of two concurrent requests, only one may create the tenth endpoint.
fn lock(tx: &mut Tx, who: &Staff) -> db::Result<()> {
    let name = tx.keys.derive("webhooks-of-practice", &[who.practice_id.as_str().as_bytes()]);
    let name = name.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    if tx.conn.try_lock(name)? { Ok(()) } else { Err(db::Error::Busy) }
}

/// The audit detail of an endpoint. Only the origin of its URL, since a path or query can be a secret.
fn audit_detail(endpoint: &Endpoint) -> Value {
    let origin: String = endpoint.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let origin = origin.split('?').next().unwrap_or_default();
    json!({
        "origin": origin, "label": endpoint.label, "events": endpoint.events(), "state": endpoint.state,
        "disabled_reason": endpoint.disabled_reason,
    })
}
