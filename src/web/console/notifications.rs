//! E-mail notifications: how often each person is notified about each link.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use strum::VariantArray as _;

use super::errors::Errors;
use super::labels;
use super::layout::{Frame, Section, Session, SessionForm};
use super::on;
use super::viewer::Viewer;
use crate::domain::notifications::{self, Change, Error, Frequency, Recipient, Setting};
use crate::domain::staff::{Permission, Staff};
use crate::kit::LinkId;
use crate::platform::{Service, Tx};
use crate::web::http::{Code, Page, PageQuery, Problem};

/// A setting, with the frequencies to choose from: value, label, and whether it is chosen.
struct Row {
    setting: Setting,
    options: Vec<(&'static str, &'static str, bool)>,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "web/console/pages/notifications.html")]
struct Notifications<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    next: Option<String>,
    errors: Errors,
}

/// `GET /console/settings/notices`: recipients and their frequencies.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    show(&service, &session, &page, None).await
}

async fn show(
    service: &Data<Service>,
    session: &Session,
    page: &PageQuery,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let load = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let after = after.split_once(' ').unwrap_or((&after, ""));
        let settings = notifications::list(tx, staff, after, limit + 1)?;
        Ok((Viewer::of(tx, staff)?, settings))
    };
    let (who, settings) = service.read_as_staff(session, Permission::ViewPractice, load).await?;
    let f = session.frame(service, who, Section::Settings);
    let key = |setting: &Setting| format!("{} {}", setting.link_id, setting.recipient.as_str());
    let Page { items, next_cursor: next } = Page::of(settings, limit, key);
    let rows = items.into_iter().map(|setting| row(&f, setting)).collect();
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, Notifications { f: &f, rows, next, errors }.render())
}

fn row(f: &Frame, setting: Setting) -> Row {
    let option =
        |each: &Frequency| (each.as_str(), labels::frequency(f.language, *each), *each == setting.frequency);
    let options = Frequency::VARIANTS.iter().map(option).collect();
    let is_own = setting.recipient == Recipient::Staff(f.who.staff_id.clone());
    Row { may_change: f.may_configure() || is_own, options, setting }
}

/// `POST /console/settings/notices`: changes a frequency, or resumes an address whose mail bounced.
pub(super) async fn change(
    service: Data<Service>,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let resume = form.field("resume") == "on";
    let change = Change {
        recipient: form.field("person").into(),
        link_id: Some(form.field("link_id")).filter(|id| !id.is_empty()).map(LinkId::from),
        frequency: form.field("frequency").parse().ok(),
        resume,
    };
    let changed = service.write_as_staff(&session, Permission::ViewPractice, move |tx, staff| {
        notifications::change(tx, staff, &change)
    });
    match changed.await {
        Ok(_) => Ok(on(&format!("/console/settings/notices?done={}", if resume { "tried" } else { "told" }))),
        Err(problem) if matches!(problem.code, Code::LastRecipient | Code::InvalidRequest) => {
            show(&service, &session, &PageQuery::default(), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}
