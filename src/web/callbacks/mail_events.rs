//! Delivery events of e-mails: bounces, complaints and deliveries, signed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::delivery::Delivery;
use crate::domain::notifications::{self, Event, EventKind, Signed};
use crate::kit::Timestamp;
use crate::platform::Service;
use crate::platform::outbox::Topics;
use crate::problems;
use crate::web::http::{Code, Problem, RawBody};

/// Delivery events from a mail server or from the operator's adapter.
#[derive(Deserialize, ToSchema)]
pub(crate) struct MailEvents {
    /// Events in any order. Unknown events, and events about e-mails of other services, are ignored.
    #[schema(value_type = Vec<MailEvent>)]
    events: Vec<serde_json::Value>,
}

/// A delivery event of one e-mail.
#[derive(Deserialize, ToSchema)]
pub(crate) struct MailEvent {
    /// Type of the event.
    #[serde(rename = "type")]
    kind: MailEventKind,
    /// `Message-ID` header of the e-mail.
    #[schema(example = "<out_0198c1f2a4c07d3e8a51b2c3d4e5f607@links.example.org>")]
    #[serde(rename = "message_id")]
    message: String,
    /// For a bounce: `true` if the mailbox is gone for good.
    #[serde(default)]
    #[schema(example = true)]
    permanent: bool,
    /// When it happened, if the sender knows.
    at: Option<Timestamp>,
}

/// Type of a delivery event.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailEventKind {
    Bounce,
    Complaint,
    Delivered,
}

impl MailEvent {
    fn parse(value: serde_json::Value) -> Option<Event> {
        let event: Self = serde_json::from_value(value).ok()?;
        let kind = match event.kind {
            MailEventKind::Bounce if event.permanent => EventKind::HardBounce,
            MailEventKind::Bounce => EventKind::SoftBounce,
            MailEventKind::Complaint => EventKind::Complaint,
            MailEventKind::Delivered => EventKind::Delivered,
        };
        Some(Event { kind, message: event.message, at: event.at })
    }
}

problems!(MailEventsProblems: plain, SignatureInvalid, MalformedRequest, RequestTimeout, BodyTooLarge);

/// Receive delivery events of e-mails
///
/// Signed as in Standard Webhooks with `mail.events_secret`.
#[utoipa::path(
    tag = "notices", request_body = MailEvents,
    params(
        (
            "webhook-id" = String,
            Header,
            description = "Id of the report; a repeated id changes nothing",
            example = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        ),
        (
            "webhook-timestamp" = String,
            Header,
            description = "Unix time in seconds, at most five minutes off",
            example = "1649367553",
        ),
        (
            "webhook-signature" = String,
            Header,
            description = "`v1,` and base64 of HMAC-SHA256 over id, timestamp and body",
            example = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ),
    responses((status = 204, description = "Accepted, even if it contains nothing new"), MailEventsProblems),
)]
#[post("/v1/callbacks/mail-events")]
pub(crate) async fn receive_mail_events(
    service: Data<Service>,
    delivery: Data<Delivery>,
    topics: Data<Topics>,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let signed = signed(&request, body);
    let secret = delivery.settings.mail.events_secret.as_ref();
    if !notifications::is_ours(secret, &signed, service.now()) {
        return Err(Problem::new(
            Code::SignatureInvalid,
            "Sign with `mail.events_secret` and the current time.",
        ));
    }
    let MailEvents { events } = serde_json::from_slice(&signed.body)
        .map_err(|_| Problem::new(Code::MalformedRequest, "Send a JSON object with `events`."))?;
    let events: Vec<Event> = events.into_iter().filter_map(MailEvent::parse).collect();
    service.write(move |tx| notifications::process_report(tx, &topics, &signed.message, &events)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn signed(request: &HttpRequest, RawBody { bytes: body, .. }: RawBody) -> Signed {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (message, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    Signed { message, timestamp, signatures: header("webhook-signature"), body }
}
