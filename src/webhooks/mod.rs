//! Signed calls of a practice's own machine (Standard Webhooks 1.0): its endpoints, what they are told, and the
//! log of it.
//!
//! An event is written in the transaction of its fact, with an outbox row for each endpoint that wants it;
//! where nobody does, nothing is written. Bodies are thin: ids, with which the receiver asks.

mod address;
mod event;
pub mod http;
mod message;
mod store;
mod vault;

use std::time::Duration;

pub use event::{Fact, Kind};
pub use message::WebhookTopic;
pub use store::{Delivery, Endpoint};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::Secret;
use crate::staff::{self, Principal, Role};

/// Endpoints of one practice.
const MOST: i64 = 10;
/// How long the secret before the last one signs too.
const BOTH_SIGN: Duration = Duration::from_hours(24);
/// Events and their log are kept this long.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// Whether an endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookState)]
pub enum State {
    /// It is.
    Active,
    /// It is not.
    Disabled,
}

impl State {
    /// The word that the database uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// Why something about webhooks was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not signed in, or no admin.
    #[error(transparent)]
    Staff(#[from] staff::Refusal),
    /// No such endpoint, or no such line in its log.
    #[error("webhook not found")]
    NotFound,
    /// The practice has as many as it may have.
    #[error("too many webhooks")]
    TooMany,
    /// The endpoint is not called, so nothing can be replayed to it.
    #[error("webhook disabled")]
    Disabled,
    /// The URL cannot be called, and why.
    #[error("url refused: {0}")]
    Url(&'static str),
    /// The secret could not be sealed.
    #[error("not sealed")]
    NotSealed,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A further endpoint.
pub struct New {
    /// Where it is.
    pub url: String,
    /// What the practice calls it.
    pub label: String,
    /// Which events it wants; `None` is all, those to come included.
    pub events: Option<Vec<Kind>>,
}

/// What a change changes; what is `None` stays.
#[derive(Default)]
pub struct Change {
    /// Where it is.
    pub url: Option<String>,
    /// What the practice calls it.
    pub label: Option<String>,
    /// Which events it wants; inside, `None` is all.
    pub events: Option<Option<Vec<Kind>>>,
    /// Whether it is called.
    pub state: Option<State>,
}

/// Tells a practice's endpoints of `facts`, in the facts' own transaction.
pub fn emit(ctx: &Ctx, conn: &mut Conn, practice_id: &str, facts: &[Fact<'_>]) -> db::Result<()> {
    let endpoints = store::active(conn, practice_id)?;
    for fact in facts {
        let wanting: Vec<&Endpoint> = endpoints.iter().filter(|one| one.wants(fact.kind())).collect();
        if !wanting.is_empty() {
            fan_out(ctx, conn, practice_id, fact, &wanting)?;
        }
    }
    Ok(())
}

fn fan_out(
    ctx: &Ctx,
    conn: &mut Conn,
    practice_id: &str,
    fact: &Fact<'_>,
    endpoints: &[&Endpoint],
) -> db::Result<()> {
    let event_id = ctx.id("evt");
    store::insert_event(conn, &event_id, practice_id, (fact.kind(), &fact.body(ctx.now)), ctx.now)?;
    for endpoint in endpoints {
        let delivery = store::insert_delivery(conn, &ctx.id("whd"), &endpoint.id, &event_id, ctx.now)?;
        message::enqueue(ctx, conn, &endpoint.id, &delivery)?;
    }
    Ok(())
}

/// Makes an endpoint; its secret is shown this once.
pub fn create(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    new: &New,
) -> Result<(Endpoint, Secret), Refusal> {
    let who = admin(ctx, conn, token)?;
    check_url(ctx, &new.url)?;
    lock(ctx, conn, &who)?;
    if store::count(conn, &who.practice_id)? >= MOST {
        return Err(Refusal::TooMany);
    }
    let id = ctx.id("whk");
    let (secret, sealed) = vault::make(ctx, &id).ok_or(Refusal::NotSealed)?;
    let row = store::NewEndpoint {
        practice_id: &who.practice_id,
        url: &new.url,
        label: &new.label,
        events: new.events.as_deref(),
        secret: &sealed,
    };
    let endpoint = store::insert(conn, &id, &row, ctx.now)?;
    who.note(ctx, conn, "webhook.created", &id, json!({ "after": picture(&endpoint) }))?;
    Ok((endpoint, secret))
}

/// Up to `limit` endpoints after the endpoint `after`.
pub fn list(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    after: &str,
    limit: i64,
) -> Result<Vec<Endpoint>, Refusal> {
    let who = admin(ctx, conn, token)?;
    Ok(store::list(conn, &who.practice_id, after, limit)?)
}

/// One endpoint.
pub fn find(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<Endpoint, Refusal> {
    let who = admin(ctx, conn, token)?;
    own(conn, &who, id)
}

/// Changes an endpoint.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    change: &Change,
) -> Result<Endpoint, Refusal> {
    let who = admin(ctx, conn, token)?;
    let before = own(conn, &who, id)?;
    if let Some(url) = &change.url {
        check_url(ctx, url)?;
    }
    // The guard: an endpoint that was disabled or deleted meanwhile is looked at again by whoever asks again.
    let after = store::change(conn, &before, change)?.ok_or(db::Error::Busy)?;
    let detail = json!({ "before": picture(&before), "after": picture(&after) });
    who.note(ctx, conn, "webhook.changed", id, detail)?;
    Ok(after)
}

/// Gives an endpoint a fresh secret, shown this once; for a day the one before signs too.
pub fn rotate(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
) -> Result<(Endpoint, Secret), Refusal> {
    let who = admin(ctx, conn, token)?;
    let (secret, sealed) = vault::make(ctx, id).ok_or(Refusal::NotSealed)?;
    let rotated = store::rotate(conn, &who.practice_id, id, &sealed, ctx.now + BOTH_SIGN)?;
    let endpoint = rotated.ok_or(Refusal::NotFound)?;
    who.note(ctx, conn, "webhook.rotated", id, json!({}))?;
    Ok((endpoint, secret))
}

/// Forgets an endpoint; what still waits for it is dropped.
pub fn delete(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<(), Refusal> {
    let who = admin(ctx, conn, token)?;
    if store::delete(conn, &who.practice_id, id)? == 0 {
        return Err(Refusal::NotFound);
    }
    Ok(who.note(ctx, conn, "webhook.deleted", id, json!({}))?)
}

/// Up to `limit` lines of an endpoint's log before the line `before`, newest first, each with its event's kind.
pub fn deliveries(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<(Delivery, String)>, Refusal> {
    let who = admin(ctx, conn, token)?;
    let endpoint = own(conn, &who, id)?;
    Ok(store::deliveries(conn, &endpoint.id, before, limit)?)
}

/// Calls once more with an event, under its own id, and with the whole schedule; attempts that still wait are
/// dropped for it.
pub fn replay(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    delivery_id: &str,
) -> Result<(Delivery, String), Refusal> {
    let who = admin(ctx, conn, token)?;
    let endpoint = own(conn, &who, id)?;
    if endpoint.state() == State::Disabled {
        return Err(Refusal::Disabled);
    }
    store::begin_round(conn, &endpoint.id, delivery_id)?.ok_or(Refusal::NotFound)?;
    let (delivery, kind) = store::delivery(conn, delivery_id)?.ok_or(Refusal::NotFound)?;
    message::enqueue(ctx, conn, &endpoint.id, &delivery)?;
    who.note(ctx, conn, "webhook.replayed", id, json!({ "delivery": delivery_id }))?;
    Ok((delivery, kind))
}

/// Forgets events and their log after 30 days.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_before(conn, ctx.now - KEPT)
}

/// Whoever holds a webhook's secret speaks for us to the practice's machine, so admins alone handle them.
fn admin(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    if who.role == Role::Admin { Ok(who) } else { Err(staff::Refusal::Forbidden.into()) }
}

fn own(conn: &mut Conn, who: &Principal, id: &str) -> Result<Endpoint, Refusal> {
    store::find(conn, &who.practice_id, id)?.ok_or(Refusal::NotFound)
}

fn check_url(ctx: &Ctx, url: &str) -> Result<(), Refusal> {
    address::check(url, ctx.config.webhooks.allow_private).map_err(Refusal::Url)
}

/// Two that are made at once must not both be the tenth.
fn lock(ctx: &Ctx, conn: &mut Conn, who: &Principal) -> db::Result<()> {
    let name = ctx.keys.derive("webhooks-of-practice", &[who.practice_id.as_bytes()]);
    let name = name.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    if conn.try_lock(name)? { Ok(()) } else { Err(db::Error::Busy) }
}

/// What an auditor may see of an endpoint. Of the URL the origin: a path or query can be a secret.
fn picture(endpoint: &Endpoint) -> Value {
    let origin: String = endpoint.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let origin = origin.split('?').next().unwrap_or_default();
    json!({
        "origin": origin, "label": endpoint.label, "events": endpoint.events(), "state": endpoint.state(),
        "disabled_reason": endpoint.disabled_reason,
    })
}
