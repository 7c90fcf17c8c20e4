//! HTTP handlers of the practice's patient records.

use actix_web::get;
use actix_web::web::{Data, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::records::{self, Cursor, Error, ListedRecord, RecordValue};
use crate::domain::staff::Permission;
use crate::kit::RecordId;
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Code, Page, PageQuery, PathId, Problem, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Code::RecordNotFound, "Check the record's id."),
            Error::Db(error) => error.into(),
        }
    }
}

/// One patient record of the practice.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordAnswer {
    /// The record with its current values.
    record: ListedRecord,
    /// All current and earlier values of the record.
    values: Vec<RecordValue>,
}

/// Search of the record list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordQuery {
    /// A complete phone number or e-mail address, current or earlier, or the start of a
    /// name or record number.
    #[param(example = "rivera")]
    q: Option<String>,
}

problems!(ListRecordsProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List the practice's patient records
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery, RecordQuery),
    responses(
        (status = 200, description = "Records in order of name", body = Page<ListedRecord>),
        ListRecordsProblems,
    ),
)]
#[get("/v1/practice/records")]
pub(crate) async fn list_records(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
    query: Query<RecordQuery>,
) -> Result<Json<Page<ListedRecord>>, Problem> {
    let (limit, after) = (page.limit()?, parse_cursor(&page.after()?));
    // No record contains U+0000, and PostgreSQL's text type cannot hold it.
    let query = query.into_inner().q.unwrap_or_default().replace('\0', "\u{fffd}");
    let rows = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        records::list(tx, staff, &query, after.as_ref(), limit + 1)
    });
    Ok(Json(Page::of(rows.await?, limit, format_cursor)))
}

/// Formats the page cursor of the record list.
pub(crate) fn format_cursor(record: &ListedRecord) -> String {
    let Cursor { search, id } = record.cursor();
    format!("{id}{search}")
}

/// Parses the page cursor: the search key starts with a space, and ids contain none.
pub(crate) fn parse_cursor(key: &str) -> Option<Cursor> {
    let (id, search) = key.split_at(key.find(' ').unwrap_or(key.len()));
    (!key.is_empty()).then(|| Cursor { search: search.to_owned(), id: id.into() })
}

problems!(GetRecordProblems: plain, Unauthorized, StaffForbidden, RecordNotFound);

/// Get a patient record with its history
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<RecordId>),
    responses((status = 200, description = "The record", body = RecordAnswer), GetRecordProblems),
)]
#[get("/v1/practice/records/{id}")]
pub(crate) async fn get_record(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<RecordId>,
) -> Result<Json<RecordAnswer>, Problem> {
    let found = service
        .read_as_staff(&call, Permission::ReadPatients, move |tx, staff| records::find(tx, staff, &id.0));
    let (record, values) = found.await?;
    Ok(Json(RecordAnswer { record, values }))
}
