//! Teams: groups of staff that own links together.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::{bad_field, forbidden, verdict};
use crate::domain::desk::Refusal;
use crate::domain::practices;
use crate::domain::staff::{self, people};
use crate::kit::ids::{StaffId, TeamId};
use crate::platform::tx::Service;
use crate::web::console::layout::{Frame, Section, Sent, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::on;
use crate::web::console::viewer::{Roster, Who, roster, who};
use crate::web::console::words::Errors;
use crate::web::http::{Code, Form, PathId, Problem};

const TEAMS: &str = "/console/settings/teams";

/// A team in the list.
struct Row {
    id: TeamId,
    name: String,
    members: Vec<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/teams.html")]
struct Teams<'a> {
    f: &'a Frame,
    teams: Vec<Row>,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/team_form.html")]
struct TeamForm<'a> {
    f: &'a Frame,
    id: Option<&'a TeamId>,
    name: &'a str,
    members: Vec<Choice>,
    errors: Errors,
}

/// The form's values as they were entered.
#[derive(Clone, Default)]
struct Typed {
    name: String,
    members: Vec<StaffId>,
}

impl Typed {
    fn of_form(form: &Form) -> Self {
        let members = form.fields("members").into_iter().map(StaffId::from).collect();
        Self { name: form.field("name"), members }
    }

    fn name(&self) -> Result<String, Problem> {
        practices::line("/name", &self.name).map_err(|bad| Problem::fields(vec![bad_field(bad)]))
    }
}

/// `GET /console/settings/teams`: all teams and their members.
pub async fn list(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let token = session.token();
    let found = service.read(move |tx| -> Result<_, Refusal> {
        let teams = people::teams(tx, token.as_ref())?;
        let ids: Vec<StaffId> = teams.iter().flat_map(|team| team.members.clone()).collect();
        let names: BTreeMap<StaffId, String> = staff::names(tx, &ids)?.into_iter().collect();
        Ok((who(tx, token.as_ref())?, teams, names))
    });
    let (who, teams, names) = found.await?;
    let f = session.frame(&service, who, Section::Settings);
    let teams = teams.into_iter().map(|details| Row {
        members: details.members.iter().filter_map(|id| names.get(id).cloned()).collect(),
        id: details.team.id,
        name: details.team.name,
    });
    f.page(&service, Teams { f: &f, teams: teams.collect() }.render())
}

/// `GET /console/settings/teams/new`: the form for a new team.
pub async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, None, &Typed::default(), None).await
}

/// `GET /console/settings/teams/{id}`: the form of an existing team.
pub async fn edit(
    service: Data<Service>,
    session: Session,
    id: PathId<TeamId>,
) -> Result<HttpResponse, Problem> {
    let (token, wanted) = (session.token(), id.0.clone());
    let team = service.read(move |tx| people::team(tx, token.as_ref(), &wanted)).await?;
    let typed = Typed { name: team.team.name, members: team.members };
    form(&service, &session, Some(&id.0), &typed, None).await
}

/// `POST /console/settings/teams`: creates a team.
pub async fn create(
    service: Data<Service>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let (typed, token) = (Typed::of_form(&sent), session.token());
    let (name, members) = (typed.name(), typed.members.clone());
    let made = match name {
        Ok(name) => service
            .write(move |tx| people::make_team(tx, token.as_ref(), &name, &members))
            .await
            .map_err(Problem::from),
        Err(wrong) => Err(wrong),
    };
    match made {
        Ok(_) => Ok(on(&format!("{TEAMS}?done=team"))),
        Err(problem) => form(&service, &session, None, &typed, Some(problem)).await,
    }
}

/// `POST /console/settings/teams/{id}`: changes a team.
pub async fn change(
    service: Data<Service>,
    id: PathId<TeamId>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let (typed, token, wanted) = (Typed::of_form(&sent), session.token(), id.0.clone());
    let (name, members) = (typed.name(), typed.members.clone());
    let changed = match name {
        Ok(name) => service
            .write(move |tx| people::change_team(tx, token.as_ref(), &wanted, Some(&name), Some(&members)))
            .await
            .map_err(Problem::from),
        Err(wrong) => Err(wrong),
    };
    match changed {
        Ok(_) => Ok(on(&format!("{TEAMS}?done=team"))),
        Err(problem) => form(&service, &session, Some(&id.0), &typed, Some(problem)).await,
    }
}

/// The form with errors beside its fields; errors that the form cannot fix get an error page.
async fn form(
    service: &Data<Service>,
    session: &Session,
    id: Option<&TeamId>,
    typed: &Typed,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let is_mendable = |problem: &&Problem| !matches!(problem.code, Code::InvalidRequest | Code::TeamExists);
    if let Some(problem) = problem.as_ref().filter(is_mendable) {
        return Err(problem.clone());
    }
    let (who, roster) = offered(service, session).await?;
    let f = session.frame(service, who, Section::Settings);
    if !f.configures() {
        return Err(forbidden());
    }
    let choice = |person: &staff::Member| Choice {
        is_chosen: typed.members.contains(&person.id),
        value: person.id.to_string(),
        name: person.name.clone(),
    };
    let members = roster.who_meet_patients().map(choice).collect();
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, TeamForm { f: &f, id, name: &typed.name, members, errors }.render())
}

async fn offered(service: &Data<Service>, session: &Session) -> Result<(Who, Roster), Problem> {
    let token = session.token();
    let offered = service.read(move |tx| -> Result<_, Refusal> {
        let who = who(tx, token.as_ref())?;
        let roster = roster(tx, &who)?;
        Ok((who, roster))
    });
    Ok(offered.await?)
}
