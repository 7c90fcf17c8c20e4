//! HTTP handlers of record imports.

use std::fs::File;

use actix_web::web::{self, Data, Json, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, delete, get, post};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::csv_file;
use super::record_import_options::ImportQuery;
use crate::domain::record_imports::{
    self, Error, Field, Format, Import, ImportProblem, ImportRequest, Mode, State, Survey,
};
use crate::domain::staff::Permission;
use crate::kit::{ImportId, StaffId, Timestamp};
use crate::platform::{Service, db};
use crate::problems;
use crate::web::http::spool::{Spool, scratch, spool};
use crate::web::http::{Caller, Code, FieldError, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::File { code, detail } => {
                Self::unreadable(&detail, vec![field_error(String::new(), code, &detail)])
            }
            Error::Columns { missing, detail } => {
                let column = |field: Field| {
                    let pointer = format!("/column_{}", field.as_str());
                    field_error(pointer, "column_missing", "No matching column was found.")
                };
                Self::unreadable(&detail, missing.into_iter().map(column).collect())
            }
            Error::Running => {
                Self::new(Code::ImportRunning, "Wait until it ends, or cancel it, and send the file again.")
            }
            Error::NotFound => Self::new(Code::ImportNotFound, "Check the import's id."),
            Error::Over => Self::new(Code::ImportOver, "This import has already ended."),
            Error::Io(_) => Self::new(Code::Unavailable, "Nothing was imported. Try again in a moment."),
            Error::Db(error) => error.into(),
        }
    }
}

fn field_error(pointer: String, code: &str, detail: &str) -> FieldError {
    FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }
}

/// An import of patient records and its progress.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordImport)]
pub(crate) struct ImportView {
    /// The id of the import.
    id: ImportId,
    /// The file format.
    format: Format,
    /// The import mode.
    mode: Mode,
    /// The state of the import.
    state: State,
    /// The staff member who uploaded the file.
    by: StaffId,
    /// How many rows were processed, by outcome.
    rows: ImportRows,
    /// Records missing from the file that became inactive; only with `replace`.
    #[schema(example = 0)]
    retired: i64,
    /// Records missing from the file that stay active, see `problem`; only with `replace`.
    #[schema(example = 0)]
    left_out: i64,
    /// Number of active records before the import; only with `replace`.
    #[schema(required = true, example = 100_000)]
    active_before: Option<i64>,
    /// Every readable row was imported, but no record became inactive. `replace_has_unread_rows`: some rows
    /// were refused and it is unknown which patients they are about (`rows.unread`), so patients who seem
    /// missing may be in one of them; fix those rows and send the file again, or send it with
    /// `may_skip_unread=true`. `replace_leaves_most_out`: more than half of the active records (and more
    /// than 20) are missing from the file; if that is intended, send it again with `may_retire_most=true`.
    /// If both apply, the first one is reported.
    #[schema(required = true)]
    problem: Option<ImportProblem>,
    /// When the file was uploaded.
    created_at: Timestamp,
    /// When the import ended.
    #[schema(required = true)]
    finished_at: Option<Timestamp>,
}

/// Number of rows, by outcome.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportRows {
    /// Number of rows in the file.
    #[schema(example = 100_000)]
    total: i64,
    /// Number of rows processed so far.
    #[schema(example = 42_000)]
    done: i64,
    /// Rows that created a record.
    #[schema(example = 41_000)]
    created: i64,
    /// Rows that changed a record.
    #[schema(example = 700)]
    changed: i64,
    /// Rows whose record was already up to date.
    #[schema(example = 290)]
    unchanged: i64,
    /// Rows that are not a valid record, or repeat a record number.
    #[schema(example = 10)]
    refused: i64,
    /// Refused rows that do not say which patient they are about: without a record number, cut short, too
    /// long, or with an unclosed quotation mark.
    #[schema(example = 0)]
    unread: i64,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        Self {
            problem: import.problem(),
            rows: ImportRows {
                total: import.rows_total,
                done: import.rows_done,
                created: import.created,
                changed: import.changed,
                unchanged: import.unchanged,
                refused: import.refused,
                unread: import.unread,
            },
            id: import.id,
            format: import.format,
            mode: import.mode,
            state: import.state,
            by: import.actor,
            retired: import.retired,
            left_out: import.left_out,
            active_before: import.active_before,
            created_at: import.created_at,
            finished_at: import.finished_at,
        }
    }
}

/// One import of records.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportAnswer {
    /// The import and its progress.
    import: ImportView,
}

problems!(ImportProblems: keyed, Unauthorized, StaffForbidden, FileUnreadable, ImportRunning);

/// Import patient records from a file
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(ImportQuery),
    request_body(
        content(
            (String = "text/csv"),
            (String = "application/fhir+json"),
            (String = "application/fhir+ndjson"),
        ),
        description = "A CSV table with headings, a FHIR R4 Bundle, or one FHIR R4 Patient per line; at most \
            64 MiB",
    ),
    responses(
        (
            status = 202,
            description = "The file is readable, and a background job imports its rows",
            body = ImportAnswer,
        ),
        ImportProblems,
    ),
)]
#[post("/v1/practice/records/import")]
pub(crate) async fn import_records(
    service: Data<Service>,
    call: RequestContext,
    request: HttpRequest,
    query: Query<ImportQuery>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    check_may_import(&service, &call).await?;
    let format = Format::of(&request.content_type().to_ascii_lowercase()).ok_or_else(unknown_format)?;
    let options = query.into_inner().into_request(&service, format)?;
    let body = spool(&service, &request, body.into_inner(), record_imports::MOST_BYTES).await?;
    begin(&service, &call, body, options).await
}

/// Refuses callers who may not import, before their file is received.
pub(crate) async fn check_may_import(service: &Service, caller: &impl Caller) -> Result<(), Problem> {
    service.read_as_staff(caller, Permission::Administer, |_, _| db::Result::Ok(())).await
}

fn unknown_format() -> Problem {
    let detail = "Send `text/csv`, `application/fhir+json` (a Bundle) or `application/fhir+ndjson`.";
    Problem::new(Code::UnsupportedMediaType, detail)
}

/// Surveys an uploaded file and starts its import.
async fn begin(
    service: &Data<Service>,
    call: &RequestContext,
    body: Spool,
    request: ImportRequest,
) -> Result<HttpResponse, Problem> {
    let canonical = canonical(&body.digest, &request);
    let mut survey = survey(service, body.file, request).await?;
    let begun = service.idempotent_as_staff(call, &canonical, Permission::Administer, move |tx, staff| {
        let import = record_imports::begin(tx, staff, &mut survey)?.into();
        Ok::<_, Error>(Reply::accepted(&ImportAnswer { import }))
    });
    begun.await
}

/// Surveys an uploaded file, on a thread that may block.
pub(crate) async fn survey(
    service: &Data<Service>,
    file: File,
    request: ImportRequest,
) -> Result<Survey, Problem> {
    let scratch = scratch(service)?;
    Ok(service.read(move |_| Survey::of(file, scratch, request)).await?)
}

/// Two requests are the same (for idempotency) if they have the same file and the same options.
fn canonical(digest: &[u8], request: &ImportRequest) -> Vec<u8> {
    let mapping: Vec<_> = request.mapping.iter().map(|(field, heading)| (field.as_str(), heading)).collect();
    let options = json!([request.format.as_str(), request.options, mapping]).to_string();
    [digest, options.as_bytes()].concat()
}

problems!(ListImportsProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List imports of patient records
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery),
    responses((status = 200, description = "Newest first", body = Page<ImportView>), ListImportsProblems),
)]
#[get("/v1/practice/records/imports")]
pub(crate) async fn list_record_imports(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<ImportView>>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?);
    let rows = service.read_as_staff(&call, Permission::Administer, move |tx, staff| {
        record_imports::list(tx, staff, &before, limit + 1)
    });
    let page = Page::of(rows.await?, limit, |import| import.id.to_string());
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

problems!(GetImportProblems: plain, Unauthorized, StaffForbidden, ImportNotFound);

/// Get the progress of a record import
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ImportId>),
    responses((status = 200, description = "The import", body = ImportAnswer), GetImportProblems),
)]
#[get("/v1/practice/records/imports/{id}")]
pub(crate) async fn get_record_import(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ImportId>,
) -> Result<Json<ImportAnswer>, Problem> {
    let found = service.read_as_staff(&call, Permission::Administer, move |tx, staff| {
        record_imports::find(tx, staff, &id.0)
    });
    Ok(Json(ImportAnswer { import: found.await?.into() }))
}

problems!(CancelImportProblems: plain, Unauthorized, StaffForbidden, ImportNotFound, ImportOver);

/// Cancel a record import; imported rows stay
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ImportId>),
    responses(
        (
            status = 200,
            description = "The import was cancelled; rows imported so far stay",
            body = ImportAnswer,
        ),
        CancelImportProblems,
    ),
)]
#[delete("/v1/practice/records/imports/{id}")]
pub(crate) async fn cancel_record_import(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ImportId>,
) -> Result<Json<ImportAnswer>, Problem> {
    let cancelled = service.write_as_staff(&call, Permission::Administer, move |tx, staff| {
        record_imports::cancel(tx, staff, &id.0)
    });
    Ok(Json(ImportAnswer { import: cancelled.await?.into() }))
}

/// Export the results of a record import as CSV
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ImportId>),
    responses(
        (
            status = 200,
            description = "CSV (RFC 4180) with row, record_number, outcome, code and detail of the rows \
                processed so far. The export is recorded in the audit log",
            content_type = "text/csv",
            body = String,
        ),
        GetImportProblems,
    ),
)]
#[get("/v1/practice/records/imports/{id}/results.csv")]
pub(crate) async fn export_import_results(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    results_file(&service, &call, id).await
}

/// Exports the results, for the API and for the console.
pub(crate) async fn results_file(
    service: &Service,
    caller: &impl Caller,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    let file = service.write_as_staff(caller, Permission::Administer, move |tx, staff| {
        record_imports::export_results(tx, staff, &id.0)
    });
    Ok(csv_file("import-results", file.await?))
}
