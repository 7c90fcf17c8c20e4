//! The doors of teams.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::is_name;
use crate::app::App;
use crate::http::{Answer, Body, Call, Id, Problem, once};
use crate::refusals;
use crate::staff::Refusal;
use crate::staff::people::{self, TeamDetails};

/// Who owns links together.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub struct TeamView {
    /// Its id.
    #[schema(example = "tem_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// Its name.
    #[schema(example = "Hygienists")]
    name: String,
    /// The ids of its members.
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Vec<String>,
}

impl From<TeamDetails> for TeamView {
    fn from(details: TeamDetails) -> Self {
        Self { id: details.team.id, name: details.team.name, members: details.members }
    }
}

/// One team.
#[derive(Serialize, ToSchema)]
pub struct TeamAnswer {
    /// The team.
    team: TeamView,
}

/// The practice's teams.
#[derive(Serialize, ToSchema)]
pub struct Teams {
    /// By name.
    items: Vec<TeamView>,
}

/// A new team.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateTeam {
    /// Its name, 1 to 100 characters; the practice's other teams have other ones.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Hygienists")]
    name: String,
    /// The ids of its members, up to 200.
    #[serde(default)]
    #[validate(custom(function = "are_members"))]
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Vec<String>,
}

/// A change of a team; what is left out stays.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeTeam {
    /// Its name.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Hygienists")]
    name: Option<String>,
    /// Its members, all of them anew.
    #[validate(custom(function = "are_members"))]
    #[schema(example = json!(["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    members: Option<Vec<String>>,
}

fn are_members(members: &[String]) -> Result<(), ValidationError> {
    match members.len() <= 200 {
        true => Ok(()),
        false => Err(ValidationError::new("length").with_message("A team has up to 200 members.".into())),
    }
}

refusals!(ListTeamsRefusals: plain, Unauthorized);

/// Lists the practice's teams
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 200, description = "All of them", body = Teams), ListTeamsRefusals))]
#[get("/v1/practice/teams")]
pub async fn list_teams(app: Data<App>, call: Call) -> Result<Json<Teams>, Problem> {
    let found = app.read(move |ctx, conn| people::teams(ctx, conn, call.bearer.as_ref())).await?;
    Ok(Json(Teams { items: found.into_iter().map(TeamView::from).collect() }))
}

refusals!(CreateTeamRefusals: keyed, Unauthorized, StaffForbidden, TeamExists);

/// Makes a team
#[utoipa::path(tag = "practice", request_body = CreateTeam, security(("staff_token" = [])), responses((status = 201, description = "The team", body = TeamAnswer), CreateTeamRefusals))]
#[post("/v1/practice/teams")]
pub async fn create_team(
    app: Data<App>,
    call: Call,
    body: Body<CreateTeam>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&app, &call, &canonical, move |ctx, conn| {
        let name = input.name.trim();
        let made = people::make_team(ctx, conn, bearer.as_ref(), name, &input.members)?;
        Ok::<_, Refusal>(Answer::created(&TeamAnswer { team: made.into() }))
    })
    .await
}

refusals!(ChangeTeamRefusals: body, Unauthorized, StaffForbidden, TeamNotFound, TeamExists);

/// Changes a team; what its links bring is seen by whoever is in it from then on
#[utoipa::path(tag = "practice", request_body = ChangeTeam, security(("staff_token" = [])), params(("id" = String, Path, description = "The team", example = "tem_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "As changed", body = TeamAnswer), ChangeTeamRefusals))]
#[patch("/v1/practice/teams/{id}")]
pub async fn change_team(
    app: Data<App>,
    call: Call,
    id: Id,
    body: Body<ChangeTeam>,
) -> Result<Json<TeamAnswer>, Problem> {
    let input = body.value;
    let name = input.name.map(|name| name.trim().to_owned());
    let changed = app.write(move |ctx, conn| {
        let bearer = call.bearer.as_ref();
        people::change_team(ctx, conn, bearer, &id.0, name.as_deref(), input.members.as_deref())
    });
    Ok(Json(TeamAnswer { team: changed.await?.into() }))
}
