//! The inbox, and the page that waits for what fills it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::super::who;
use super::frame::{Frame, Section, Session};
use super::on;
use crate::app::App;
use crate::http::Problem;

#[derive(Template)]
#[template(path = "console/pages/inbox.html")]
struct Inbox<'a> {
    f: &'a Frame,
}

#[derive(Template)]
#[template(path = "console/pages/records.html")]
struct Records<'a> {
    f: &'a Frame,
}

/// `GET /console`
pub async fn home(_: Session) -> Result<HttpResponse, Problem> {
    Ok(on("/console/inbox"))
}

/// `GET /console/inbox`
pub async fn inbox(app: Data<App>, session: Session) -> Result<HttpResponse, Problem> {
    let f = frame(&app, &session, Section::Inbox).await?;
    f.page(&app, Inbox { f: &f }.render())
}

/// `GET /console/records`
pub async fn records(app: Data<App>, session: Session) -> Result<HttpResponse, Problem> {
    let f = frame(&app, &session, Section::Records).await?;
    f.page(&app, Records { f: &f }.render())
}

/// The frame of a page that shows nothing else of the database.
pub async fn frame(app: &Data<App>, session: &Session, section: Section) -> Result<Frame, Problem> {
    let token = session.token();
    let who = app.read(move |ctx, conn| who(ctx, conn, token.as_ref())).await?;
    Ok(session.frame(app, who, section))
}
