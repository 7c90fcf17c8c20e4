//! What keeps an open page as things stand: the practice's stream under the console's cookie, and the script that
//! listens to it. Without scripts the pages are the same, as they were when they were asked for.

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

/// Where the script is.
pub fn address() -> String {
    format!("/console/live-{}.js", *VERSION)
}

/// `GET /console/live-….js`
pub async fn script(version: Path<String>) -> Result<HttpResponse, Problem> {
    match *version == *VERSION {
        true => Ok(style::lasting("text/javascript; charset=utf-8", TEXT)),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// `GET /console/events`
///
/// Who is not signed in (any more) gets 204, after which a browser does not ask again (WHATWG HTML 9.2.2): a page
/// of the sign-in is no stream.
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
