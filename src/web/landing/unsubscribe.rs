//! HTTP handlers of notices: unsubscribing, and delivery events of e-mails.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::unsubscribe_page::{self, Stands};
use crate::domain::notifications::{Event, EventKind, Signed, Told};
use crate::kit::Timestamp;
use crate::platform::outbox::Topics;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::html::{self, Does};
use crate::web::http::{Call, Code, Problem, RawBody};

refusals!(UnsubscribeRefusals: plain);

/// Show the page that stops a link's e-mails
#[utoipa::path(tag = "notices", params(("token" = String, Path, description = "Token from the link in the e-mail", example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl")),
    responses((status = 200, description = "The page, with a button that stops the e-mails", content_type = "text/html"),
    (status = 404, description = "Unknown or altered token", content_type = "text/html"), UnsubscribeRefusals))]
#[get("/unsubscribe/{token}")]
pub async fn get_unsubscribe_page(
    service: Data<Service>,
    call: Call,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let told = service.read(move |tx| crate::domain::notifications::look_up(tx, &token)).await?;
    show(&service, &call, told.as_ref(), Stands::Asked)
}

/// Stop a link's e-mails, by the page's button or in one click (RFC 8058)
#[utoipa::path(tag = "notices", params(("token" = String, Path, description = "Token from the link in the e-mail", example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "List-Unsubscribe=One-Click"),
    responses((status = 200, description = "Stopped; the last recipient of the practice gets one e-mail a day instead", content_type = "text/html"),
    (status = 404, description = "Unknown or altered token", content_type = "text/html"), UnsubscribeRefusals))]
#[post("/unsubscribe/{token}")]
pub async fn unsubscribe_from_link(
    service: Data<Service>,
    call: Call,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    // The token identifies the person and the link; the body that mail programs send is not read.
    let told = service.write(move |tx| crate::domain::notifications::unsubscribe(tx, &token)).await?;
    show(&service, &call, told.as_ref(), Stands::Done)
}

fn show(
    service: &Service,
    call: &Call,
    told: Option<&Told>,
    stands: Stands,
) -> Result<HttpResponse, Problem> {
    let nonce = html::nonce(service);
    let Some(told) = told else {
        let body = unsubscribe_page::unknown(call.language.unwrap_or_default(), &nonce);
        return html::page(service, StatusCode::NOT_FOUND, &nonce, Does::Nothing, body);
    };
    let language = call.language.unwrap_or(told.to.practice.language());
    html::page(
        service,
        StatusCode::OK,
        &nonce,
        Does::Form,
        unsubscribe_page::of(told, stands, language, &nonce),
    )
}

/// Delivery events from a mail server or from the operator's adapter.
#[derive(Deserialize, ToSchema)]
pub struct MailEvents {
    /// Events in any order. Unknown events, and events about e-mails of other services, are ignored.
    #[schema(value_type = Vec<MailEvent>)]
    events: Vec<serde_json::Value>,
}

/// A delivery event of one e-mail.
#[derive(Deserialize, ToSchema)]
pub struct MailEvent {
    /// Type of the event: `bounce`, `complaint` or `delivered`.
    #[serde(rename = "type")]
    #[schema(example = "bounce", pattern = "^(bounce|complaint|delivered)$")]
    kind: String,
    /// `Message-ID` header of the e-mail.
    #[schema(example = "<out_0198c1f2a4c07d3e8a51b2c3d4e5f607@links.example.org>")]
    message_id: String,
    /// For a bounce: `true` if the mailbox is gone for good.
    #[serde(default)]
    #[schema(example = true)]
    permanent: bool,
    /// When it happened, if the sender knows.
    at: Option<Timestamp>,
}

impl MailEvent {
    fn read(value: serde_json::Value) -> Option<Event> {
        let event: Self = serde_json::from_value(value).ok()?;
        let kind = match (event.kind.as_str(), event.permanent) {
            ("bounce", true) => EventKind::HardBounce,
            ("bounce", false) => EventKind::SoftBounce,
            ("complaint", _) => EventKind::Complaint,
            ("delivered", _) => EventKind::Delivered,
            _ => return None,
        };
        Some(Event { kind, message_id: event.message_id, at: event.at })
    }
}

refusals!(MailEventsRefusals: plain, SignatureInvalid, MalformedRequest, RequestTimeout, BodyTooLarge);

/// Receive delivery events of e-mails
///
/// Signed as in Standard Webhooks with `mail.events_secret`.
#[utoipa::path(tag = "notices", request_body = MailEvents, params(
    ("webhook-id" = String, Header, description = "Id of the report; a repeated id changes nothing", example = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
    ("webhook-timestamp" = String, Header, description = "Unix time in seconds, at most five minutes off", example = "1649367553"),
    ("webhook-signature" = String, Header, description = "`v1,` and base64 of HMAC-SHA256 over id, timestamp and body", example = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")),
    responses((status = 204, description = "Accepted, even if it contains nothing new"), MailEventsRefusals))]
#[post("/v1/callbacks/mail-events")]
pub async fn receive_mail_events(
    service: Data<Service>,
    topics: Data<Topics>,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let signed = signed(&request, body);
    if !crate::domain::notifications::is_ours(&service, &signed) {
        return Err(Problem::new(
            Code::SignatureInvalid,
            "Sign with `mail.events_secret` and the current time.",
        ));
    }
    let MailEvents { events } = serde_json::from_slice(&signed.body)
        .map_err(|_| Problem::new(Code::MalformedRequest, "Send a JSON object with `events`."))?;
    let events: Vec<Event> = events.into_iter().filter_map(MailEvent::read).collect();
    service
        .write(move |tx| crate::domain::notifications::take_report(tx, &topics, &signed.id, &events))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn signed(request: &HttpRequest, RawBody { bytes: body, .. }: RawBody) -> Signed {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    Signed { id, timestamp, signatures: header("webhook-signature"), body }
}
