//! HTTP handlers for teams.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::staff::Permission;
use crate::domain::staff::teams::{self, TeamDetails};
use crate::kit::{StaffId, TeamId};
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::is_name;
use crate::web::http::{Body, PathId, Problem, Reply, RequestContext};

/// A team of staff members who own links together.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub(crate) struct TeamView {
    /// The id of the team.
    id: TeamId,
    /// The name of the team.
    #[schema(example = "Hygienists")]
    name: String,
    /// Ids of the team's members.
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Vec<StaffId>,
}

impl From<TeamDetails> for TeamView {
    fn from(details: TeamDetails) -> Self {
        Self { id: details.team.id, name: details.team.name, members: details.members }
    }
}

/// Response with one team.
#[derive(Serialize, ToSchema)]
pub(crate) struct TeamAnswer {
    /// The requested, created or changed team.
    team: TeamView,
}

/// All teams of the practice.
#[derive(Serialize, ToSchema)]
pub(crate) struct Teams {
    /// The teams, sorted by name.
    items: Vec<TeamView>,
}

/// A new team to create.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateTeam {
    /// The name, 1 to 100 characters, unique within the practice.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Hygienists")]
    name: String,
    /// Ids of the team's members, up to 200.
    #[serde(default)]
    #[validate(custom(function = "are_members"))]
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Vec<StaffId>,
}

/// Changes to a team; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeTeam {
    /// The new name of the team.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Hygienists")]
    name: Option<String>,
    /// Ids of all members; replaces the current list.
    #[validate(custom(function = "are_members"))]
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Option<Vec<StaffId>>,
}

fn are_members(members: &[StaffId]) -> Result<(), ValidationError> {
    match members.len() <= 200 {
        true => Ok(()),
        false => Err(ValidationError::new("length").with_message("A team has up to 200 members.".into())),
    }
}

problems!(ListTeamsProblems: plain, Unauthorized);

/// List the practice's teams
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    responses((status = 200, description = "All teams of the practice", body = Teams), ListTeamsProblems),
)]
#[get("/v1/practice/teams")]
pub(crate) async fn list_teams(service: Data<Service>, call: RequestContext) -> Result<Json<Teams>, Problem> {
    let found = service.read_as_staff(&call, Permission::ViewPractice, teams::list).await?;
    Ok(Json(Teams { items: found.into_iter().map(TeamView::from).collect() }))
}

problems!(CreateTeamProblems: keyed, Unauthorized, StaffForbidden, TeamExists);

/// Create a team of staff members
#[utoipa::path(
    tag = "practice", request_body = CreateTeam, security(("staff_token" = [])),
    responses((status = 201, description = "The new team", body = TeamAnswer), CreateTeamProblems),
)]
#[post("/v1/practice/teams")]
pub(crate) async fn create_team(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateTeam>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let permission = Permission::ConfigurePractice;
    let created = service.idempotent_as_staff(&call, &canonical, permission, move |tx, staff| {
        let team = teams::create(tx, staff, input.name.trim(), &input.members);
        team.map(|team| Reply::created(&TeamAnswer { team: team.into() }))
    });
    created.await
}

problems!(ChangeTeamProblems: body, Unauthorized, StaffForbidden, TeamNotFound, TeamExists);

/// Change a team's name or members
///
/// New members see everything that came in through the team's links; removed members no longer do.
#[utoipa::path(
    tag = "practice", request_body = ChangeTeam, security(("staff_token" = [])), params(PathId<TeamId>),
    responses((status = 200, description = "The changed team", body = TeamAnswer), ChangeTeamProblems),
)]
#[patch("/v1/practice/teams/{id}")]
pub(crate) async fn change_team(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<TeamId>,
    body: Body<ChangeTeam>,
) -> Result<Json<TeamAnswer>, Problem> {
    let input = body.value;
    let name = input.name.map(|name| name.trim().to_owned());
    let changed = service.write_as_staff(&call, Permission::ConfigurePractice, move |tx, staff| {
        teams::change(tx, staff, &id.0, name.as_deref(), input.members.as_deref())
    });
    Ok(Json(TeamAnswer { team: changed.await?.into() }))
}
