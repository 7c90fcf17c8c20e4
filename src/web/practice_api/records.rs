//! HTTP handlers of the practice's patient records and their imports.

use actix_web::web::{self, Data, Json, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{csv_file, wrong};
use crate::domain::desk::{Refusal, records as desk};
use crate::domain::record_imports::{self, Asked, Encoding, Field, Format, Import, Mode, Options, Survey};
use crate::domain::records::{After, Entry, Kept};
use crate::kit::ids::{ImportId, RecordId, StaffId};
use crate::kit::{Secret, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::spool::{Spool, scratch, spool};
use crate::web::http::{Answer, Call, Code, Page, PageQuery, PathId, Problem, once};

/// A current or earlier value of a record.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordValue)]
pub struct ValueView {
    /// The kind of value: `name`, `birth_date`, `phone` or `email`.
    #[schema(example = "phone")]
    kind: String,
    /// The value; for a name, given and family name.
    #[schema(example = "+14155552671")]
    value: String,
    /// Whether the value is current. Earlier values count too when a patient is matched with the record.
    current: bool,
    /// Since when the value is known.
    since: Timestamp,
}

impl From<Kept> for ValueView {
    fn from(kept: Kept) -> Self {
        let Kept { kind, value, current, since } = kept;
        Self { kind, value: value.replace('\t', " "), current, since }
    }
}

/// One patient record of the practice.
#[derive(Serialize, ToSchema)]
pub struct RecordAnswer {
    /// The record with its current values.
    record: Entry,
    /// All current and earlier values of the record.
    values: Vec<ValueView>,
}

/// Search of the record list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// A complete phone number or e-mail address, current or earlier, or the start of a
    /// name or record number.
    #[param(example = "rivera")]
    q: Option<String>,
}

refusals!(ListRecordsRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List the practice's patient records
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery, RecordQuery), responses((status = 200, description = "Records in order of name", body = Page<Entry>), ListRecordsRefusals))]
#[get("/v1/practice/records")]
pub async fn list_records(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
    query: Query<RecordQuery>,
) -> Result<Json<Page<Entry>>, Problem> {
    let (limit, after) = (page.limit()?, after(&page.after()?));
    // No record contains U+0000, and PostgreSQL's text type cannot hold it.
    let query = query.into_inner().q.unwrap_or_default().replace('\0', "\u{fffd}");
    let rows =
        service.read(move |tx| desk::list(tx, call.bearer.as_ref(), &query, (after.as_ref(), limit + 1)));
    Ok(Json(Page::of(rows.await?, limit, key)))
}

/// Formats the page cursor of the record list.
pub fn key(entry: &Entry) -> String {
    let After { search, id } = entry.after();
    format!("{id}{search}")
}

/// Parses the page cursor: the search key starts with a space, and ids contain none.
pub fn after(key: &str) -> Option<After> {
    let (id, search) = key.split_at(key.find(' ').unwrap_or(key.len()));
    (!key.is_empty()).then(|| After { search: search.to_owned(), id: id.into() })
}

refusals!(GetRecordRefusals: plain, Unauthorized, StaffForbidden, RecordNotFound);

/// Get a patient record with its history
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The record", example = "rec_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "The record", body = RecordAnswer), GetRecordRefusals))]
#[get("/v1/practice/records/{id}")]
pub async fn get_record(
    service: Data<Service>,
    call: Call,
    id: PathId<RecordId>,
) -> Result<Json<RecordAnswer>, Problem> {
    let found = service.read(move |tx| desk::find(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(RecordAnswer { record: found.0, values: found.1.into_iter().map(Into::into).collect() }))
}

/// An import of patient records and its progress.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordImport)]
pub struct ImportView {
    /// The id of the import.
    id: ImportId,
    /// The file format: `csv`, `ndjson` or `bundle`.
    #[schema(example = "csv")]
    format: String,
    /// The import mode: `merge` or `replace`.
    #[schema(example = "merge")]
    mode: String,
    /// The state of the import: `queued`, `running`, `done`, `failed` or `cancelled`.
    #[schema(example = "running")]
    state: String,
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
    #[schema(required = true, example = "replace_leaves_most_out")]
    problem: Option<String>,
    /// When the file was uploaded.
    created_at: Timestamp,
    /// When the import ended.
    #[schema(required = true)]
    finished_at: Option<Timestamp>,
}

/// Number of rows, by outcome.
#[derive(Serialize, ToSchema)]
pub struct ImportRows {
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
            problem: import.problem().map(Into::into),
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
pub struct ImportAnswer {
    /// The import and its progress.
    import: ImportView,
}

/// How to read the file. English and Spanish headings are recognized; `column_…` names any other heading.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What happens to records that the file does not name: with `merge` (the default) they stay, with
    /// `replace` they become inactive.
    #[param(inline)]
    mode: Option<Mode>,
    /// Whether `replace` may make more than half of the active records inactive.
    /// Without it, such a file is presumed to be the wrong one: the records stay
    /// active, and the import reports `replace_leaves_most_out`.
    may_retire_most: Option<bool>,
    /// Whether `replace` may make records inactive although some refused rows do not say which patient they
    /// are about. Without it, patients who seem missing may be in one of those rows: the records stay
    /// active, and the import reports `replace_has_unread_rows`.
    may_skip_unread: Option<bool>,
    /// The character encoding of a table; detected by default.
    #[param(inline)]
    encoding: Option<Encoding>,
    /// The column delimiter of a table: `comma`, `semicolon`, `tab` or `pipe`; detected by default.
    #[param(example = "comma", pattern = "^(comma|semicolon|tab|pipe)$")]
    delimiter: Option<String>,
    /// Date order of a table, `mdy` (the default) or `dmy`; 1987-05-31 is accepted either way.
    #[param(example = "mdy", pattern = "^(mdy|dmy)$")]
    dates: Option<String>,
    /// Region of phone numbers without a plus sign (ISO 3166-1 alpha-2).
    #[param(example = "US")]
    region: Option<String>,
    /// The system of the FHIR identifier that holds the record number.
    #[param(example = "urn:oid:1.2.36.146.595.217.0.1")]
    system: Option<String>,
    /// The heading of the record number column.
    #[param(example = "MRN")]
    column_number: Option<String>,
    /// The heading of the given name column.
    #[param(example = "First name")]
    column_given_name: Option<String>,
    /// The heading of the family name column.
    #[param(example = "Last name")]
    column_family_name: Option<String>,
    /// The heading of the birth date column.
    #[param(example = "DOB")]
    column_birth_date: Option<String>,
    /// The heading of the phone number column.
    #[param(example = "Mobile")]
    column_phone: Option<String>,
    /// The heading of the e-mail address column.
    #[param(example = "E-mail")]
    column_email: Option<String>,
}

impl ImportQuery {
    /// The options of the console's upload form; columns in the order record number, given name, family
    /// name, birth date, phone, e-mail.
    pub fn of(is_whole: bool, day_first: bool, columns: [String; 6]) -> Self {
        let [number, given_name, family_name, birth_date, phone, email] =
            columns.map(|column| Some(column).filter(|column| !column.is_empty()));
        Self {
            mode: Some(if is_whole { Mode::Replace } else { Mode::Merge }),
            dates: Some(if day_first { "dmy" } else { "mdy" }.to_owned()),
            column_number: number,
            column_given_name: given_name,
            column_family_name: family_name,
            column_birth_date: birth_date,
            column_phone: phone,
            column_email: email,
            ..Self::default()
        }
    }

    /// Says whether `replace` may retire most of the records, and whether it may do so despite refused
    /// rows of unknown patients.
    #[must_use]
    pub fn meant(self, may_retire_most: bool, may_skip_unread: bool) -> Self {
        Self { may_retire_most: Some(may_retire_most), may_skip_unread: Some(may_skip_unread), ..self }
    }

    /// Validates the options and turns them into an import request.
    pub fn asked(self, service: &Service, format: Format) -> Result<Asked, Problem> {
        let delimiter = match self.delimiter.as_deref() {
            None => 0,
            Some("comma") => b',',
            Some("semicolon") => b';',
            Some("tab") => b'\t',
            Some("pipe") => b'|',
            Some(_) => {
                return Err(wrong("/delimiter", "unknown_value", "Use comma, semicolon, tab or pipe."));
            }
        };
        let day_first = match self.dates.as_deref() {
            None | Some("mdy") => false,
            Some("dmy") => true,
            Some(_) => return Err(wrong("/dates", "unknown_value", "Use mdy or dmy.")),
        };
        let region = self.region.unwrap_or_else(|| service.settings.verification.default_region.clone());
        if region.len() != 2 || !region.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(wrong("/region", "unknown_value", "Use a two-letter country code like US."));
        }
        let said = [
            (Field::Number, self.column_number),
            (Field::GivenName, self.column_given_name),
            (Field::FamilyName, self.column_family_name),
            (Field::BirthDate, self.column_birth_date),
            (Field::Phone, self.column_phone),
            (Field::Email, self.column_email),
        ];
        let said = said.into_iter().filter_map(|(field, heading)| Some((field, heading?))).collect();
        let mut options = Options::plain(&region.to_ascii_uppercase());
        options.mode = self.mode.unwrap_or(Mode::Merge);
        options.may_retire_most = self.may_retire_most.unwrap_or(false);
        options.may_skip_unread = self.may_skip_unread.unwrap_or(false);
        options.encoding = self.encoding.unwrap_or(Encoding::Detect);
        (options.delimiter, options.day_first, options.system) = (delimiter, day_first, self.system);
        Ok(Asked { format, options, said })
    }
}

refusals!(ImportRefusals: keyed, Unauthorized, StaffForbidden, FileUnreadable, ImportRunning);

/// Import patient records from a file
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/fhir+json"), (String = "application/fhir+ndjson")), description = "A CSV table with headings, a FHIR R4 Bundle, or one FHIR R4 Patient per line; at most 64 MiB"),
    responses((status = 202, description = "The file is readable, and a background job imports its rows", body = ImportAnswer), ImportRefusals))]
#[post("/v1/practice/records/import")]
pub async fn import_records(
    service: Data<Service>,
    call: Call,
    request: HttpRequest,
    query: Query<ImportQuery>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let token = call.bearer.clone();
    service.read(move |tx| desk::importer(tx, token.as_ref())).await?;
    let format = Format::of(&request.content_type().to_ascii_lowercase()).ok_or_else(unknown_format)?;
    let asked = query.into_inner().asked(&service, format)?;
    let body = spool(&service, &request, body.into_inner(), record_imports::MOST_BYTES).await?;
    take_in(&service, call, body, asked).await
}

fn unknown_format() -> Problem {
    let detail = "Send `text/csv`, `application/fhir+json` (a Bundle) or `application/fhir+ndjson`.";
    Problem::new(Code::UnsupportedMediaType, detail)
}

/// Surveys an uploaded file and starts its import; `call` identifies the uploader.
async fn take_in(
    service: &Data<Service>,
    call: Call,
    body: Spool,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let canonical = canonical(&body.digest, &asked);
    let mut survey = survey(service, body, asked).await?;
    let token = call.bearer.clone();
    once(service, &call, &canonical, move |tx| {
        let import = desk::import(tx, token.as_ref(), &mut survey)?;
        Ok::<_, Refusal>(Answer::accepted(&ImportAnswer { import: import.into() }))
    })
    .await
}

/// Surveys an uploaded file, on a thread that may block.
pub async fn survey(service: &Data<Service>, body: Spool, asked: Asked) -> Result<Survey, Problem> {
    let scratch = scratch(service)?;
    Ok(service.read(move |_| Survey::of(body.file, scratch, asked).map_err(Refusal::from)).await?)
}

/// Two requests are the same (for idempotency) if they have the same file and the same options.
fn canonical(digest: &[u8], asked: &Asked) -> Vec<u8> {
    let said: Vec<_> = asked.said.iter().map(|(field, heading)| (field.as_str(), heading)).collect();
    let options = json!([asked.format.as_str(), asked.options, said]).to_string();
    [digest, options.as_bytes()].concat()
}

refusals!(ListImportsRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List imports of patient records
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Newest first", body = Page<ImportView>), ListImportsRefusals))]
#[get("/v1/practice/records/imports")]
pub async fn list_record_imports(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<ImportView>>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?);
    let rows =
        service.read(move |tx| desk::list_imports(tx, call.bearer.as_ref(), &before, limit + 1)).await?;
    let page = Page::of(rows, limit, |import| import.id.to_string());
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

refusals!(GetImportRefusals: plain, Unauthorized, StaffForbidden, ImportNotFound);

/// Get the progress of a record import
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "The import", body = ImportAnswer), GetImportRefusals))]
#[get("/v1/practice/records/imports/{id}")]
pub async fn get_record_import(
    service: Data<Service>,
    call: Call,
    id: PathId<ImportId>,
) -> Result<Json<ImportAnswer>, Problem> {
    let import = service.read(move |tx| desk::find_import(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(ImportAnswer { import: import.into() }))
}

refusals!(CancelImportRefusals: plain, Unauthorized, StaffForbidden, ImportNotFound, ImportOver);

/// Cancel a record import; imported rows stay
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "The import was cancelled; rows imported so far stay", body = ImportAnswer), CancelImportRefusals))]
#[delete("/v1/practice/records/imports/{id}")]
pub async fn cancel_record_import(
    service: Data<Service>,
    call: Call,
    id: PathId<ImportId>,
) -> Result<Json<ImportAnswer>, Problem> {
    let import = service.write(move |tx| desk::cancel(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(ImportAnswer { import: import.into() }))
}

/// Export the results of a record import as CSV
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "CSV (RFC 4180) with row, record_number, outcome, code and detail of the rows processed so far. The export is recorded in the audit log", content_type = "text/csv", body = String), GetImportRefusals))]
#[get("/v1/practice/records/imports/{id}/results.csv")]
pub async fn export_import_results(
    service: Data<Service>,
    call: Call,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    results_file(&service, call.bearer, id).await
}

/// Exports the results for the holder of `token`: the API's bearer token or the console's cookie.
pub async fn results_file(
    service: &Data<Service>,
    token: Option<Secret>,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    let file = service.write(move |tx| desk::results(tx, token.as_ref(), &id.0)).await?;
    Ok(csv_file("import-results", file))
}
