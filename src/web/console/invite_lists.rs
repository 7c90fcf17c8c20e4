//! Inviting a list of people pasted from a spreadsheet, and the result of each row.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::invites::{is_mendable, link_id, offered, wrong};
use super::layout::{Frame, Section, Sent, Session};
use super::link_form::Choice;
use super::viewer::who;
use super::words::Errors;
use super::{invite_words as words, on};
use crate::domain::desk::{self, Refusal};
use crate::domain::invites::import::{self, Done, Import};
use crate::kit::ids::{ImportId, InviteId, LinkId};
use crate::platform::tx::Service;
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

#[derive(Template)]
#[template(path = "web/console/pages/invite_list.html")]
struct List<'a> {
    f: &'a Frame,
    import: Import,
    rows: Vec<Row>,
    next: Option<String>,
}

/// `GET /console/invites/import`: the form for a list.
pub async fn ask(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, "", None, None).await
}

/// `POST /console/invites/import`: invites everyone on the list.
pub async fn take(
    service: Data<Service>,
    Sent { session, form: sent }: Sent<MOST_BYTES>,
) -> Result<HttpResponse, Problem> {
    let (list, link, token) = (sent.field("list"), link_id(&sent), session.token());
    let wanted = link.clone();
    let made = match import::read(list.as_bytes()) {
        Ok(rows) => service
            .write(move |tx| desk::invites::import(tx, token.as_ref(), wanted.as_ref(), &rows))
            .await
            .map_err(Problem::from),
        Err(why) => Err(Problem::fields(vec![wrong("/list", why.code(), &why.to_string())])),
    };
    match made {
        Ok(import) => Ok(on(&format!("/console/invites/import/{}?done=list-taken", import.id))),
        Err(problem) if is_mendable(&problem) => {
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
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, after, token) = (page.limit()?, page.after_number()?, session.token());
    let (who, import, rows) = service
        .read(move |tx| {
            let import = desk::invites::import_of(tx, token.as_ref(), &id.0)?;
            let rows = desk::invites::import_rows(tx, token.as_ref(), &id.0, after, limit + 1)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, import, rows))
        })
        .await?;
    let f = session.frame(&service, who, Section::Invites);
    let Page { items, next_cursor: next } = Page::of(rows, limit, |row: &Done| row.line.to_string());
    let rows = items.into_iter().map(|row| shown(&f, row)).collect();
    f.page(&service, List { f: &f, import, rows, next }.render())
}

fn shown(f: &Frame, row: Done) -> Row {
    let (word, badge) = match row.result.as_deref() {
        None => (f.say("Waiting", "En espera"), ""),
        Some("created") => (words::result(f.language, "created"), "active"),
        Some(result) => (words::result(f.language, result), "failed"),
    };
    Row { line: row.line, invite_id: row.invite_id, word, badge }
}
