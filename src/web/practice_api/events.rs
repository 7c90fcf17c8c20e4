//! HTTP handler of the practice's event stream (SSE).

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::domain::inbox::{self, Reader};
use crate::domain::staff::{Permission, Staff};
use crate::platform::event_stream::{Audience, EventHub};
use crate::platform::{Service, Tx, db, event_stream as stream};
use crate::problems;
use crate::web::http::event_stream::{self, StreamRequest};
use crate::web::http::{Caller, Draining, Problem, RequestContext};

problems!(EventsProblems: plain, Unauthorized, StaffForbidden);

/// Stream the practice's inbox events
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    params(
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "Id of the last event received; the stream resumes after it, for up to one day",
            example = "1042",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Server-sent events: `conversation.created`, `entry.created`, \
                `conversation.changed`, `identity.changed`, `read`, with ids as JSON, limited to what this \
                staff member may see. The stream ends when the token expires. At most ten streams are open \
                per person; another one closes the oldest",
            body = String,
            content_type = "text/event-stream",
            example = "id: 1042\nevent: entry.created\ndata: \
                {\"conversation_id\":\"cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\
                \"entry_id\":\"ent_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\
                \"position\":3,\"author\":\"patient\"}\n\n",
        ),
        EventsProblems,
    ),
)]
#[get("/v1/practice/events")]
pub(crate) async fn stream_practice_events(
    service: Data<Service>,
    hub: Data<EventHub>,
    call: RequestContext,
    request: StreamRequest,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    stream_events(service, hub, call, request, &draining).await
}

/// Streams events for a caller with the API's bearer token or the console's cookie.
pub(crate) async fn stream_events(
    service: Data<Service>,
    hub: Data<EventHub>,
    caller: impl Caller + 'static,
    request: StreamRequest,
    draining: &Draining,
) -> Result<HttpResponse, Problem> {
    let start = service.read_as_staff(&caller, Permission::ReadPatients, move |tx, staff| -> db::Result<_> {
        Ok((staff.clone(), stream::start(tx, request.last_seen.as_deref())?))
    });
    let (staff, position) = start.await?;
    if request.is_head {
        return Ok(event_stream::head());
    }
    let subscription = hub.subscribe(staff.staff_id.as_str(), Audience::Practice(staff.practice_id))?;
    let caller = Arc::new(caller);
    Ok(event_stream::respond(subscription, draining.clone(), position, move |position| {
        let (service, caller) = (service.clone(), Arc::clone(&caller));
        async move {
            let rule = move |tx: &mut Tx, staff: &Staff| {
                let reader = Reader::of(tx, staff)?;
                inbox::events(tx, &reader, position)
            };
            service.read_as_staff(&*caller, Permission::ReadPatients, rule).await
        }
    }))
}
