//! Teams: groups of staff that own links together.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::{bad_field, forbidden, verdict};
use crate::domain::practices;
use crate::domain::staff::{self, Error, Permission, teams};
use crate::kit::{StaffId, TeamId};
use crate::platform::Service;
use crate::web::console::errors::Errors;
use crate::web::console::layout::{Frame, Section, Session, SessionForm};
use crate::web::console::link_form::Choice;
use crate::web::console::on;
use crate::web::console::viewer::{Roster, Viewer};
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
struct FormInput {
    name: String,
    members: Vec<StaffId>,
}

impl FormInput {
    fn of_form(form: &Form) -> Self {
        let members = form.fields("members").into_iter().map(StaffId::from).collect();
        Self { name: form.field("name"), members }
    }

    fn name(&self) -> Result<String, Problem> {
        practices::line("/name", &self.name).map_err(|bad| Problem::fields(vec![bad_field(bad)]))
    }
}

/// `GET /console/settings/teams`: all teams and their members.
pub(super) async fn list(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let found = service.read_as_staff(&session, Permission::ViewPractice, |tx, staff| -> Result<_, Error> {
        let teams = teams::list(tx, staff)?;
        let ids: Vec<StaffId> = teams.iter().flat_map(|team| team.members.clone()).collect();
        let names: BTreeMap<StaffId, String> = staff::names(tx, &ids)?.into_iter().collect();
        Ok((Viewer::of(tx, staff)?, teams, names))
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
pub(super) async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, None, &FormInput::default(), None).await
}

/// `GET /console/settings/teams/{id}`: the form of an existing team.
pub(super) async fn edit(
    service: Data<Service>,
    session: Session,
    id: PathId<TeamId>,
) -> Result<HttpResponse, Problem> {
    let wanted = id.0.clone();
    let team = service.read_as_staff(&session, Permission::ConfigurePractice, move |tx, staff| {
        teams::find(tx, staff, &wanted)
    });
    let team = team.await?;
    let input = FormInput { name: team.team.name, members: team.members };
    form(&service, &session, Some(&id.0), &input, None).await
}

/// `POST /console/settings/teams`: creates a team.
pub(super) async fn create(
    service: Data<Service>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let input = FormInput::of_form(&sent);
    let members = input.members.clone();
    let created = match input.name() {
        Ok(name) => {
            let created =
                service.write_as_staff(&session, Permission::ConfigurePractice, move |tx, staff| {
                    teams::create(tx, staff, &name, &members)
                });
            created.await
        }
        Err(wrong) => Err(wrong),
    };
    match created {
        Ok(_) => Ok(on(&format!("{TEAMS}?done=team"))),
        Err(problem) => form(&service, &session, None, &input, Some(problem)).await,
    }
}

/// `POST /console/settings/teams/{id}`: changes a team.
pub(super) async fn change(
    service: Data<Service>,
    id: PathId<TeamId>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let (input, wanted) = (FormInput::of_form(&sent), id.0.clone());
    let members = input.members.clone();
    let changed = match input.name() {
        Ok(name) => {
            let changed =
                service.write_as_staff(&session, Permission::ConfigurePractice, move |tx, staff| {
                    teams::change(tx, staff, &wanted, Some(&name), Some(&members))
                });
            changed.await
        }
        Err(wrong) => Err(wrong),
    };
    match changed {
        Ok(_) => Ok(on(&format!("{TEAMS}?done=team"))),
        Err(problem) => form(&service, &session, Some(&id.0), &input, Some(problem)).await,
    }
}

/// The form with errors beside its fields; errors that the form cannot fix get an error page.
async fn form(
    service: &Data<Service>,
    session: &Session,
    id: Option<&TeamId>,
    input: &FormInput,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let is_mendable = |problem: &&Problem| !matches!(problem.code, Code::InvalidRequest | Code::TeamExists);
    if let Some(problem) = problem.as_ref().filter(is_mendable) {
        return Err(problem.clone());
    }
    let (who, roster) = offered(service, session).await?;
    let f = session.frame(service, who, Section::Settings);
    if !f.may_configure() {
        return Err(forbidden());
    }
    let choice = |person: &staff::Member| Choice {
        is_chosen: input.members.contains(&person.id),
        value: person.id.to_string(),
        name: person.name.clone(),
    };
    let members = roster.with_patient_access().map(choice).collect();
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, TeamForm { f: &f, id, name: &input.name, members, errors }.render())
}

async fn offered(service: &Data<Service>, session: &Session) -> Result<(Viewer, Roster), Problem> {
    let offered = service.read_as_staff(session, Permission::ViewPractice, |tx, staff| -> Result<_, Error> {
        Ok((Viewer::of(tx, staff)?, Roster::of(tx, &staff.practice_id)?))
    });
    offered.await
}
