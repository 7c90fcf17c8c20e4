//! Live updates of open pages: the practice's event stream with the console's cookie, and the script that
//! listens to it. Without JavaScript the pages are the same, as of the time they were loaded.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use super::super::frame::Session;
use super::super::style;
use crate::app::App;
use crate::desk::http::events::stream_of;
use crate::http::{Code, Draining, Problem};
use crate::live::stream::LastEventId;

const TEXT: &str = include_str!("../../live.js");

static VERSION: LazyLock<String> = LazyLock::new(|| style::version(TEXT));

/// The script's current URL.
pub fn address() -> String {
    format!("/console/live-{}.js", *VERSION)
}

/// `GET /console/live-….js`: the script of the current version.
pub async fn script(version: Path<String>) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(style::lasting("text/javascript; charset=utf-8", TEXT)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// `GET /console/events`: the practice's event stream.
///
/// Answers 204 without a valid session, so that the browser does not reconnect (WHATWG HTML 9.2.2): a
/// redirect to the sign-in page is not an event stream.
pub async fn events(
    app: Data<App>,
    session: Result<Session, Problem>,
    last: LastEventId,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let Ok(session) = session else { return Ok(HttpResponse::NoContent().finish()) };
    match stream_of(app, session.token(), last, &draining).await {
        Err(problem) if problem.code == Code::Unauthorized => Ok(HttpResponse::NoContent().finish()),
        answer => answer,
    }
}
