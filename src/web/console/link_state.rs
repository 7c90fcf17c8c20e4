//! Pausing, resuming and permanently retiring a link.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::errors::Errors;
use super::layout::{Frame, Session, SessionForm};
use super::link_form::Choice;
use super::links::{LinkView, find};
use super::on;
use crate::domain::links::{self, Change, State};
use crate::domain::staff::Permission;
use crate::kit::LinkId;
use crate::platform::Service;
use crate::web::http::{Code, PathId, Problem};

/// At most this many links are offered as the target of a retired one.
const MOST: i64 = 500;

#[derive(Template)]
#[template(path = "web/console/pages/retire.html")]
struct RetirePage<'a> {
    f: &'a Frame,
    link: &'a LinkView,
    targets: Vec<Choice>,
    errors: &'a Errors,
}

/// `POST /console/links/{id}/pause`: stops accepting patients.
pub(super) async fn pause(
    service: Data<Service>,
    id: PathId<LinkId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    set(&service, &sent.session, &id, Change { state: Some(State::Paused), ..Change::default() }).await?;
    Ok(on(&format!("/console/links/{}?done=paused", id.0)))
}

/// `POST /console/links/{id}/resume`: accepts patients again.
pub(super) async fn resume(
    service: Data<Service>,
    id: PathId<LinkId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    set(&service, &sent.session, &id, Change { state: Some(State::Active), ..Change::default() }).await?;
    Ok(on(&format!("/console/links/{}?done=resumed", id.0)))
}

/// `GET /console/links/{id}/retire`: asks for confirmation and for the link to forward to.
pub(super) async fn ask_retire(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    ask(&service, &session, &id, None, None).await
}

/// `POST /console/links/{id}/retire`: retires the link for good.
pub(super) async fn retire(
    service: Data<Service>,
    id: PathId<LinkId>,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let to = Some(form.field("forward_to")).filter(|to| !to.is_empty()).map(LinkId::from);
    let change = Change { state: Some(State::Retired), forward_to: Some(to.clone()), ..Change::default() };
    match set(&service, &session, &id, change).await {
        Ok(()) => Ok(on(&format!("/console/links/{}?done=retired", id.0))),
        Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::LinkStateFixed) => {
            ask(&service, &session, &id, to, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn set(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
    change: Change,
) -> Result<(), Problem> {
    let id = id.0.clone();
    let changed = service.write_as_staff(session, Permission::ViewPractice, move |tx, staff| {
        links::change(tx, staff, &id, &change)
    });
    changed.await.map(drop)
}

async fn ask(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
    chosen: Option<LinkId>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, link) = find(service, session, id).await?;
    if !f.may_configure() {
        return Err(Problem::new(Code::StaffForbidden, "Ask an admin of your practice."));
    }
    let targets = targets(service, session, &f, &link, chosen).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, RetirePage { f: &f, link: &link, targets, errors: &errors }.render())
}

async fn targets(
    service: &Data<Service>,
    session: &Session,
    f: &Frame,
    link: &LinkView,
    chosen: Option<LinkId>,
) -> Result<Vec<Choice>, Problem> {
    let all = service
        .read_as_staff(session, Permission::ViewPractice, |tx, staff| links::list(tx, staff, "", MOST))
        .await?;
    let chosen = chosen.or_else(|| link.forward_id.clone());
    let first = f.text("console-the-practices-first-link");
    let mut targets =
        vec![Choice { value: String::new(), name: first.to_owned(), is_chosen: chosen.is_none() }];
    let open = all
        .into_iter()
        .map(|details| details.link)
        .filter(|other| other.id != link.id && matches!(other.state, State::Active | State::Paused));
    targets.extend(open.map(|other| Choice {
        is_chosen: chosen.as_ref() == Some(&other.id),
        name: format!("{} · {}", other.label, other.code),
        value: other.id.to_string(),
    }));
    Ok(targets)
}
