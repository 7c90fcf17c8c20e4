//! `/healthz`, `/readyz`, `/metrics` and `/openapi.json`.

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::{Code, Draining, Problem};
use crate::outbox::{self, Channel};
use crate::refusals;
use crate::telemetry;

/// How the service is.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// Always `ok`; anything else is a problem.
    #[schema(example = "ok")]
    status: &'static str,
    /// Channels of outgoing messages that are paused, because our account at the provider is refused. The
    /// service goes on: taking every instance out of its balancer would mend nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<PausedChannel>,
}

/// A channel that is paused.
#[derive(Serialize, ToSchema)]
pub struct PausedChannel {
    /// `sms`, `voice`, `email` or `webhook`.
    #[schema(example = "sms")]
    channel: String,
    /// What the provider said.
    #[schema(example = "account_refused")]
    reason: String,
}

impl Status {
    fn ok(paused: Vec<outbox::Pause>) -> Json<Self> {
        let paused =
            paused.into_iter().map(|pause| PausedChannel { channel: pause.channel, reason: pause.reason });
        Json(Self { status: "ok", paused: paused.collect() })
    }
}

/// Whether the process lives
#[utoipa::path(tag = "operations", responses((status = 200, description = "It does", body = Status)))]
#[get("/healthz")]
pub async fn healthz() -> Json<Status> {
    Status::ok(Vec::new())
}

refusals!(ReadyRefusals: plain);

/// Whether it can serve: database reachable, schema current, not shutting down
#[utoipa::path(tag = "operations", responses((status = 200, description = "It can", body = Status), ReadyRefusals))]
#[get("/readyz")]
pub async fn readyz(app: Data<App>, draining: Data<Draining>) -> Result<Json<Status>, Problem> {
    if draining.is_set() {
        return Err(Problem::new(Code::Unavailable, "Shutting down."));
    }
    if !app.db.is_ready().await {
        return Err(Problem::new(Code::Unavailable, "The database is not reachable or not migrated."));
    }
    Ok(Status::ok(app.read(|_, conn| outbox::pauses(conn)).await?))
}

/// Counters for Prometheus
#[utoipa::path(tag = "operations", responses((status = 200, description = "Prometheus text format", content_type = "text/plain", body = String)))]
#[get("/metrics")]
pub async fn metrics(app: Data<App>) -> HttpResponse {
    // Without a database the gauges stay as they were: a zero would end an alert in the middle of an outage.
    let depth = app.read(|_, conn| outbox::depth(conn)).await.ok();
    let paused = app.read(|_, conn| outbox::pauses(conn)).await.ok();
    for (channel, paused) in
        Channel::ALL.iter().filter_map(|channel| Some((channel.as_str(), paused.as_ref()?)))
    {
        let is_paused = paused.iter().any(|pause| pause.channel == channel);
        ::metrics::gauge!("outbox_channel_paused", "channel" => channel).set(f64::from(u8::from(is_paused)));
    }
    let states = ["queued", "leased", "sent", "dropped", "dead"];
    for (state, depth) in states.iter().filter_map(|state| Some((*state, depth.as_ref()?))) {
        let count = depth.iter().find(|(name, _)| name.as_str() == state).map_or(0, |(_, count)| *count);
        #[expect(clippy::cast_precision_loss, reason = "a gauge of rows")]
        ::metrics::gauge!("outbox_rows", "state" => state).set(count as f64);
    }
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(telemetry::render_metrics())
}

/// The document itself, as served.
pub struct Document(pub String);

/// This document
#[utoipa::path(tag = "operations", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
#[get("/openapi.json")]
pub async fn openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}
