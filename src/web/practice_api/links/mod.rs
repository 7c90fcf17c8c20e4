//! HTTP handlers of a practice's links and their funnel.

pub(crate) mod types;

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::Deserialize;
use types::{ChangeLink, CreateLink, LinkAnswer, LinkView};
use utoipa::IntoParams;

use super::csv_file;
use crate::domain::link_analytics::Report;
use crate::domain::links::{self, ManageError};
use crate::domain::staff::Permission;
use crate::kit::LinkId;
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::PlanRequired => {
                Self::new(Code::PlanRequired, "Additional links require the communicator plan.")
            }
            // Only imports choose a code, and those run from the command line.
            ManageError::CodeTaken => Self::new(Code::Internal, "Nothing was changed. Try again."),
            ManageError::NotFound => Self::new(Code::LinkNotFound, "Check the link's id."),
            ManageError::StateFixed(why) => Self::field(Code::LinkStateFixed, "/state", why),
            ManageError::ForwardImpossible => Self::wrong_field(
                "/forward_to",
                "forward_impossible",
                "A retired link can only forward to another active or paused link of the practice.",
            ),
            ManageError::Range(bad) => Self::wrong_field("/from", "invalid_range", &bad.to_string()),
            ManageError::Staff(error) => error.into(),
            ManageError::Db(error) => error.into(),
        }
    }
}

problems!(ListLinksProblems: plain, Unauthorized, InvalidRequest);

/// List the practice's links
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery),
    responses((status = 200, description = "Links, oldest first", body = Page<LinkView>), ListLinksProblems),
)]
#[get("/v1/practice/links")]
pub(crate) async fn list_links(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<LinkView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let links = service.read_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        links::list(tx, staff, &after, limit + 1)
    });
    let view = |link| LinkView::of(&service.settings.public_url, link);
    let items = links.await?.into_iter().map(view).collect();
    Ok(Json(Page::of(items, limit, |item: &LinkView| item.id.to_string())))
}

problems!(CreateLinkProblems: keyed, Unauthorized, StaffForbidden, PlanRequired);

/// Create a link for the practice
#[utoipa::path(
    tag = "practice", request_body = CreateLink, security(("staff_token" = [])),
    responses(
        (status = 201, description = "The link was created and is active", body = LinkAnswer),
        CreateLinkProblems,
    ),
)]
#[post("/v1/practice/links")]
pub(crate) async fn create_link(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateLink>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (new, people) = input.into_parts()?;
    let reply = service.idempotent_as_staff(
        &call,
        &canonical,
        Permission::ConfigurePractice,
        move |tx, staff| -> Result<_, ManageError> {
            let created = links::create(tx, staff, &new, &people)?;
            Ok(Reply::created(&LinkAnswer::of(&tx.settings.public_url, created)))
        },
    );
    reply.await
}

problems!(GetLinkProblems: plain, Unauthorized, LinkNotFound);

/// Get one of the practice's links
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>),
    responses((status = 200, description = "The link", body = LinkAnswer), GetLinkProblems),
)]
#[get("/v1/practice/links/{id}")]
pub(crate) async fn get_link(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<LinkId>,
) -> Result<Json<LinkAnswer>, Problem> {
    let found =
        service.read_as_staff(&call, Permission::ViewPractice, move |tx, staff| links::get(tx, staff, &id.0));
    Ok(Json(LinkAnswer::of(&service.settings.public_url, found.await?)))
}

problems!(ChangeLinkProblems: body, Unauthorized, StaffForbidden, LinkNotFound, LinkStateFixed);

/// Update a link's settings
#[utoipa::path(
    tag = "practice", request_body = ChangeLink, security(("staff_token" = [])), params(PathId<LinkId>),
    responses(
        (
            status = 200,
            description = "The link after the change. Existing conversations stay as they are",
            body = LinkAnswer,
        ),
        ChangeLinkProblems,
    ),
)]
#[patch("/v1/practice/links/{id}")]
pub(crate) async fn change_link(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<LinkId>,
    body: Body<ChangeLink>,
) -> Result<Json<LinkAnswer>, Problem> {
    let change = body.value.into_change()?;
    let changed = service.write_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        links::change(tx, staff, &id.0, &change)
    });
    Ok(Json(LinkAnswer::of(&service.settings.public_url, changed.await?)))
}

/// Days and channel of a funnel report.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FunnelQuery {
    /// The first day, in the practice's time zone; by default 30 days ending with `to`.
    #[param(example = "2026-10-24")]
    from: Option<String>,
    /// The last day, in the practice's time zone; by default today.
    #[param(example = "2026-11-22")]
    to: Option<String>,
    /// Only this channel, as in `?s=brochure` on the link's URL.
    #[param(example = "brochure")]
    channel: Option<String>,
}

impl FunnelQuery {
    fn days(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }
}

problems!(FunnelProblems: plain, Unauthorized, LinkNotFound, InvalidRequest);

/// Get the sign-up funnel of a link
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>, FunnelQuery),
    responses(
        (
            status = 200,
            description = "Steps from page view to pairing, by day; at most one minute old",
            body = Report,
        ),
        FunnelProblems,
    ),
)]
#[get("/v1/practice/links/{id}/funnel")]
pub(crate) async fn get_link_funnel(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<LinkId>,
    query: Query<FunnelQuery>,
) -> Result<Json<Report>, Problem> {
    let query = query.into_inner();
    let report = service.read_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        links::funnel(tx, staff, &id.0, query.days(), query.channel.as_deref())
    });
    Ok(Json(report.await?))
}

/// Export the sign-up funnel of a link as CSV
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>, FunnelQuery),
    responses(
        (
            status = 200,
            description = "CSV (RFC 4180) with one row per day and the totals, safe to share outside the \
                practice: `<5` replaces a count from 1 to 4, and `*` a total that would reveal one",
            content_type = "text/csv",
            body = String,
        ),
        FunnelProblems,
    ),
)]
#[get("/v1/practice/links/{id}/funnel.csv")]
pub(crate) async fn export_link_funnel(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<LinkId>,
    query: Query<FunnelQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let file = service.write_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        links::export_funnel(tx, staff, &id.0, query.days(), query.channel.as_deref())
    });
    Ok(csv_file("funnel", file.await?))
}
