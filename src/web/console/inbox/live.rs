//! Live updates of open pages: the practice's event stream with the console's cookie, and the script that
//! listens to it. Without JavaScript the pages are the same, as of the time they were loaded.

use std::sync::LazyLock;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::platform::Service;
use crate::platform::event_stream::EventHub;
use crate::web::console::layout::Session;
use crate::web::console::style;
use crate::web::http::content_coding::StaticFile;
use crate::web::http::event_stream::StreamRequest;
use crate::web::http::{Code, Draining, Problem};
use crate::web::practice_api::events::stream_events;

static FILE: StaticFile = StaticFile::new(include_str!("../live.js"));

static VERSION: LazyLock<String> = LazyLock::new(|| style::version(FILE.text()));

/// The script's current URL.
pub(super) fn address() -> String {
    format!("/console/live-{}.js", *VERSION)
}

/// `GET /console/live-….js`: the script of the current version.
pub(super) async fn script(version: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(style::lasting(&request, "text/javascript; charset=utf-8", &FILE)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// `GET /console/events`: the practice's event stream.
///
/// Answers 204 without a valid session, so that the browser does not reconnect (WHATWG HTML 9.2.2): a
/// redirect to the sign-in page is not an event stream.
pub(super) async fn events(
    service: Data<Service>,
    hub: Data<EventHub>,
    session: Result<Session, Problem>,
    request: StreamRequest,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let Ok(session) = session else { return Ok(HttpResponse::NoContent().finish()) };
    match stream_events(service, hub, session, request, &draining).await {
        Err(problem) if problem.code == Code::Unauthorized => Ok(HttpResponse::NoContent().finish()),
        answer => answer,
    }
}
