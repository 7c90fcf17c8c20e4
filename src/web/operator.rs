//! `/healthz`, `/readyz`, `/metrics` and `/openapi.json`.

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::platform::outbox::{self, Channel};
use crate::platform::telemetry;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Code, Draining, Problem};

/// The health of the service.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// Always `ok`; any other state is a problem response.
    #[schema(example = "ok")]
    status: &'static str,
    /// Channels of outgoing messages that are paused because the provider rejects our account. The service
    /// keeps running: taking every instance out of its load balancer would not help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<PausedChannel>,
}

/// A paused channel of outgoing messages.
#[derive(Serialize, ToSchema)]
pub struct PausedChannel {
    /// The channel: `sms`, `voice`, `email` or `webhook`.
    #[schema(example = "sms")]
    channel: String,
    /// The reason that the provider gave.
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

/// Liveness probe: the process is running
#[utoipa::path(tag = "operations", responses((status = 200, description = "The process is running", body = Status)))]
#[get("/healthz")]
pub async fn check_liveness() -> Json<Status> {
    Status::ok(Vec::new())
}

refusals!(ReadyRefusals: plain);

/// Readiness probe: database reachable, schema current, not shutting down
#[utoipa::path(tag = "operations", responses((status = 200, description = "The service can handle requests", body = Status), ReadyRefusals))]
#[get("/readyz")]
pub async fn check_readiness(
    service: Data<Service>,
    draining: Data<Draining>,
) -> Result<Json<Status>, Problem> {
    if draining.is_set() {
        return Err(Problem::new(Code::Unavailable, "The service is shutting down."));
    }
    if !service.db.is_ready().await {
        return Err(Problem::new(Code::Unavailable, "The database is not reachable or not up to date."));
    }
    Ok(Status::ok(service.read(|tx| outbox::pauses(tx)).await?))
}

/// Get the metrics in Prometheus format
#[utoipa::path(tag = "operations", responses((status = 200, description = "Prometheus text format", content_type = "text/plain", body = String)))]
#[get("/metrics")]
pub async fn get_metrics(service: Data<Service>) -> HttpResponse {
    // Without a database the gauges keep their values: a zero would end an alert in the middle of an outage.
    let depth = service.read(|tx| outbox::depth(tx)).await.ok();
    let paused = service.read(|tx| outbox::pauses(tx)).await.ok();
    for (channel, paused) in
        Channel::ALL.iter().filter_map(|channel| Some((channel.as_str(), paused.as_ref()?)))
    {
        let is_paused = paused.iter().any(|pause| pause.channel == channel);
        ::metrics::gauge!("outbox_channel_paused", "channel" => channel).set(f64::from(u8::from(is_paused)));
    }
    let states = ["queued", "leased", "sent", "dropped", "dead"];
    for (state, depth) in states.iter().filter_map(|state| Some((*state, depth.as_ref()?))) {
        let count = depth.iter().find(|(name, _)| name.as_str() == state).map_or(0, |(_, count)| *count);
        #[expect(clippy::cast_precision_loss, reason = "a gauge that counts rows")]
        ::metrics::gauge!("outbox_rows", "state" => state).set(count as f64);
    }
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(telemetry::render_metrics())
}

/// The OpenAPI document, as served.
pub struct Document(pub String);

/// Get this OpenAPI document
#[utoipa::path(tag = "operations", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
#[get("/openapi.json")]
pub async fn get_openapi_document(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}
