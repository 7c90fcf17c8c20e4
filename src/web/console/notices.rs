//! E-mail notices: how often each person is notified about each link.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::layout::{Frame, Section, Sent, Session};
use super::on;
use super::viewer::who;
use super::words::{self, Errors};
use crate::domain::desk::{Refusal, notifications};
use crate::domain::notifications::{Change, Entry, Frequency};
use crate::kit::ids::LinkId;
use crate::platform::tx::Service;
use crate::web::http::{Code, Page, PageQuery, Problem};

const ALL: [Frequency; 4] = [Frequency::Immediate, Frequency::Hourly, Frequency::Daily, Frequency::Off];

/// A person and a link, with the frequencies to choose from.
struct Row {
    entry: Entry,
    options: Vec<(&'static str, &'static str, bool)>,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "web/console/pages/notices.html")]
struct Notices<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    next: Option<String>,
    errors: Errors,
}

/// `GET /console/settings/notices`: recipients and their frequencies.
pub async fn list(
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
    let (limit, after, token) = (page.limit()?, page.after()?, session.token());
    let (who, entries) = service
        .read(move |tx| -> Result<_, Refusal> {
            let after = after.split_once(' ').unwrap_or((&after, ""));
            let entries = notifications::list(tx, token.as_ref(), after, limit + 1)?;
            Ok((who(tx, token.as_ref())?, entries))
        })
        .await?;
    let f = session.frame(service, who, Section::Settings);
    let key = |entry: &Entry| format!("{} {}", entry.link_id, entry.person);
    let Page { items, next_cursor: next } = Page::of(entries, limit, key);
    let rows = items.into_iter().map(|entry| row(&f, entry)).collect();
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, Notices { f: &f, rows, next, errors }.render())
}

fn row(f: &Frame, entry: Entry) -> Row {
    let option =
        |each: Frequency| (each.as_str(), words::frequency(f.language, each), each == entry.frequency);
    let options = ALL.map(option).to_vec();
    Row { may_change: f.configures() || entry.person == f.who.staff_id.as_str(), options, entry }
}

/// `POST /console/settings/notices`: changes a frequency, or resumes an address whose mail bounced.
pub async fn change(service: Data<Service>, Sent { session, form }: Sent) -> Result<HttpResponse, Problem> {
    let resume = form.field("resume") == "on";
    let frequency = form.field("frequency");
    let change = Change {
        person: form.field("person"),
        link_id: Some(form.field("link_id")).filter(|id| !id.is_empty()).map(LinkId::from),
        frequency: ALL.into_iter().find(|each| each.as_str() == frequency),
        resume,
    };
    let token = session.token();
    let changed = service.write(move |tx| notifications::change(tx, token.as_ref(), &change)).await;
    match changed.map_err(Problem::from) {
        Ok(_) => Ok(on(&format!("/console/settings/notices?done={}", if resume { "tried" } else { "told" }))),
        Err(problem) if matches!(problem.code, Code::LastRecipient | Code::InvalidRequest) => {
            show(&service, &session, &PageQuery::default(), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}
