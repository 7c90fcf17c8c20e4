//! HTTP handlers for a practice's webhooks.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::staff::{Permission, Staff};
use crate::domain::webhooks::{
    self, Change, DeliveryState, DisabledReason, Endpoint, Error, Kind, LoggedDelivery, NewWebhook, State,
};
use crate::kit::{EventId, Secret, Timestamp, WebhookDeliveryId, WebhookId};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, FieldError, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Code::WebhookNotFound, "Check the webhook id and the delivery id."),
            Error::TooMany => Self::new(Code::WebhookLimit, "A practice has at most 10. Delete one first."),
            Error::Disabled => Self::new(Code::WebhookDisabled, "Set its state to `active` first."),
            Error::Url(why) => Self::fields(vec![FieldError {
                pointer: "/url".to_owned(),
                code: "url_refused".to_owned(),
                detail: why.to_owned(),
            }]),
            Error::NotSealed => Self::new(Code::Internal, "Nothing was changed. Try again."),
            Error::Db(error) => error.into(),
        }
    }
}

/// A webhook endpoint that is called with events of the practice.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    /// The id of the webhook.
    id: WebhookId,
    /// The URL that is called.
    #[schema(example = "https://hooks.oakstreet.example/practice-links")]
    url: String,
    /// The label that the practice gave it.
    #[schema(example = "Practice software")]
    label: String,
    /// The subscribed event types; `null` means all, including future types.
    #[schema(required = true)]
    events: Option<Vec<Kind>>,
    /// Whether the webhook is called.
    state: State,
    /// The reason why it is disabled.
    #[schema(required = true)]
    disabled_reason: Option<DisabledReason>,
    /// The time until which calls are also signed with the previous secret.
    #[schema(required = true)]
    old_secret_until: Option<Timestamp>,
    /// The time of its creation.
    created_at: Timestamp,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            events: endpoint.events(),
            state: endpoint.state,
            id: endpoint.id,
            url: endpoint.url,
            label: endpoint.label,
            disabled_reason: endpoint.disabled_reason,
            old_secret_until: endpoint.old_secret_until,
            created_at: endpoint.created_at,
        }
    }
}

/// Response with one webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookAnswer {
    /// The webhook without its secret.
    webhook: WebhookView,
}

impl From<Endpoint> for WebhookAnswer {
    fn from(endpoint: Endpoint) -> Self {
        Self { webhook: endpoint.into() }
    }
}

/// Response with a webhook and its new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretAnswer {
    /// The webhook without its secret.
    webhook: WebhookView,
    /// The signing secret (Standard Webhooks), shown only once.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=")]
    secret: Secret,
}

impl From<(Endpoint, Secret)> for WebhookSecretAnswer {
    fn from((endpoint, secret): (Endpoint, Secret)) -> Self {
        Self { webhook: endpoint.into(), secret }
    }
}

/// An entry of a webhook's delivery log.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryView {
    /// The id of the log entry.
    id: WebhookDeliveryId,
    /// The id of the event, sent as the `webhook-id` header.
    event_id: EventId,
    /// The type of the event.
    kind: Kind,
    /// The delivery state.
    state: DeliveryState,
    /// Number of attempts, including those of replays.
    #[schema(example = 1)]
    attempts: i32,
    /// The result of the last attempt: `sent`, `http_5xx`, `timeout`, `unreachable`, `endpoint_disabled` …
    #[schema(required = true, example = "sent")]
    last_outcome: Option<String>,
    /// Number of replays requested by staff.
    #[schema(example = 0)]
    replays: i32,
    /// The time of the event.
    created_at: Timestamp,
    /// The time after which no more attempts are made.
    #[schema(required = true)]
    settled_at: Option<Timestamp>,
}

impl From<LoggedDelivery> for DeliveryView {
    fn from(LoggedDelivery { delivery, kind }: LoggedDelivery) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            kind,
            state: delivery.state,
            attempts: delivery.attempts,
            last_outcome: delivery.last_outcome,
            replays: delivery.replays,
            created_at: delivery.created_at,
            settled_at: delivery.settled_at,
        }
    }
}

/// Response with one log entry.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDeliveryAnswer {
    /// The delivery log entry.
    delivery: DeliveryView,
}

/// A new webhook. Only the URL is required.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateWebhook {
    /// The URL to call: `https://`, a public host, port 443 or a port from 1024 up, no user, no fragment.
    #[schema(example = "https://hooks.oakstreet.example/practice-links")]
    url: String,
    /// A label for the webhook: up to 100 characters on one line.
    #[serde(default)]
    #[validate(custom(function = "is_label"))]
    #[schema(example = "Practice software")]
    label: String,
    /// The event types to send; all of them if omitted or `null`.
    #[validate(length(min = 1, max = 20, message = "List 1 to 20 event types, or null for all."))]
    #[schema(example = json!(["pairing.created", "conversation.created"]))]
    events: Option<Vec<Kind>>,
}

/// Changes to a webhook; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeWebhook {
    /// The new URL to call.
    #[schema(example = "https://hooks.oakstreet.example/practice-links")]
    url: Option<String>,
    /// The new label of the webhook.
    #[validate(custom(function = "is_label"))]
    #[schema(example = "Practice software")]
    label: Option<String>,
    /// The event types to send; replaces the current list, and `null` means all.
    #[serde(default, deserialize_with = "present")]
    #[validate(length(min = 1, max = 20, message = "List 1 to 20 event types, or null for all."))]
    #[schema(value_type = Option<Vec<Kind>>, example = json!(["pairing.created"]))]
    events: Option<Option<Vec<Kind>>>,
    /// `disabled` stops the calls, `active` resumes them.
    #[schema(example = "active")]
    state: Option<State>,
}

/// Distinguishes a field that is `null` from one that is omitted.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<Vec<Kind>>>, D::Error> {
    Option::deserialize(field).map(Some)
}

fn is_label(label: &str) -> Result<(), ValidationError> {
    if label.trim().chars().count() <= 100 && !label.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("Enter up to 100 characters on one line.".into()))
}

problems!(ListWebhooksProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List the practice's webhooks
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery),
    responses(
        (status = 200, description = "Webhooks, oldest first", body = Page<WebhookView>),
        ListWebhooksProblems,
    ),
)]
#[get("/v1/practice/webhooks")]
pub(crate) async fn list_webhooks(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<WebhookView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let endpoints = service.read_as_staff(&call, Permission::Administer, move |tx, staff| {
        webhooks::list(tx, staff, &after, limit + 1)
    });
    let items = endpoints.await?.into_iter().map(WebhookView::from).collect();
    Ok(Json(Page::of(items, limit, |item: &WebhookView| item.id.to_string())))
}

problems!(CreateWebhookProblems: keyed, Unauthorized, StaffForbidden, WebhookLimit);

/// Create a webhook endpoint
///
/// The response is the only one that contains the secret.
#[utoipa::path(
    tag = "practice", request_body = CreateWebhook, security(("staff_token" = [])),
    responses(
        (status = 201, description = "The new webhook, called from now on", body = WebhookSecretAnswer),
        CreateWebhookProblems,
    ),
)]
#[post("/v1/practice/webhooks")]
pub(crate) async fn create_webhook(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateWebhook>,
) -> Result<HttpResponse, Problem> {
    let Body { value: CreateWebhook { url, label, events }, canonical } = body;
    let new = NewWebhook { url, label: label.trim().to_owned(), events };
    let create = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        Ok(Reply::created(&WebhookSecretAnswer::from(webhooks::create(tx, staff, &new)?)))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::Administer, create).await
}

problems!(GetWebhookProblems: plain, Unauthorized, StaffForbidden, WebhookNotFound);

/// Get a webhook endpoint
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<WebhookId>),
    responses((status = 200, description = "The webhook", body = WebhookAnswer), GetWebhookProblems),
)]
#[get("/v1/practice/webhooks/{id}")]
pub(crate) async fn get_webhook(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let find = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::find(tx, staff, &id.0);
    Ok(Json(service.read_as_staff(&call, Permission::Administer, find).await?.into()))
}

problems!(ChangeWebhookProblems: body, Unauthorized, StaffForbidden, WebhookNotFound);

/// Change a webhook, or pause and resume its calls
#[utoipa::path(
    tag = "practice", request_body = ChangeWebhook, security(("staff_token" = [])), params(PathId<WebhookId>),
    responses(
        (status = 200, description = "The changed webhook", body = WebhookAnswer),
        ChangeWebhookProblems,
    ),
)]
#[patch("/v1/practice/webhooks/{id}")]
pub(crate) async fn change_webhook(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
    body: Body<ChangeWebhook>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let ChangeWebhook { url, label, events, state } = body.value;
    let change = Change { url, label: label.map(|label| label.trim().to_owned()), events, state };
    let change = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::change(tx, staff, &id.0, &change);
    Ok(Json(service.write_as_staff(&call, Permission::Administer, change).await?.into()))
}

problems!(DeleteWebhookProblems: plain, Unauthorized, StaffForbidden, WebhookNotFound);

/// Delete a webhook and its pending deliveries
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<WebhookId>),
    responses((status = 204, description = "The webhook is deleted"), DeleteWebhookProblems),
)]
#[delete("/v1/practice/webhooks/{id}")]
pub(crate) async fn delete_webhook(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    let delete = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::delete(tx, staff, &id.0);
    service.write_as_staff(&call, Permission::Administer, delete).await?;
    Ok(HttpResponse::NoContent().finish())
}

problems!(RotateWebhookProblems: keyed_plain, Unauthorized, StaffForbidden, WebhookNotFound);

/// Rotate the signing secret
///
/// For 24 hours, calls are signed with both the new and the previous secret.
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<WebhookId>),
    responses(
        (
            status = 200,
            description = "The new secret; calls carry both signatures until `old_secret_until`",
            body = WebhookSecretAnswer,
        ),
        RotateWebhookProblems,
    ),
)]
#[post("/v1/practice/webhooks/{id}/rotate")]
pub(crate) async fn rotate_webhook_secret(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    let rotate = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        Ok(Reply::ok(&WebhookSecretAnswer::from(webhooks::rotate(tx, staff, &id.0)?)))
    };
    service.idempotent_as_staff(&call, b"", Permission::Administer, rotate).await
}

problems!(ListDeliveriesProblems: plain, Unauthorized, StaffForbidden, WebhookNotFound, InvalidRequest);

/// List the deliveries of a webhook in the last 30 days
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<WebhookId>, PageQuery),
    responses(
        (status = 200, description = "Log entries, newest first", body = Page<DeliveryView>),
        ListDeliveriesProblems,
    ),
)]
#[get("/v1/practice/webhooks/{id}/deliveries")]
pub(crate) async fn list_webhook_deliveries(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let (limit, cursor) = (page.limit()?, page.after()?);
    let deliveries = service.read_as_staff(&call, Permission::Administer, move |tx, staff| {
        let before = Some(cursor.as_str()).filter(|cursor| !cursor.is_empty());
        webhooks::deliveries(tx, staff, &id.0, before, limit + 1)
    });
    let items = deliveries.await?.into_iter().map(DeliveryView::from).collect();
    Ok(Json(Page::of(items, limit, |item: &DeliveryView| item.id.to_string())))
}

problems!(ReplayProblems: keyed_plain, Unauthorized, StaffForbidden, WebhookNotFound, WebhookDisabled);

/// Replay a webhook delivery
///
/// Sends the event again at once, under its own id.
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    params(
        PathId<WebhookId>,
        (
            "delivery" = String,
            Path,
            description = "The delivery log entry",
            example = "whd_0198c1f2a4c07d3e8a51b2c3d4e5f607",
        ),
    ),
    responses(
        (status = 202, description = "Queued, with the full retry schedule", body = WebhookDeliveryAnswer),
        ReplayProblems,
    ),
)]
#[post("/v1/practice/webhooks/{id}/deliveries/{delivery}/replay")]
pub(crate) async fn replay_webhook_delivery(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<WebhookId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let delivery = PathId::named(&request, "delivery");
    let replay = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let logged = webhooks::replay(tx, staff, &id.0, &delivery.0)?;
        Ok(Reply::accepted(&WebhookDeliveryAnswer { delivery: logged.into() }))
    };
    service.idempotent_as_staff(&call, b"", Permission::Administer, replay).await
}
