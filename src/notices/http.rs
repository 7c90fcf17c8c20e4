//! The doors of notices: the end of a mail, and what becomes of mails.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::page::{self, Stands};
use super::{Event, EventKind, Signed, Told};
use crate::app::App;
use crate::http::html::{self, Does};
use crate::http::{Call, Code, Problem, RawBody};
use crate::kit::Timestamp;
use crate::refusals;

refusals!(UnsubscribeRefusals: plain);

/// Asks whether to stop the e-mails that a mail's end leads here for
#[utoipa::path(tag = "notices", params(("token" = String, Path, description = "As it stands in the e-mail", example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl")),
    responses((status = 200, description = "A page with one button", content_type = "text/html"),
    (status = 404, description = "No token of ours", content_type = "text/html"), UnsubscribeRefusals))]
#[get("/unsubscribe/{token}")]
pub async fn ask_unsubscribe(
    app: Data<App>,
    call: Call,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let told = app.read(move |ctx, conn| super::look_up(ctx, conn, &token)).await?;
    show(&app, &call, told.as_ref(), Stands::Asked)
}

/// Stops the e-mails that a mail's end leads here for, by a person's button or in one click (RFC 8058)
#[utoipa::path(tag = "notices", params(("token" = String, Path, description = "As it stands in the e-mail", example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "List-Unsubscribe=One-Click"),
    responses((status = 200, description = "Stopped, or lowered to one a day for the last who is told at all", content_type = "text/html"),
    (status = 404, description = "No token of ours", content_type = "text/html"), UnsubscribeRefusals))]
#[post("/unsubscribe/{token}")]
pub async fn unsubscribe(app: Data<App>, call: Call, token: Path<String>) -> Result<HttpResponse, Problem> {
    // The token says it all: what mail programs send along is not read.
    let told = app.write(move |ctx, conn| super::unsubscribe(ctx, conn, &token)).await?;
    show(&app, &call, told.as_ref(), Stands::Done)
}

fn show(app: &App, call: &Call, told: Option<&Told>, stands: Stands) -> Result<HttpResponse, Problem> {
    let nonce = html::nonce(app);
    let Some(told) = told else {
        let body = page::unknown(call.language.unwrap_or_default(), &nonce);
        return html::page(app, StatusCode::NOT_FOUND, &nonce, Does::Nothing, body);
    };
    let language = call.language.unwrap_or(told.to.practice.language());
    html::page(app, StatusCode::OK, &nonce, Does::Form, page::of(told, stands, language, &nonce))
}

/// What a mail server, or its operator's adapter, reports.
#[derive(Deserialize, ToSchema)]
pub struct MailEvents {
    /// In any order. What is no event of these, or about no mail of ours, is passed over.
    #[schema(value_type = Vec<MailEvent>)]
    events: Vec<serde_json::Value>,
}

/// What became of one e-mail.
#[derive(Deserialize, ToSchema)]
pub struct MailEvent {
    /// `bounce`, `complaint` or `delivered`.
    #[serde(rename = "type")]
    #[schema(example = "bounce", pattern = "^(bounce|complaint|delivered)$")]
    kind: String,
    /// The `Message-ID` of the e-mail.
    #[schema(example = "<out_0198c1f2a4c07d3e8a51b2c3d4e5f607@links.example.org>")]
    message_id: String,
    /// For a bounce: whether the mailbox is gone for good.
    #[serde(default)]
    #[schema(example = true)]
    permanent: bool,
    /// When it happened.
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

/// Takes reports of what became of e-mails, signed as in Standard Webhooks with `mail.events_secret`
#[utoipa::path(tag = "notices", request_body = MailEvents, params(
    ("webhook-id" = String, Header, description = "The report's id", example = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
    ("webhook-timestamp" = String, Header, description = "Unix seconds, at most five minutes off", example = "1649367553"),
    ("webhook-signature" = String, Header, description = "`v1,` and base64 of HMAC-SHA256 over id, timestamp and body", example = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")),
    responses((status = 204, description = "Taken, also where nothing new was in it"), MailEventsRefusals))]
#[post("/v1/callbacks/mail-events")]
pub async fn mail_events(
    app: Data<App>,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let signed = signed(&request, body);
    if !super::is_ours(&app.ctx(), &signed) {
        return Err(Problem::new(Code::SignatureInvalid, "Sign with `mail.events_secret`, now."));
    }
    let MailEvents { events } = serde_json::from_slice(&signed.body)
        .map_err(|_| Problem::new(Code::MalformedRequest, "Send a JSON object with `events`."))?;
    let events: Vec<Event> = events.into_iter().filter_map(MailEvent::read).collect();
    app.write(move |ctx, conn| super::take_report(ctx, conn, &signed.id, &events)).await?;
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
