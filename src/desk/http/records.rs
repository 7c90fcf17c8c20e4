//! The practice's own records over the wire.

use actix_web::web::{self, Data, Json, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::super::{Refusal, records as desk};
use super::{csv_file, wrong};
use crate::app::App;
use crate::http::spool::{Spool, scratch, spool};
use crate::http::{Answer, Call, Code, Id, Page, PageQuery, Problem, once};
use crate::identity::records::{After, Entry, Kept};
use crate::imports::{self, Asked, Encoding, Field, Format, Import, Mode, Options, Survey};
use crate::kit::{Secret, Timestamp};
use crate::refusals;

/// Something that a record says, or said once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordValue)]
pub struct ValueView {
    /// `name`, `birth_date`, `phone` or `email`.
    #[schema(example = "phone")]
    kind: String,
    /// The value; of a name given and family name.
    #[schema(example = "+14155552671")]
    value: String,
    /// Whether it holds. What held once counts when a person is held against the record, too.
    current: bool,
    /// Since when it is known.
    since: Timestamp,
}

impl From<Kept> for ValueView {
    fn from(kept: Kept) -> Self {
        let Kept { kind, value, current, since } = kept;
        Self { kind, value: value.replace('\t', " "), current, since }
    }
}

/// One record.
#[derive(Serialize, ToSchema)]
pub struct RecordAnswer {
    /// It.
    record: Entry,
    /// Everything that it says and ever said.
    values: Vec<ValueView>,
}

/// Which records are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// A whole number or e-mail address that the record has or had, or beginnings of names and record number.
    #[param(example = "rivera")]
    q: Option<String>,
}

refusals!(ListRecordsRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// Lists the practice's own patient records
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery, RecordQuery), responses((status = 200, description = "By name", body = Page<Entry>), ListRecordsRefusals))]
#[get("/v1/practice/records")]
pub async fn list_records(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
    query: Query<RecordQuery>,
) -> Result<Json<Page<Entry>>, Problem> {
    let (limit, after) = (page.limit()?, after(&page.after()?));
    // U+0000 is in no record, and PostgreSQL's text cannot hold it.
    let query = query.into_inner().q.unwrap_or_default().replace('\0', "\u{fffd}");
    let rows = app.read(move |ctx, conn| {
        desk::list(ctx, conn, call.bearer.as_ref(), &query, (after.as_ref(), limit + 1))
    });
    Ok(Json(Page::of(rows.await?, limit, key)))
}

/// What a list of records goes on behind.
pub fn key(entry: &Entry) -> String {
    let After { search, id } = entry.after();
    format!("{id}{search}")
}

/// The same, read back: the key of names begins with a space, and no id has one.
pub fn after(key: &str) -> Option<After> {
    let (id, search) = key.split_at(key.find(' ').unwrap_or(key.len()));
    (!key.is_empty()).then(|| After { search: search.to_owned(), id: id.to_owned() })
}

refusals!(GetRecordRefusals: plain, Unauthorized, StaffForbidden, RecordNotFound);

/// Shows a record, with everything that it ever said
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The record", example = "rec_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "The record", body = RecordAnswer), GetRecordRefusals))]
#[get("/v1/practice/records/{id}")]
pub async fn get_record(app: Data<App>, call: Call, id: Id) -> Result<Json<RecordAnswer>, Problem> {
    let found = app.read(move |ctx, conn| desk::find(ctx, conn, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(RecordAnswer { record: found.0, values: found.1.into_iter().map(Into::into).collect() }))
}

/// An import, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordImport)]
pub struct ImportView {
    /// Its id.
    #[schema(example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// `csv`, `ndjson` or `bundle`.
    #[schema(example = "csv")]
    format: String,
    /// `merge` or `replace`.
    #[schema(example = "merge")]
    mode: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[schema(example = "running")]
    state: String,
    /// Who handed the file in.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    by: String,
    /// How far it is.
    rows: ImportRows,
    /// Records that the file left out, and that are inactive now; only of `replace`.
    #[schema(example = 0)]
    retired: i64,
    /// Records that the file left out and that stay active, see `problem`; only of `replace`.
    #[schema(example = 0)]
    left_out: i64,
    /// How many records were active before; only of `replace`.
    #[schema(required = true, example = 100_000)]
    active_before: Option<i64>,
    /// Every row that can be read is taken in, but no record became inactive. `replace_has_unread_rows`: rows were refused
    /// of which it is not known whom they are about, `rows.unread`, and whoever seems left out may stand in one of them;
    /// mend those rows and send the file again, or send it with `may_skip_unread=true`. `replace_leaves_most_out`: the
    /// file leaves more than half of them out (and more than 20); if that is meant, send it again with
    /// `may_retire_most=true`. Where both are so, the first is said.
    #[schema(required = true, example = "replace_leaves_most_out")]
    problem: Option<String>,
    /// When the file was handed in.
    created_at: Timestamp,
    /// When it was over.
    #[schema(required = true)]
    finished_at: Option<Timestamp>,
}

/// Rows, by what became of them.
#[derive(Serialize, ToSchema)]
pub struct ImportRows {
    /// How many the file has.
    #[schema(example = 100_000)]
    total: i64,
    /// How many are worked off.
    #[schema(example = 42_000)]
    done: i64,
    /// New records.
    #[schema(example = 41_000)]
    created: i64,
    /// Records that say something else than before.
    #[schema(example = 700)]
    changed: i64,
    /// Records that say what they said.
    #[schema(example = 290)]
    unchanged: i64,
    /// Rows that are no record, or the second of one number.
    #[schema(example = 10)]
    refused: i64,
    /// Refused rows of which it is not known whom they are about: without a record number, cut short, too long, or with a
    /// quotation mark that is not closed.
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

/// One import.
#[derive(Serialize, ToSchema)]
pub struct ImportAnswer {
    /// It.
    import: ImportView,
}

/// How a file is read. Headings are recognised in English and Spanish; `column_…` names one that is not.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What becomes of records that the file does not name: with `merge`, the default, they stay; with `replace` they
    /// become inactive.
    #[param(inline)]
    mode: Option<Mode>,
    /// Whether `replace` may make more than half of the active records inactive. Unless that is said, such a file is
    /// taken for another one than was meant: they stay, and the import says `replace_leaves_most_out`.
    may_retire_most: Option<bool>,
    /// Whether `replace` may make records inactive although rows were refused of which it is not known whom they are about.
    /// Unless that is said, whoever seems left out may stand in one of them: they stay, and the import says
    /// `replace_has_unread_rows`.
    may_skip_unread: Option<bool>,
    /// How a table's letters are written; found out by default.
    #[param(inline)]
    encoding: Option<Encoding>,
    /// What parts a table's columns: `comma`, `semicolon`, `tab` or `pipe`; found out by default.
    #[param(example = "comma", pattern = "^(comma|semicolon|tab|pipe)$")]
    delimiter: Option<String>,
    /// Whether a table writes dates as `mdy`, the default, or as `dmy`; 1987-05-31 is read either way.
    #[param(example = "mdy", pattern = "^(mdy|dmy)$")]
    dates: Option<String>,
    /// The region of numbers without a plus (ISO 3166-1 alpha-2).
    #[param(example = "US")]
    region: Option<String>,
    /// The system of the FHIR identifier that is the record number.
    #[param(example = "urn:oid:1.2.36.146.595.217.0.1")]
    system: Option<String>,
    /// The heading over the record number.
    #[param(example = "MRN")]
    column_number: Option<String>,
    /// The heading over the given name.
    #[param(example = "First name")]
    column_given_name: Option<String>,
    /// The heading over the family name.
    #[param(example = "Last name")]
    column_family_name: Option<String>,
    /// The heading over the birth date.
    #[param(example = "DOB")]
    column_birth_date: Option<String>,
    /// The heading over the number.
    #[param(example = "Mobile")]
    column_phone: Option<String>,
    /// The heading over the e-mail address.
    #[param(example = "E-mail")]
    column_email: Option<String>,
}

impl ImportQuery {
    /// What a page's form asks for; its columns in the order number, given name, family name, birth date, phone, e-mail.
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

    /// Says whether a whole list may leave out most of the records, and whether it may do so with rows of which nobody
    /// knows whom they are about.
    #[must_use]
    pub fn meant(self, may_retire_most: bool, may_skip_unread: bool) -> Self {
        Self { may_retire_most: Some(may_retire_most), may_skip_unread: Some(may_skip_unread), ..self }
    }

    /// How a file is to be read.
    pub fn asked(self, app: &App, format: Format) -> Result<Asked, Problem> {
        let delimiter = match self.delimiter.as_deref() {
            None => 0,
            Some("comma") => b',',
            Some("semicolon") => b';',
            Some("tab") => b'\t',
            Some("pipe") => b'|',
            Some(_) => {
                return Err(wrong("/delimiter", "unknown_value", "Say comma, semicolon, tab or pipe."));
            }
        };
        let day_first = match self.dates.as_deref() {
            None | Some("mdy") => false,
            Some("dmy") => true,
            Some(_) => return Err(wrong("/dates", "unknown_value", "Say mdy or dmy.")),
        };
        let region = self.region.unwrap_or_else(|| app.config.verification.default_region.clone());
        if region.len() != 2 || !region.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(wrong("/region", "unknown_value", "Say two letters, like US."));
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

/// Takes a file of records in, in the background
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/fhir+json"), (String = "application/fhir+ndjson")), description = "A table with headings, a FHIR R4 Bundle, or a FHIR R4 Patient a line; at most 64 MiB"),
    responses((status = 202, description = "The file can be read, and its rows are on their way", body = ImportAnswer), ImportRefusals))]
#[post("/v1/practice/records/import")]
pub async fn import_records(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    query: Query<ImportQuery>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let token = call.bearer.clone();
    app.read(move |ctx, conn| desk::importer(ctx, conn, token.as_ref())).await?;
    let format = Format::of(&request.content_type().to_ascii_lowercase()).ok_or_else(unknown_format)?;
    let asked = query.into_inner().asked(&app, format)?;
    let body = spool(&app, &request, body.into_inner(), imports::MOST_BYTES).await?;
    take_in(&app, call, body, asked).await
}

fn unknown_format() -> Problem {
    let detail = "Send `text/csv`, `application/fhir+json` (a Bundle) or `application/fhir+ndjson`.";
    Problem::new(Code::UnsupportedMediaType, detail)
}

/// Looks through a file that has arrived, and begins its import. `call` says who hands it in.
async fn take_in(app: &Data<App>, call: Call, body: Spool, asked: Asked) -> Result<HttpResponse, Problem> {
    let canonical = canonical(&body.digest, &asked);
    let mut survey = survey(app, body, asked).await?;
    let token = call.bearer.clone();
    once(app, &call, &canonical, move |ctx, conn| {
        let import = desk::import(ctx, conn, token.as_ref(), &mut survey)?;
        Ok::<_, Refusal>(Answer::accepted(&ImportAnswer { import: import.into() }))
    })
    .await
}

/// Looks through a file that has arrived, on a thread that may block.
pub async fn survey(app: &Data<App>, body: Spool, asked: Asked) -> Result<Survey, Problem> {
    let scratch = scratch(app)?;
    Ok(app.read(move |_, _| Survey::of(body.file, scratch, asked).map_err(Refusal::from)).await?)
}

/// What makes two requests the same: the file, and how it is read.
fn canonical(digest: &[u8], asked: &Asked) -> Vec<u8> {
    let said: Vec<_> = asked.said.iter().map(|(field, heading)| (field.as_str(), heading)).collect();
    let options = json!([asked.format.as_str(), asked.options, said]).to_string();
    [digest, options.as_bytes()].concat()
}

refusals!(ListImportsRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// Lists the imports of records
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Newest first", body = Page<ImportView>), ListImportsRefusals))]
#[get("/v1/practice/records/imports")]
pub async fn list_imports(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<ImportView>>, Problem> {
    let (limit, before) = (page.limit()?, page.after()?);
    let rows = app
        .read(move |ctx, conn| desk::list_imports(ctx, conn, call.bearer.as_ref(), &before, limit + 1))
        .await?;
    let page = Page::of(rows, limit, |import| import.id.clone());
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

refusals!(GetImportRefusals: plain, Unauthorized, StaffForbidden, ImportNotFound);

/// Shows how far an import is
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "The import", body = ImportAnswer), GetImportRefusals))]
#[get("/v1/practice/records/imports/{id}")]
pub async fn get_import(app: Data<App>, call: Call, id: Id) -> Result<Json<ImportAnswer>, Problem> {
    let import = app.read(move |ctx, conn| desk::find_import(ctx, conn, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(ImportAnswer { import: import.into() }))
}

refusals!(CancelImportRefusals: plain, Unauthorized, StaffForbidden, ImportNotFound, ImportOver);

/// Ends an import before its last row; what is taken in stays
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "It is over", body = ImportAnswer), CancelImportRefusals))]
#[delete("/v1/practice/records/imports/{id}")]
pub async fn cancel_import(app: Data<App>, call: Call, id: Id) -> Result<Json<ImportAnswer>, Problem> {
    let import = app.write(move |ctx, conn| desk::cancel(ctx, conn, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(ImportAnswer { import: import.into() }))
}

/// What became of each row, as a file; that it was taken away is in the audit
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The import", example = "imp_0198c1f2a4c07d3e8a51b2c3d4e5f607")), responses((status = 200, description = "CSV (RFC 4180): row, record_number, outcome, code, detail; of the rows that are worked off", content_type = "text/csv", body = String), GetImportRefusals))]
#[get("/v1/practice/records/imports/{id}/results.csv")]
pub async fn import_results(app: Data<App>, call: Call, id: Id) -> Result<HttpResponse, Problem> {
    results_file(&app, call.bearer, id).await
}

/// The file, for whoever holds `token`.
pub async fn results_file(app: &Data<App>, token: Option<Secret>, id: Id) -> Result<HttpResponse, Problem> {
    let file = app.write(move |ctx, conn| desk::results(ctx, conn, token.as_ref(), &id.0)).await?;
    Ok(csv_file("import-results", file))
}
