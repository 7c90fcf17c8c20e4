//! The practice's patient records: search, and one record with its history.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::layout::{Frame, Section, Session};
use super::viewer::who;
use crate::domain::desk::{Refusal, records as desk};
use crate::domain::records::{Entry, Kept};
use crate::kit::ids::RecordId;
use crate::kit::percent;
use crate::platform::tx::Service;
use crate::web::http::{Page, PageQuery, PathId, Problem};
use crate::web::practice_api::records::{after, key};

#[derive(Template)]
#[template(path = "web/console/pages/records.html")]
struct Records<'a> {
    f: &'a Frame,
    query: &'a str,
    items: Vec<Entry>,
    /// The address of the next page.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/record.html")]
struct One<'a> {
    f: &'a Frame,
    entry: Entry,
    values: Vec<Kept>,
}

/// The search text of the list.
#[derive(Deserialize)]
pub struct Search {
    q: Option<String>,
}

/// `GET /console/records`: lists and searches records.
pub async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
    search: Query<Search>,
) -> Result<HttpResponse, Problem> {
    let (limit, from, token) = (page.limit()?, after(&page.after()?), session.token());
    let query = search.into_inner().q.unwrap_or_default().replace('\0', "");
    let wanted = query.clone();
    let (who, found) = service
        .read(move |tx| {
            let found = desk::list(tx, token.as_ref(), &wanted, (from.as_ref(), limit + 1))?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, found))
        })
        .await?;
    let f = session.frame(&service, who, Section::Records);
    let Page { items, next_cursor } = Page::of(found, limit, key);
    let next =
        next_cursor.map(|next| format!("/console/records?q={}&cursor={next}", percent::encoded(&query)));
    f.page(&service, Records { f: &f, query: &query, items, next }.render())
}

/// `GET /console/records/{id}`: one record with its current and previous values.
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<RecordId>,
) -> Result<HttpResponse, Problem> {
    let token = session.token();
    let (who, (entry, mut values)) = service
        .read(move |tx| {
            let found = desk::find(tx, token.as_ref(), &id.0)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, found))
        })
        .await?;
    let f = session.frame(&service, who, Section::Records);
    for kept in &mut values {
        kept.value = kept.value.replace('\t', " ");
    }
    f.page(&service, One { f: &f, entry, values }.render())
}

impl One<'_> {
    fn kind(&self, value: &Kept) -> &str {
        match value.kind.as_str() {
            "phone" => self.f.say("Number", "Número"),
            "email" => self.f.say("E-mail", "Correo"),
            "birth_date" => self.f.say("Birth date", "Fecha de nacimiento"),
            _ => self.f.say("Name", "Nombre"),
        }
    }
}
