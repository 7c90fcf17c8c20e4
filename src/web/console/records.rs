//! The practice's patient records: search, and one record with its history.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::layout::{Frame, Section, Session};
use super::viewer::Viewer;
use crate::domain::records::{self, Kind, ListedRecord, RecordValue};
use crate::domain::staff::Permission;
use crate::kit::RecordId;
use crate::platform::Service;
use crate::web::http::{Page, PageQuery, PathId, Problem};
use crate::web::practice_api::records::{format_cursor, parse_cursor};

#[derive(Template)]
#[template(path = "web/console/pages/records.html")]
struct RecordsPage<'a> {
    f: &'a Frame,
    query: &'a str,
    items: Vec<ListedRecord>,
    /// The address of the next page.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/record.html")]
struct RecordPage<'a> {
    f: &'a Frame,
    entry: ListedRecord,
    values: Vec<RecordValue>,
}

/// The search text of the list.
#[derive(Deserialize)]
pub(super) struct Search {
    q: Option<String>,
}

/// `GET /console/records`: lists and searches records.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
    search: Query<Search>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = (page.limit()?, parse_cursor(&page.after()?));
    let query = search.into_inner().q.unwrap_or_default().replace('\0', "");
    let wanted = query.clone();
    let found =
        service.read_as_staff(&session, Permission::ReadPatients, move |tx, staff| -> Result<_, Problem> {
            let found = records::list(tx, staff, &wanted, after.as_ref(), limit + 1)?;
            Ok((Viewer::of(tx, staff)?, found))
        });
    let (who, found) = found.await?;
    let f = session.frame(&service, who, Section::Records);
    let Page { items, next_cursor } = Page::of(found, limit, format_cursor);
    let next = next_cursor.map(|next| {
        let place = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &query)
            .append_pair("cursor", &next)
            .finish();
        format!("/console/records?{place}")
    });
    f.page(&service, RecordsPage { f: &f, query: &query, items, next }.render())
}

/// `GET /console/records/{id}`: one record with its current and previous values.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<RecordId>,
) -> Result<HttpResponse, Problem> {
    let found =
        service.read_as_staff(&session, Permission::ReadPatients, move |tx, staff| -> Result<_, Problem> {
            let found = records::find(tx, staff, &id.0)?;
            Ok((Viewer::of(tx, staff)?, found))
        });
    let (who, (entry, values)) = found.await?;
    let f = session.frame(&service, who, Section::Records);
    f.page(&service, RecordPage { f: &f, entry, values }.render())
}

impl RecordPage<'_> {
    fn kind(&self, value: &RecordValue) -> &str {
        match value.kind {
            Kind::Phone => self.f.text("console-number"),
            Kind::Email => self.f.text("console-e-mail"),
            Kind::BirthDate => self.f.text("records-kind-birth-date"),
            Kind::Name => self.f.text("console-name"),
        }
    }
}
