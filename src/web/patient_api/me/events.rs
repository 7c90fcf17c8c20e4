//! HTTP handlers for the patient's event stream and read positions.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts;
use crate::domain::me::Refusal;
use crate::kit::ids::ConversationId;
use crate::platform::event_stream::{Audience, EventHub};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::event_stream::{self, Halt, LastEventId};
use crate::web::http::{Answer, Body, Call, Draining, PathId, Problem, once};

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Account(accounts::Refusal::Unauthorized) => Self::Over,
            _ => Self::Later,
        }
    }
}

refusals!(MyEventsRefusals: plain, Unauthorized);

/// Stream events of the patient's conversations
#[utoipa::path(tag = "me", security(("access_token" = [])), params(("Last-Event-ID" = Option<String>, Header, description = "The last event that was received: the stream resumes after it, for up to a day", example = "evt_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "Server-sent events: `conversation.created`, `entry.created`, `conversation.changed`, `read`, with ids as JSON, limited to what this session may see. The stream ends when the access token expires: open it again with a fresh one", body = String, content_type = "text/event-stream", example = "id: evt_0198c1f2a4c07d3e8a51b2c3d4e5f607\nevent: read\ndata: {\"conversation_id\":\"cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\"by\":\"practice\",\"position\":3}\n\n"), MyEventsRefusals))]
#[get("/v1/me/events")]
pub async fn stream_patient_events(
    service: Data<Service>,
    hub: Data<EventHub>,
    call: Call,
    last: LastEventId,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let (token, last_seen) = (call.bearer.clone(), last.id.clone());
    let start = service.read(move |tx| crate::domain::me::listen(tx, token.as_ref(), last_seen.as_deref()));
    let (who, place) = start.await?;
    if last.is_head {
        return Ok(event_stream::head());
    }
    let seat = hub.join(who.account_id.as_str(), Audience::Account(who.account_id.clone()))?;
    Ok(event_stream::answer(seat, draining.as_ref().clone(), place, move |place| {
        let (service, token) = (service.clone(), call.bearer.clone());
        async move {
            let events = service.read(move |tx| crate::domain::me::events(tx, token.as_ref(), &place));
            events.await.map_err(Halt::from)
        }
    }))
}

/// A new read position of the patient.
#[derive(Deserialize, Validate, ToSchema)]
pub struct MarkMineRead {
    /// Position of the last entry that was read.
    #[validate(range(min = 1, message = "Positions start at 1."))]
    #[schema(example = 2, minimum = 1)]
    position: i32,
}

/// The read position after the request.
#[derive(Serialize, ToSchema)]
pub struct MineReadAnswer {
    /// Position of the last entry read; it never goes back.
    #[schema(example = 2)]
    read_position: i32,
}

refusals!(MarkMineReadRefusals: keyed, Unauthorized, ConversationNotFound);

/// Mark a conversation as read up to an entry
#[utoipa::path(tag = "me", request_body = MarkMineRead, security(("access_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The current read position; the practice is notified", body = MineReadAnswer), MarkMineReadRefusals))]
#[post("/v1/me/conversations/{id}/read")]
pub async fn mark_conversation_read(
    service: Data<Service>,
    call: Call,
    id: PathId<ConversationId>,
    body: Body<MarkMineRead>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let read_position = crate::domain::me::read(tx, &who, &id.0, input.position)?;
        Ok::<_, Refusal>(Answer::ok(&MineReadAnswer { read_position }))
    })
    .await
}
