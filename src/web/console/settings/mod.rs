//! The settings pages and their routes.

mod account;
mod audit;
mod audit_labels;
mod practice;
mod staff;
mod teams;
pub(super) mod labels;

use actix_web::HttpResponse;
use actix_web::Scope;
use actix_web::http::StatusCode;
use actix_web::web::{Data, get, post};
use askama::Template;

use super::errors::Errors;
use super::inbox::frame;
use super::layout::{Frame, Section, Session};
use crate::domain::practices::BadField;
use crate::platform::Service;
use crate::web::http::{Code, FieldError, Problem};

#[derive(Template)]
#[template(path = "web/console/pages/settings.html")]
struct Settings<'a> {
    f: &'a Frame,
}

/// `GET /console/settings`: the index of all settings.
pub(super) async fn index(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let f = frame(&service, &session, Section::Settings).await?;
    f.page(&service, Settings { f: &f }.render())
}

/// The routes of staff, teams, account, practice and audit log.
pub(super) fn pages(scope: Scope) -> Scope {
    scope
        .route("/settings/staff", get().to(staff::list))
        .route("/settings/staff", post().to(staff::invite))
        .route("/settings/staff/new", get().to(staff::ask_invite))
        .route("/settings/staff/{id}", get().to(staff::show))
        .route("/settings/staff/{id}", post().to(staff::change))
        .route("/settings/staff/{id}/invite", post().to(staff::invite_again))
        .route("/settings/staff/{id}/enable", post().to(staff::enable))
        .route("/settings/staff/{id}/disable", get().to(staff::ask_disable))
        .route("/settings/staff/{id}/disable", post().to(staff::disable))
        .route("/settings/staff/{id}/reset", get().to(staff::ask_reset))
        .route("/settings/staff/{id}/reset", post().to(staff::reset))
        .route("/settings/teams", get().to(teams::list))
        .route("/settings/teams", post().to(teams::create))
        .route("/settings/teams/new", get().to(teams::new))
        .route("/settings/teams/{id}", get().to(teams::edit))
        .route("/settings/teams/{id}", post().to(teams::change))
        .route("/settings/account", get().to(account::show))
        .route("/settings/account", post().to(account::rename))
        .route("/settings/account/password", post().to(account::password))
        .route("/settings/account/recovery-codes", post().to(account::recovery_codes))
        .route("/settings/account/sessions/{id}/end", post().to(account::end_session))
        .route("/settings/account/sign-out-everywhere", post().to(account::sign_out_everywhere))
        .route("/settings/practice", get().to(practice::show))
        .route("/settings/practice", post().to(practice::change))
        .route("/settings/practice/logo.png", get().to(practice::logo))
        .route("/settings/practice/logo", post().to(practice::set_logo))
        .route("/settings/practice/logo/remove", post().to(practice::remove_logo))
        .route("/settings/audit", get().to(audit::list))
        .route("/settings/audit.csv", get().to(audit::export))
}

fn forbidden() -> Problem {
    Problem::new(Code::StaffForbidden, "Ask an admin of your practice.")
}

/// The status of a form that is shown again, and its errors.
fn verdict(f: &Frame, problem: Option<&Problem>) -> (StatusCode, Errors) {
    let Some(problem) = problem else { return (StatusCode::OK, Errors::default()) };
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    // A form that is shown again does not ask for authentication, so 401 becomes 422.
    let status = if status == StatusCode::UNAUTHORIZED { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    (status, Errors::of(f.language, problem))
}

fn bad_field(bad: BadField) -> FieldError {
    FieldError { pointer: bad.pointer.to_owned(), code: bad.code.to_owned(), detail: bad.detail }
}
