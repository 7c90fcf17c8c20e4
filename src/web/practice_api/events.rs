//! HTTP handler of the practice's event stream (SSE).

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::domain::desk::{Refusal, inbox};
use crate::domain::staff;
use crate::kit::Secret;
use crate::platform::event_stream::{Audience, EventHub};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::event_stream::{self, Halt, LastEventId};
use crate::web::http::{Call, Draining, Problem};

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Staff(staff::Refusal::Unauthorized | staff::Refusal::Forbidden) => Self::Over,
            _ => Self::Later,
        }
    }
}

refusals!(EventsRefusals: plain, Unauthorized, StaffForbidden);

/// Stream the practice's inbox events
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event received; the stream resumes after it, for up to one day", example = "evt_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "Server-sent events: `conversation.created`, `entry.created`, `conversation.changed`, `identity.changed`, `read`, with ids as JSON, limited to what this staff member may see. The stream ends when the token expires. At most ten streams are open per person; another one closes the oldest", body = String, content_type = "text/event-stream", example = "id: evt_0198c1f2a4c07d3e8a51b2c3d4e5f607\nevent: entry.created\ndata: {\"conversation_id\":\"cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\"entry_id\":\"ent_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\"position\":3,\"author\":\"patient\"}\n\n"), EventsRefusals))]
#[get("/v1/practice/events")]
pub async fn stream_practice_events(
    service: Data<Service>,
    hub: Data<EventHub>,
    call: Call,
    last: LastEventId,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    stream_of(service, hub, call.bearer, last, &draining).await
}

/// Streams events for the holder of a secret: the API's bearer token or the console's cookie.
pub async fn stream_of(
    service: Data<Service>,
    hub: Data<EventHub>,
    secret: Option<Secret>,
    last: LastEventId,
    draining: &Draining,
) -> Result<HttpResponse, Problem> {
    let (token, last_seen) = (secret.clone(), last.id.clone());
    let start = service.read(move |tx| inbox::listen(tx, token.as_ref(), last_seen.as_deref()));
    let (who, place) = start.await?;
    if last.is_head {
        return Ok(event_stream::head());
    }
    let seat = hub.join(who.staff_id.as_str(), Audience::Practice(who.practice_id))?;
    Ok(event_stream::answer(seat, draining.clone(), place, move |place| {
        let (service, token) = (service.clone(), secret.clone());
        async move {
            let events = service.read(move |tx| inbox::events(tx, token.as_ref(), &place));
            events.await.map_err(Halt::from)
        }
    }))
}
