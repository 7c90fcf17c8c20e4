//! HTTP handler for the patient's event stream.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::domain::accounts::{Principal, Scope};
use crate::domain::conversations::stream as conversation_stream;
use crate::platform::event_stream::{Audience, EventHub};
use crate::platform::{Service, Tx, db, event_stream as stream};
use crate::problems;
use crate::web::http::event_stream::{self, StreamRequest};
use crate::web::http::{Draining, Problem, RequestContext};

problems!(MyEventsProblems: plain, Unauthorized);

/// Stream events of the patient's conversations
#[utoipa::path(
    tag = "me", security(("access_token" = [])),
    params(
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The last event that was received: the stream resumes after it, for up to a day",
            example = "1042",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Server-sent events: `conversation.created`, `entry.created`, \
                `conversation.changed`, `read`, with ids as JSON, limited to what this session may see. The \
                stream ends when the access token expires: open it again with a fresh one",
            body = String,
            content_type = "text/event-stream",
            example = "id: 1042\nevent: read\ndata: \
                {\"conversation_id\":\"cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\
                \"by\":\"practice\",\"position\":3}\n\n",
        ),
        MyEventsProblems,
    ),
)]
#[get("/v1/me/events")]
pub(crate) async fn stream_patient_events(
    service: Data<Service>,
    hub: Data<EventHub>,
    call: RequestContext,
    request: StreamRequest,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let start = service.read_as_patient(&call, Scope::Restricted, move |tx, patient| -> db::Result<_> {
        Ok((patient.account_id.clone(), stream::start(tx, request.last_seen.as_deref())?))
    });
    let (account_id, position) = start.await?;
    if request.is_head {
        return Ok(event_stream::head());
    }
    let subscription = hub.subscribe(account_id.as_str(), Audience::Account(account_id.clone()))?;
    let call = Arc::new(call);
    Ok(event_stream::respond(subscription, draining.as_ref().clone(), position, move |position| {
        let (service, call) = (service.clone(), Arc::clone(&call));
        async move {
            let rule = move |tx: &mut Tx, patient: &Principal| {
                conversation_stream::list(tx, patient.access(), position)
            };
            service.read_as_patient(&*call, Scope::Restricted, rule).await
        }
    }))
}
