//! Where settings are found.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::frame::{Frame, Section, Session};
use super::inbox::frame;
use crate::app::App;
use crate::http::Problem;

#[derive(Template)]
#[template(path = "console/pages/settings.html")]
struct Settings<'a> {
    f: &'a Frame,
}

/// `GET /console/settings`
pub async fn index(app: Data<App>, session: Session) -> Result<HttpResponse, Problem> {
    let f = frame(&app, &session, Section::Settings).await?;
    f.page(&app, Settings { f: &f }.render())
}
