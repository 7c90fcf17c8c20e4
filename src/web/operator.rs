//! `/healthz`, `/readyz`, `/metrics` and `/openapi.json`.

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use strum::VariantArray as _;
use utoipa::ToSchema;

use crate::platform::outbox::{self, Channel, State};
use crate::platform::{Service, telemetry};
use crate::problems;
use crate::web::http::{Code, Draining, Problem};

/// The health of the service.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
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
pub(super) struct PausedChannel {
    /// The channel: `sms`, `voice`, `email` or `webhook`.
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
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
#[utoipa::path(
    tag = "operations", responses((status = 200, description = "The process is running", body = Status)),
)]
#[get("/healthz")]
pub(crate) async fn check_liveness() -> Json<Status> {
    Status::ok(Vec::new())
}

problems!(ReadyProblems: plain);

/// Readiness probe: database reachable, schema current, not shutting down
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "The service can handle requests", body = Status), ReadyProblems),
)]
#[get("/readyz")]
pub(crate) async fn check_readiness(
    service: Data<Service>,
    draining: Data<Draining>,
) -> Result<Json<Status>, Problem> {
    if draining.is_set() {
        return Err(Problem::new(Code::Unavailable, "The service is shutting down."));
    }
    if !service.db.is_ready().await {
        return Err(Problem::new(Code::Unavailable, "The database is not reachable or not up to date."));
    }
    Ok(Status::ok(service.read(outbox::pauses).await?))
}

/// Get the metrics in Prometheus format
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, description = "Prometheus text format", content_type = "text/plain", body = String),
    ),
)]
#[get("/metrics")]
pub(crate) async fn get_metrics(service: Data<Service>) -> HttpResponse {
    // Without a database the gauges keep their values: a zero would end an alert in the middle of an outage.
    if let Ok(pauses) = service.read(outbox::pauses).await {
        report_pauses(&pauses);
    }
    if let Ok(depth) = service.read(outbox::depth).await {
        report_depth(&depth);
    }
    let counts = service.db.counts();
    metrics::counter!("db_statements_total").absolute(counts.statements);
    metrics::counter!("db_transactions_total").absolute(counts.transactions);
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(telemetry::render_metrics())
}

fn report_pauses(pauses: &[outbox::Pause]) {
    for channel in Channel::VARIANTS {
        let is_paused = pauses.iter().any(|pause| pause.channel == *channel);
        metrics::gauge!("outbox_channel_paused", "channel" => channel.as_str())
            .set(f64::from(u8::from(is_paused)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge that counts rows")]
fn report_depth(depth: &[(State, i64)]) {
    for state in State::VARIANTS {
        let count = depth.iter().find(|(found, _)| found == state).map_or(0, |(_, count)| *count);
        metrics::gauge!("outbox_rows", "state" => state.as_str()).set(count as f64);
    }
}

/// The OpenAPI document, as served.
pub(super) struct Document(pub String);

/// Get this OpenAPI document
#[utoipa::path(tag = "operations", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
#[get("/openapi.json")]
pub(crate) async fn get_openapi_document(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}
