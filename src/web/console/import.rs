//! Importing patient records: the upload form and the progress page.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, REFRESH};
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{Frame, Section, Sent, Session, stale};
use super::on;
use super::session as sessions;
use super::viewer::who;
use super::words::Errors;
use super::words_of_records as words;
use crate::domain::desk::{Refusal, records as desk};
use crate::domain::record_imports::{Format, Import, MOST_BYTES};
use crate::kit::ids::ImportId;
use crate::platform::tx::Service;
use crate::web::http::spool::{Spool, SpooledUpload, scratch, spool};
use crate::web::http::{Code, Page, PageQuery, PathId, Problem, is_same_site};
use crate::web::practice_api::records::{ImportQuery, results_file, survey};

/// Seconds after which the page of a running import reloads itself.
const AGAIN: HeaderValue = HeaderValue::from_static("2");

#[derive(Template)]
#[template(path = "web/console/pages/import_form.html")]
struct Form<'a> {
    f: &'a Frame,
    typed: &'a Typed,
    errors: Errors,
    /// The headings of the uploaded file, if some were not recognized.
    headings: String,
    /// The last import, if it kept patients active that its list leaves out: the form asks for confirmation.
    held: Option<Import>,
    imports: Vec<Import>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/import.html")]
struct One<'a> {
    f: &'a Frame,
    import: Import,
}

/// The options chosen next to the file.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox or a radio choice of the form")]
struct Typed {
    is_whole: bool,
    is_meant: bool,
    may_skip: bool,
    day_first: bool,
    columns: [String; 6],
}

impl Typed {
    fn of(upload: &SpooledUpload) -> Self {
        let column = |name: &str| upload.field(&format!("column_{name}")).trim().to_owned();
        Self {
            is_whole: upload.field("mode") == "replace",
            is_meant: upload.field("may_retire_most") == "true",
            may_skip: upload.field("may_skip_unread") == "true",
            day_first: upload.field("dates") == "dmy",
            columns: words::COLUMNS.map(column),
        }
    }

    fn query(&self) -> ImportQuery {
        let query = ImportQuery::of(self.is_whole, self.day_first, self.columns.clone());
        query.meant(self.is_meant, self.may_skip)
    }

    /// Whether a column heading was entered.
    fn names_columns(&self) -> bool {
        self.columns.iter().any(|column| !column.is_empty())
    }
}

impl Form<'_> {
    /// The columns that can be named: field name, label, and what was entered.
    fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let named = words::COLUMNS.into_iter().zip(words::columns(self.f.language)).zip(&self.typed.columns);
        named.map(|((name, word), typed)| (name, word, typed.as_str()))
    }

    fn about(&self, import: &Import) -> String {
        words::summary(self.f.language, import)
    }

    fn how_many(&self, import: &Import) -> String {
        words::left_out(self.f.language, import)
    }

    fn unread(&self, import: &Import) -> String {
        words::unread(self.f.language, import)
    }
}

impl One<'_> {
    fn how_many(&self) -> String {
        words::left_out(self.f.language, &self.import)
    }

    fn why(&self) -> String {
        words::why_held(self.f.language, &self.import)
    }

    fn is_open(&self) -> bool {
        is_open(&self.import)
    }

    fn percent(&self) -> i64 {
        self.import.rows_done * 100 / self.import.rows_total.max(1)
    }
}

fn is_open(import: &Import) -> bool {
    matches!(import.state.as_str(), "queued" | "running")
}

/// `GET /console/records/import`: the form and the previous imports.
pub async fn ask(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    form(&service, &session, &page, &Typed::default(), None).await
}

async fn form(
    service: &Data<Service>,
    session: &Session,
    page: &PageQuery,
    typed: &Typed,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (limit, before, token) = (page.limit()?.min(20), page.after()?, session.token());
    let is_first = before.is_empty();
    let (who, imports) = service
        .read(move |tx| {
            let imports = desk::list_imports(tx, token.as_ref(), &before, limit + 1)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, imports))
        })
        .await?;
    let f = session.frame(service, who, Section::Records);
    let Page { items: imports, next_cursor: next } = Page::of(imports, limit, |import| import.id.clone());
    let held = imports.first().filter(|last| is_first && last.problem().is_some()).cloned();
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let headings = problem.as_ref().map(words::headings).unwrap_or_default();
    let errors = problem.map(|problem| words::errors(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, Form { f: &f, typed, errors, headings, held, imports, next }.render())
}

/// `POST /console/records/import`: imports the file, if the form came from one of our pages.
pub async fn create(
    service: Data<Service>,
    session: Session,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let token = session.token();
    service.read(move |tx| desk::importer(tx, token.as_ref())).await?;
    if !is_same_site(&service, &request) {
        return Err(stale());
    }
    let mut typed = Typed::default();
    let begun = match spool(&service, &request, body.into_inner(), MOST_BYTES).await {
        Ok(body) => begin(&service, &session, &request, body, &mut typed).await,
        Err(problem) => Err(problem),
    };
    match begun {
        Ok(import) => Ok(on(&format!("/console/records/imports/{}", import.id))),
        Err(problem) if is_about_the_file(&problem) => {
            form(&service, &session, &PageQuery::default(), &typed, Some(problem)).await
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
    mut body: Spool,
    typed: &mut Typed,
) -> Result<Import, Problem> {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let mut file = scratch(service)?;
    let (upload, file) = service
        .read(move |_| {
            let upload = SpooledUpload::read(&mut body.file, &kind)
                .map_err(crate::domain::record_imports::Refusal::from)?;
            if let Some(upload) = &upload {
                upload
                    .copy_file(&mut body.file, &mut file)
                    .map_err(crate::domain::record_imports::Refusal::from)?;
            }
            Ok::<_, Refusal>((upload, file))
        })
        .await?;
    let upload = upload.ok_or_else(|| Problem::new(Code::MalformedRequest, "The form cannot be read."))?;
    if !sessions::is_form_token(&service, &session.secret, &upload.field("form_token")) {
        return Err(stale());
    }
    *typed = Typed::of(&upload);
    let Some(name) = &upload.file_name else { return Err(words::no_file()) };
    let asked = typed.query().asked(service, format_of(name))?;
    let mut survey = survey(service, Spool { file, digest: Vec::new() }, asked).await?;
    let token = session.token();
    Ok(service.write(move |tx| desk::import(tx, token.as_ref(), &mut survey)).await?)
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
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    let token = session.token();
    let (who, import) = service
        .read(move |tx| {
            let import = desk::find_import(tx, token.as_ref(), &id.0)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, import))
        })
        .await?;
    let f = session.frame(&service, who, Section::Records);
    let is_open = is_open(&import);
    let mut page = f.page(&service, One { f: &f, import }.render())?;
    if is_open {
        page.headers_mut().insert(REFRESH, AGAIN);
    }
    Ok(page)
}

/// `GET /console/records/imports/{id}/results.csv`: the result of each row.
pub async fn results(
    service: Data<Service>,
    session: Session,
    id: PathId<ImportId>,
) -> Result<HttpResponse, Problem> {
    results_file(&service, session.token(), id).await
}

/// `POST /console/records/imports/{id}/cancel`: stops a running import.
pub async fn cancel(
    service: Data<Service>,
    id: PathId<ImportId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let (token, wanted) = (sent.session.token(), id.0.clone());
    let cancelled = service.write(move |tx| desk::cancel(tx, token.as_ref(), &wanted)).await;
    match cancelled.map_err(Problem::from) {
        // An import that is already over is shown as it is.
        Ok(_) => Ok(on(&format!("/console/records/imports/{}", id.0))),
        Err(problem) if problem.code == Code::ImportOver => {
            Ok(on(&format!("/console/records/imports/{}", id.0)))
        }
        Err(problem) => Err(problem),
    }
}
