//! The check-in code. Patients can read this screen too, so it shows no patient's name, not even of the
//! patient that the code has just confirmed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::live;
use crate::domain::check_in;
use crate::domain::staff::{self, Permission};
use crate::platform::Service;
use crate::web::console::error_page::BY_ITSELF;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::viewer::Viewer;
use crate::web::http::Problem;

#[derive(Template)]
#[template(path = "web/console/pages/check_in_code.html")]
struct Screen<'a> {
    f: &'a Frame,
    script: String,
    /// In two groups for reading aloud: `4883 5612`.
    code: String,
    /// Seconds until the code changes.
    renews: u64,
    /// Query string with which the page reloads itself when JavaScript is off.
    by_itself: &'static str,
}

/// `GET /console/desk-code`: the current check-in code.
pub(super) async fn show(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let found =
        service.read_as_staff(&session, Permission::ReadPatients, |tx, staff| -> Result<_, staff::Error> {
            let current = check_in::current_code(tx, staff);
            let renews = current.changes_at.wait_from(tx.now).seconds;
            Ok((Viewer::of(tx, staff)?, current.code, renews))
        });
    let (who, code, renews) = found.await?;
    let f = session.frame(&service, who, Section::Inbox);
    let page = Screen { f: &f, script: live::address(), code: grouped(&code), renews, by_itself: BY_ITSELF };
    f.live_page(&service, StatusCode::OK, page.render())
}

fn grouped(code: &str) -> String {
    let (first, second) = code.split_at_checked(4).unwrap_or((code, ""));
    format!("{first} {second}")
}
