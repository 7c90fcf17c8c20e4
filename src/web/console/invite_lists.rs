//! Inviting a list of people pasted from a spreadsheet, and the result of each row.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::errors::Errors;
use super::invites::{is_correctable, link_id, offered};
use super::layout::{Frame, Section, Session, SessionForm};
use super::link_form::Choice;
use super::viewer::Viewer;
use super::{invite_labels as labels, on};
use crate::domain::invites::import::{self, Import, ImportRow, RowResult};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ImportId, InviteId, LinkId};
use crate::platform::{Service, Tx};
use crate::web::http::{Page, PageQuery, PathId, Problem};

/// Enough for 5,000 rows in a form's URL encoding.
const MOST_BYTES: usize = 3 * 1024 * 1024;

#[derive(Template)]
#[template(path = "web/console/pages/invite_import.html")]
struct ImportForm<'a> {
    f: &'a Frame,
    list: &'a str,
    links: Vec<Choice>,
    errors: Errors,
}

struct Row {
    line: i32,
    invite_id: Option<InviteId>,
    word: &'static str,
    badge: &'static str,
}

impl Row {
    fn of(f: &Frame, row: &ImportRow) -> Self {
        let (word, badge) = match row.result {
            None => (f.text("console-waiting"), ""),
            Some(RowResult::Created) => (labels::result(f.language, RowResult::Created), "active"),
            Some(result) => (labels::result(f.language, result), "failed"),
        };
        Self { line: row.line, invite_id: row.invite_id.clone(), word, badge }
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/invite_list.html")]
struct ImportPage<'a> {
    f: &'a Frame,
    import: Import,
    rows: Vec<Row>,
    next: Option<String>,
}

/// `GET /console/invites/import`: the form for a list.
pub(super) async fn ask(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, "", None, None).await
}

/// `POST /console/invites/import`: invites everyone on the list.
pub(super) async fn take(
    service: Data<Service>,
    SessionForm { session, form: sent }: SessionForm<MOST_BYTES>,
) -> Result<HttpResponse, Problem> {
    let (list, link) = (sent.field("list"), link_id(&sent));
    let chosen = link.clone();
    let created = match import::parse(list.as_bytes()) {
        Ok(rows) => {
            let rule =
                move |tx: &mut Tx<'_>, staff: &Staff| import::create(tx, staff, chosen.as_ref(), &rows);
            service.write_as_staff(&session, Permission::ReadPatients, rule).await
        }
        Err(error) => Err(Problem::wrong_field("/list", error.code(), &error.to_string())),
    };
    match created {
        Ok(import) => Ok(on(&format!("/console/invites/import/{}?done=list-taken", import.id))),
        Err(problem) if is_correctable(&problem) => {
            form(&service, &session, &list, link.as_ref(), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn form(
    service: &Data<Service>,
    session: &Session,
    list: &str,
    link: Option<&LinkId>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, links) = offered(service, session, link).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, ImportForm { f: &f, list, links, errors }.render())
}

/// `GET /console/invites/import/{id}`: progress and results of a list.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let import = import::find(tx, staff, &id.0)?;
        let rows = import::rows(tx, staff, &id.0, after, limit + 1)?;
        Ok((Viewer::of(tx, staff)?, import, rows))
    };
    let (who, import, rows) = service.read_as_staff(&session, Permission::ReadPatients, rule).await?;
    let f = session.frame(&service, who, Section::Invites);
    let Page { items, next_cursor: next } = Page::of(rows, limit, |row: &ImportRow| row.line.to_string());
    let rows = items.into_iter().map(|row| Row::of(&f, &row)).collect();
    f.page(&service, ImportPage { f: &f, import, rows, next }.render())
}
