//! HTTP handlers of invite imports: CSV lists of people to invite.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::invites::Error;
use crate::domain::invites::import::{self, Import, ImportRow, ListError};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ImportId, LinkId, Timestamp};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Code, Page, PageQuery, PathId, Problem, RawBody, Reply, RequestContext};

/// Room for 5,000 rows of 200 bytes.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// An import of people to invite.
#[derive(Serialize, ToSchema)]
#[schema(as = InviteImport)]
pub(crate) struct ImportView {
    /// The id of the import.
    id: ImportId,
    /// The link through which the invited people connect.
    link_id: LinkId,
    /// How many rows the list has.
    #[schema(example = 120)]
    total: i32,
    /// How many rows were processed so far.
    #[schema(example = 120)]
    done: i64,
    /// How many of the processed rows became invites.
    #[schema(example = 118)]
    invited: i64,
    /// When the list was uploaded.
    created_at: Timestamp,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let Import { id, link_id, total, done, invited, created_at, .. } = import;
        Self { id, link_id, total, done, invited, created_at }
    }
}

/// One import of invites.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteImportAnswer {
    /// The import and its progress.
    import: ImportView,
}

/// Options of an invite import.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// The link for the invites; by default the practice's default link.
    #[param(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    link_id: Option<LinkId>,
}

/// A list that cannot be parsed at all.
impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        Self::wrong_field("", error.code(), &error.to_string())
    }
}

problems!(ImportInvitesProblems: keyed, Unauthorized, StaffForbidden, LinkPaused);

/// Import a list of up to 5,000 people to invite
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(ImportQuery),
    request_body(
        content = String,
        content_type = "text/csv",
        example = "name,mobile,email,language\r\nAlex Rivera,+14155552671,alex@example.com,en\r\n",
    ),
    responses(
        (
            status = 202,
            description = "The list was accepted. A background job processes its rows, and each row gets its \
                own result",
            body = InviteImportAnswer,
        ),
        ImportInvitesProblems,
    ),
)]
#[post("/v1/practice/invites/import")]
pub(crate) async fn import_invites(
    service: Data<Service>,
    call: RequestContext,
    query: Query<ImportQuery>,
    body: RawBody<MOST_BYTES>,
) -> Result<HttpResponse, Problem> {
    if body.media_type != "text/csv" {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send `content-type: text/csv`."));
    }
    let rows = import::parse(&body.bytes)?;
    let link_id = query.into_inner().link_id;
    let canonical = [link_id.as_ref().map_or("", LinkId::as_str).as_bytes(), b"\n", &body.bytes].concat();
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let import = import::create(tx, staff, link_id.as_ref(), &rows)?;
        Ok(Reply::accepted(&InviteImportAnswer { import: import.into() }))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::ReadPatients, rule).await
}

problems!(GetImportProblems: plain, Unauthorized, StaffForbidden, InviteNotFound);

/// Get the progress of an invite import
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ImportId>),
    responses(
        (status = 200, description = "The import and its progress", body = InviteImportAnswer),
        GetImportProblems,
    ),
)]
#[get("/v1/practice/invites/imports/{id}")]
pub(crate) async fn get_invite_import(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ImportId>,
) -> Result<Json<InviteImportAnswer>, Problem> {
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| import::find(tx, staff, &id.0);
    let import = service.read_as_staff(&call, Permission::ReadPatients, rule).await?;
    Ok(Json(InviteImportAnswer { import: import.into() }))
}

problems!(ImportRowsProblems: plain, Unauthorized, StaffForbidden, InviteNotFound, InvalidRequest);

/// List the results of an invite import, row by row
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ImportId>, PageQuery),
    responses(
        (status = 200, description = "Results in the order of the rows", body = Page<ImportRow>),
        ImportRowsProblems,
    ),
)]
#[get("/v1/practice/invites/imports/{id}/rows")]
pub(crate) async fn list_invite_import_rows(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ImportId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<ImportRow>>, Problem> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| import::rows(tx, staff, &id.0, after, limit + 1);
    let rows = service.read_as_staff(&call, Permission::ReadPatients, rule).await?;
    Ok(Json(Page::of(rows, limit, |row: &ImportRow| row.line.to_string())))
}
