//! Importing patient records: the upload form and the progress page.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, REFRESH};
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::errors::Errors;
use super::layout::{Frame, Section, Session, SessionForm, stale_form};
use super::on;
use super::record_labels as labels;
use super::session as sessions;
use super::viewer::Viewer;
use crate::domain::record_imports::{self, Format, Import, MOST_BYTES, Mode, State};
use crate::domain::staff::{Permission, Staff};
use crate::kit::ImportId;
use crate::platform::{Service, Tx};
use crate::web::http::spool::SpooledUpload;
use crate::web::http::{Code, Page, PageQuery, PathId, Problem, is_same_site};
use crate::web::practice_api::record_import_options::{DateOrder, ImportQuery};
use crate::web::practice_api::record_imports::{check_may_import, results_file, survey};

/// Seconds after which the page of a running import reloads itself.
const AGAIN: HeaderValue = HeaderValue::from_static("2");

#[derive(Template)]
#[template(path = "web/console/pages/import_form.html")]
struct ImportForm<'a> {
    f: &'a Frame,
    input: &'a FormInput,
    errors: Errors,
    /// The headings of the uploaded file, if some were not recognized.
    headings: String,
    /// The last import, if it kept patients active that its list leaves out: the form asks for confirmation.
    unresolved: Option<Import>,
    imports: Vec<Import>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/import.html")]
struct ImportPage<'a> {
    f: &'a Frame,
    import: Import,
}

/// The options chosen next to the file.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox or a radio choice of the form")]
struct FormInput {
    is_whole: bool,
    may_retire_most: bool,
    may_skip_unread: bool,
    day_first: bool,
    columns: [String; 6],
}

impl FormInput {
    fn of(upload: &SpooledUpload) -> Self {
        let column = |name: &str| upload.field(&format!("column_{name}")).trim().to_owned();
        Self {
            is_whole: upload.field("mode") == Mode::Replace.as_str(),
            may_retire_most: upload.field("may_retire_most") == "true",
            may_skip_unread: upload.field("may_skip_unread") == "true",
            day_first: upload.field("dates").parse() == Ok(DateOrder::Dmy),
            columns: labels::COLUMNS.map(column),
        }
    }

    fn query(&self) -> ImportQuery {
        let mode = if self.is_whole { Mode::Replace } else { Mode::Merge };
        let dates = if self.day_first { DateOrder::Dmy } else { DateOrder::Mdy };
        ImportQuery::of(mode, dates, self.columns.clone())
            .allowing(self.may_retire_most, self.may_skip_unread)
    }

    /// Whether a column heading was entered.
    fn names_columns(&self) -> bool {
        self.columns.iter().any(|column| !column.is_empty())
    }
}

impl ImportForm<'_> {
    /// The columns that can be named: field name, label, and what was entered.
    fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let named =
            labels::COLUMNS.into_iter().zip(labels::columns(self.f.language)).zip(&self.input.columns);
        named.map(|((name, word), input)| (name, word, input.as_str()))
    }

    fn about(&self, import: &Import) -> String {
        labels::summary(self.f.language, import)
    }

    fn how_many(&self, import: &Import) -> String {
        labels::left_out(self.f.language, import)
    }

    fn unread(&self, import: &Import) -> String {
        labels::unread(self.f.language, import)
    }
}

impl ImportPage<'_> {
    fn how_many(&self) -> String {
        labels::left_out(self.f.language, &self.import)
    }

    fn why(&self) -> String {
        labels::why_records_stay(self.f.language, &self.import)
    }

    fn is_open(&self) -> bool {
        self.import.state.is_open()
    }

    fn percent(&self) -> i64 {
        self.import.rows_done * 100 / self.import.rows_total.max(1)
    }
}

/// `GET /console/records/import`: the form and the previous imports.
pub(super) async fn ask(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    form(&service, &session, &page, &FormInput::default(), None).await
}

async fn form(
    service: &Data<Service>,
    session: &Session,
    page: &PageQuery,
    input: &FormInput,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (limit, before) = (page.limit()?.min(20), page.after()?);
    let is_first = before.is_empty();
    let found =
        service.read_as_staff(session, Permission::Administer, move |tx, staff| -> Result<_, Problem> {
            let imports = record_imports::list(tx, staff, &before, limit + 1)?;
            Ok((Viewer::of(tx, staff)?, imports))
        });
    let (who, imports) = found.await?;
    let f = session.frame(service, who, Section::Records);
    let Page { items: imports, next_cursor: next } = Page::of(imports, limit, |import| import.id.clone());
    let unresolved = imports.first().filter(|last| is_first && last.problem().is_some()).cloned();
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let headings = problem.as_ref().map(labels::headings).unwrap_or_default();
    let errors = problem.map(|problem| labels::errors(f.language, &problem)).unwrap_or_default();
    f.page_with(
        service,
        status,
        ImportForm { f: &f, input, errors, headings, unresolved, imports, next }.render(),
    )
}

/// `POST /console/records/import`: imports the file, if the form came from one of our pages.
pub(super) async fn create(
    service: Data<Service>,
    session: Session,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    check_may_import(&service, &session).await?;
    if !is_same_site(&service, &request) {
        return Err(stale_form());
    }
    let mut input = FormInput::default();
    match begin(&service, &session, &request, body.into_inner(), &mut input).await {
        Ok(import) => Ok(on(&format!("/console/records/imports/{}", import.id))),
        Err(problem) if is_about_the_file(&problem) => {
            form(&service, &session, &PageQuery::default(), &input, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

fn is_about_the_file(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::FileUnreadable | Code::ImportRunning | Code::InvalidRequest | Code::BodyTooLarge
    )
}

async fn begin(
    service: &Data<Service>,
    session: &Session,
    request: &HttpRequest,
    body: Payload,
    input: &mut FormInput,
) -> Result<Import, Problem> {
    let upload = SpooledUpload::receive(service, request, body, MOST_BYTES).await?;
    if !sessions::is_form_token(service, &session.secret, &upload.field("form_token")) {
        return Err(stale_form());
    }
    *input = FormInput::of(&upload);
    let Some(name) = &upload.file_name else { return Err(labels::no_file()) };
    let options = input.query().into_request(service, format_of(name))?;
    let mut survey = survey(service, upload.file, options).await?;
    let begin = move |tx: &mut Tx<'_>, staff: &Staff| record_imports::begin(tx, staff, &mut survey);
    service.write_as_staff(session, Permission::Administer, begin).await
}

/// Guesses the format from the file name's extension.
fn format_of(name: &str) -> Format {
    let name = name.to_lowercase();
    match name.rsplit('.').next() {
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("json") => Format::Bundle,
        _ => Format::Csv,
    }
}

/// `GET /console/records/imports/{id}`: progress and results of one import.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    let found =
        service.read_as_staff(&session, Permission::Administer, move |tx, staff| -> Result<_, Problem> {
            let import = record_imports::find(tx, staff, &id.0)?;
            Ok((Viewer::of(tx, staff)?, import))
        });
    let (who, import) = found.await?;
    let f = session.frame(&service, who, Section::Records);
    let is_open = import.state.is_open();
    let mut page = f.page(&service, ImportPage { f: &f, import }.render())?;
    if is_open {
        page.headers_mut().insert(REFRESH, AGAIN);
    }
    Ok(page)
}

/// `GET /console/records/imports/{id}/results.csv`: the result of each row.
pub(super) async fn results(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    results_file(&service, &session, id).await
}

/// `POST /console/records/imports/{id}/cancel`: stops a running import.
pub(super) async fn cancel(
    service: Data<Service>,
    id: PathId<ImportId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let import_id = id.0.clone();
    let cancelled = service.write_as_staff(&sent.session, Permission::Administer, move |tx, staff| {
        record_imports::cancel(tx, staff, &import_id)
    });
    match cancelled.await {
        // An import that is already over is shown as it is.
        Err(problem) if problem.code != Code::ImportOver => Err(problem),
        _ => Ok(on(&format!("/console/records/imports/{}", id.0))),
    }
}
