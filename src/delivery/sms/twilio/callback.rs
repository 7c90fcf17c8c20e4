//! Status callbacks and inbound texts of Twilio, both signed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use serde_json::Value;

use super::error_codes::meaning;
use super::send::NAME;
use super::settings::Settings;
use super::signature::{Signed, is_signed};
use crate::delivery::Delivery;
use crate::delivery::sms::{delivery_reports, invalid_signature};
use crate::domain::consent::{self, Inbound};
use crate::kit::DeliveryId;
use crate::platform::outbox::{Channel, Outcome, Report, Topics};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Code, PathId, Problem, RawBody};

/// A reply to a text is sent through the outbox, not in the response.
const EMPTY_TWIML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>";

problems!(TwilioProblems: body, SignatureInvalid);

/// Receive an inbound SMS from Twilio
#[utoipa::path(
    tag = "callbacks",
    params(
        (
            "X-Twilio-Signature" = Option<String>,
            Header,
            description = "HMAC of the public URL and every parameter",
            example = "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
    ),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        example = "MessageSid=SM00000000000000000000000000000001&From=%2B14155552671\
            &To=%2B15005550006&Body=STOP",
    ),
    responses(
        (
            status = 200,
            description = "Empty TwiML; a reply, if one is due, is sent as a separate message",
            content_type = "text/xml",
            body = String,
        ),
        TwilioProblems,
    ),
)]
#[post("/v1/callbacks/twilio/inbound")]
pub(crate) async fn receive_twilio_sms(
    service: Data<Service>,
    delivery: Data<Delivery>,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let twilio = &delivery.settings.twilio;
    let text = signed(&service, twilio, &request, &body)?.inbound(twilio);
    let senders = delivery.senders();
    service.write(move |tx| consent::receive(tx, &text, &senders)).await?;
    Ok(HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(EMPTY_TWIML))
}

/// Receive a status callback from Twilio
#[utoipa::path(
    tag = "callbacks",
    params(
        PathId<DeliveryId>,
        (
            "X-Twilio-Signature" = Option<String>,
            Header,
            description = "HMAC of the public URL and every parameter",
            example = "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
    ),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        example = "MessageSid=SM00000000000000000000000000000001&MessageStatus=undelivered&ErrorCode=30005",
    ),
    responses(
        (status = 204, description = "Accepted; a status that says nothing new changes nothing"),
        TwilioProblems,
    ),
)]
#[post("/v1/callbacks/twilio/{id}")]
pub(crate) async fn receive_twilio_status(
    service: Data<Service>,
    delivery: Data<Delivery>,
    topics: Data<Topics>,
    request: HttpRequest,
    id: PathId<DeliveryId>,
    body: RawBody,
) -> Result<HttpResponse, Problem> {
    let fields = signed(&service, &delivery.settings.twilio, &request, &body)?;
    let (status, channel) = match fields.get("MessageStatus") {
        "" => (fields.get("CallStatus"), Channel::Voice),
        status => (status, Channel::Sms),
    };
    if let Some(report) = report(status, fields.get("ErrorCode").parse().ok()) {
        let record = move |tx: &mut Tx| {
            delivery_reports::record(tx, (&delivery, &topics), (NAME, channel), &id.0, &report)
        };
        service.write(record).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    fn inbound(&self, settings: &Settings) -> Inbound {
        Inbound {
            provider: NAME,
            provider_ref: self.get("MessageSid").to_owned(),
            from: self.get("From").to_owned(),
            to: addressee(settings, self.get("To"), self.get("MessagingServiceSid")).to_owned(),
            text: self.get("Body").to_owned(),
            is_answered: !self.get("OptOutType").is_empty(),
        }
    }
}

/// The parameters, if Twilio signed them.
fn signed(
    service: &Service,
    settings: &Settings,
    request: &HttpRequest,
    body: &RawBody,
) -> Result<Fields, Problem> {
    let unreadable = || Problem::new(Code::MalformedRequest, "The parameters cannot be read.");
    let fields = match body.media_type.as_str() {
        "application/x-www-form-urlencoded" => body.form(),
        "application/json" => Vec::new(),
        _ => return Err(Problem::new(Code::UnsupportedMediaType, "Send a form or JSON.")),
    };
    let is_json = body.media_type == "application/json";
    let callback = Signed {
        url: &format!("{}{}", service.settings.public_url, request.uri()),
        fields: &fields,
        json: is_json.then_some(&body.bytes),
        signature: request.headers().get("x-twilio-signature").and_then(|h| h.to_str().ok()).unwrap_or(""),
    };
    if !is_signed(settings, &callback) {
        return Err(invalid_signature());
    }
    match is_json {
        true => members(&body.bytes).map(Fields).ok_or_else(unreadable),
        false => Ok(Fields(fields)),
    }
}

/// The string and number members of a JSON object.
fn members(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else { return None };
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(members.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}

/// Parses a status callback: `MessageStatus` or `CallStatus`, and `ErrorCode`. `None` for a
/// status that tells nothing.
fn report(status: &str, code: Option<u32>) -> Option<Report> {
    let failed = |otherwise| Some(Report::Undelivered(code.and_then(meaning).unwrap_or(otherwise)));
    match status {
        "accepted" | "scheduled" | "queued" | "sending" | "initiated" => Some(Report::Accepted),
        "sent" | "ringing" | "in-progress" | "answered" => Some(Report::Sent),
        // `completed` is a call that was answered and ended; `read` is for channels that report it.
        "delivered" | "read" | "completed" => Some(Report::Delivered),
        "undelivered" => failed(Outcome::TransportRejected("undelivered")),
        "failed" => failed(Outcome::TransportRejected("failed")),
        // The call was not answered: the next one may be luckier.
        "busy" | "no-answer" | "canceled" => failed(Outcome::Retry("not_answered")),
        _ => None,
    }
}

/// Which of our senders a text was written to: a number of the messaging service that we send from
/// counts as the service.
fn addressee<'a>(settings: &Settings, to: &'a str, service: &'a str) -> &'a str {
    if !service.is_empty() && settings.from == service { service } else { to }
}
