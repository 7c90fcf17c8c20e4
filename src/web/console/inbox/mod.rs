//! The inbox: conversations, the identity check and the check-in code.

mod card;
mod check_in_code;
mod conversation;
mod decisions;
mod draft;
mod list;
mod live;
mod panel;
mod replies;
pub(super) mod labels;
mod work;

use actix_web::web::{Data, get, post};
use actix_web::{HttpResponse, Scope};

use super::layout::{Frame, Section, Session};
use super::on;
use super::viewer::Viewer;
use crate::domain::staff::{Permission, Staff};
use crate::platform::{Service, Tx};
use crate::web::http::Problem;

/// The routes of the inbox.
pub(super) fn routes(scope: Scope) -> Scope {
    scope
        .route("/inbox", get().to(list::list))
        .route("/inbox/{id}", get().to(conversation::open))
        .route("/inbox/{id}/messages", post().to(replies::reply))
        .route("/inbox/{id}/assignee", post().to(replies::assign))
        .route("/inbox/{id}/tags", post().to(replies::tag))
        .route("/inbox/{id}/unread", post().to(replies::mark_unread))
        .route("/inbox/{id}/identity", post().to(decisions::decide))
        .route("/inbox/{id}/proof.pdf", get().to(decisions::proof))
        .route("/identity", get().to(work::list))
        .route("/desk-code", get().to(check_in_code::show))
        .route("/events", get().to(live::events))
        .route("/live-{version}.js", get().to(live::script))
}

/// `GET /console`: redirects to the inbox, or to the links for roles that do not see patients.
pub(super) async fn home(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let can_read = |_: &mut Tx, staff: &Staff| Ok::<_, Problem>(staff.role.has(Permission::ReadPatients));
    let can_read = service.read_as_staff(&session, Permission::ViewPractice, can_read).await?;
    Ok(on(if can_read { "/console/inbox" } else { "/console/links" }))
}

/// The layout of a page that needs no other data.
pub(super) async fn frame(
    service: &Data<Service>,
    session: &Session,
    section: Section,
) -> Result<Frame, Problem> {
    let who = service.read_as_staff(session, Permission::ViewPractice, Viewer::of).await?;
    Ok(session.frame(service, who, section))
}
