//! Creating and editing a link: one form, which keeps what was entered when something is wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::layout::{Frame, Section, Sent, Session};
use super::on;
use super::viewer::{Roster, Who, roster, who};
use super::words::Errors;
use crate::domain::desk::{self, LinkDetails, Refusal};
use crate::domain::links::details::{self, Unwritable};
use crate::domain::links::{Change, NewLink, PRACTICE, People};
use crate::kit::ids::{LinkId, PracticeId, StaffId};
use crate::platform::tx::Service;
use crate::web::http::{Code, FieldError, Form, PathId, Problem};

/// The form's values as they were entered.
#[derive(Clone, Default)]
pub struct Typed {
    label: String,
    tags: String,
    owner: String,
    assignee: Option<StaffId>,
    members: Vec<StaffId>,
    notify: Vec<StaffId>,
    welcome: String,
    is_discreet: bool,
}

/// One option of a select or a list of checkboxes.
pub struct Choice {
    pub value: String,
    pub name: String,
    pub is_chosen: bool,
}

#[derive(Template)]
#[template(path = "web/console/pages/link_form.html")]
struct LinkForm<'a> {
    f: &'a Frame,
    /// `None` for a new link.
    id: Option<&'a LinkId>,
    typed: &'a Typed,
    errors: &'a Errors,
    owners: Vec<Choice>,
    assignees: Vec<Choice>,
    members: Vec<Choice>,
    notify: Vec<Choice>,
}

impl Typed {
    fn of_form(form: &Form) -> Self {
        let staff = |field| form.fields(field).into_iter().map(StaffId::from).collect();
        Self {
            label: form.field("label"),
            tags: form.field("tags"),
            owner: form.field("owner"),
            assignee: Some(form.field("assignee_id")).filter(|id| !id.is_empty()).map(StaffId::from),
            members: staff("members"),
            notify: staff("notify"),
            welcome: form.field("welcome"),
            is_discreet: form.field("discreet") == "on",
        }
    }

    fn of_link(LinkDetails { link, people }: LinkDetails) -> Self {
        Self {
            tags: link.tags().join(", "),
            label: link.label,
            owner: link.owner,
            assignee: link.assignee_id,
            members: people.members,
            notify: people.notify,
            welcome: link.welcome.unwrap_or_default(),
            is_discreet: link.discreet,
        }
    }

    /// The validated texts, or every field error at once.
    fn texts(&self) -> Result<(String, Vec<String>, Option<String>), Problem> {
        let written: Vec<String> =
            self.tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        let welcome = (!self.welcome.trim().is_empty()).then(|| details::welcome(&self.welcome));
        match (details::label(&self.label), details::tags(&written), welcome.transpose()) {
            (Ok(label), Ok(tags), Ok(welcome)) => Ok((label, tags, welcome)),
            (label, tags, welcome) => {
                let wrong = [label.err(), tags.err(), welcome.err()];
                Err(Problem::fields(wrong.into_iter().flatten().map(unwritable).collect()))
            }
        }
    }

    fn new_link(&self) -> Result<(NewLink, People), Problem> {
        let (label, tags, welcome) = self.texts()?;
        let owner = if self.owner.is_empty() { PRACTICE.to_owned() } else { self.owner.clone() };
        let (assignee_id, discreet) = (self.assignee.clone(), self.is_discreet);
        let plain = NewLink::plain(&PracticeId::from(""), &label);
        let new = NewLink { tags, welcome, owner, assignee_id, discreet, ..plain };
        Ok((new, People { members: self.members.clone(), notify: self.notify.clone() }))
    }

    /// The change from `now` to the entered values. People are included only if they changed: a member who
    /// has left the practice must not prevent correcting the link's name.
    fn change(&self, texts: (String, Vec<String>, Option<String>), now: &LinkDetails) -> Change {
        let (label, tags, welcome) = texts;
        let (link, people) = (&now.link, &now.people);
        Change {
            label: Some(label),
            tags: Some(tags),
            welcome: Some(welcome),
            owner: Some(self.owner.clone()).filter(|owner| *owner != link.owner),
            assignee_id: Some(self.assignee.clone()).filter(|id| *id != link.assignee_id),
            discreet: Some(self.is_discreet),
            members: Some(self.members.clone()).filter(|ids| !same(ids, &people.members)),
            notify: Some(self.notify.clone()).filter(|ids| !same(ids, &people.notify)),
            ..Change::default()
        }
    }
}

fn same(some: &[StaffId], others: &[StaffId]) -> bool {
    some.len() == others.len() && some.iter().all(|id| others.contains(id))
}

fn unwritable(why: Unwritable) -> FieldError {
    let pointer = match why {
        Unwritable::Label => "/label",
        Unwritable::Tags => "/tags",
        Unwritable::Welcome => "/welcome",
    };
    FieldError { pointer: pointer.to_owned(), code: "length".to_owned(), detail: why.to_string() }
}

/// `GET /console/links/new`: the form for a new link.
pub async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let typed = Typed { owner: PRACTICE.to_owned(), ..Typed::default() };
    form(&service, &session, None, &typed, None).await
}

/// `POST /console/links`: creates a link.
pub async fn create(
    service: Data<Service>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let (typed, token) = (Typed::of_form(&sent), session.token());
    let made = match typed.new_link() {
        Ok((new, people)) => service
            .write(move |tx| desk::create_link(tx, token.as_ref(), new, &people))
            .await
            .map_err(Problem::from),
        Err(wrong) => Err(wrong),
    };
    match made {
        Ok(made) => Ok(on(&format!("/console/links/{}?done=created", made.link.id))),
        Err(problem) => form(&service, &session, None, &typed, Some(problem)).await,
    }
}

/// `GET /console/links/{id}/edit`: the form of an existing link.
pub async fn edit(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    let (token, wanted) = (session.token(), id.0.clone());
    let found = service.read(move |tx| desk::link(tx, token.as_ref(), &wanted)).await?;
    form(&service, &session, Some(&id.0), &Typed::of_link(found), None).await
}

/// `POST /console/links/{id}`: changes a link.
pub async fn change(
    service: Data<Service>,
    id: PathId<LinkId>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let typed = Typed::of_form(&sent);
    match write(&service, &session, &id, &typed).await {
        Ok(()) => Ok(on(&format!("/console/links/{}?done=saved", id.0))),
        Err(problem) => form(&service, &session, Some(&id.0), &typed, Some(problem)).await,
    }
}

async fn write(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
    typed: &Typed,
) -> Result<(), Problem> {
    let (token, id, typed) = (session.token(), id.0.clone(), typed.clone());
    let texts = typed.texts()?;
    service
        .write(move |tx| -> Result<_, Refusal> {
            let now = desk::link(tx, token.as_ref(), &id)?;
            desk::change_link(tx, token.as_ref(), &id, &typed.change(texts, &now)).map(drop)
        })
        .await?;
    Ok(())
}

/// The form with errors beside its fields; errors that the form cannot fix get an error page.
async fn form(
    service: &Data<Service>,
    session: &Session,
    id: Option<&LinkId>,
    typed: &Typed,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    if let Some(problem) = problem.as_ref().filter(|problem| !is_mendable(problem)) {
        return Err(problem.clone());
    }
    let (who, roster) = offered(service, session).await?;
    let f = session.frame(service, who, Section::Links);
    if !f.configures() {
        return Err(Problem::new(Code::StaffForbidden, "Ask an admin of your practice."));
    }
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let page = LinkForm {
        f: &f,
        id,
        typed,
        errors: &errors,
        owners: owners(&f, &roster, &typed.owner),
        assignees: assignees(&f, &roster, typed.assignee.as_ref()),
        members: people(&roster, &typed.members),
        notify: people(&roster, &typed.notify),
    };
    f.page_with(service, status, page.render())
}

fn is_mendable(problem: &Problem) -> bool {
    matches!(problem.code, Code::InvalidRequest | Code::PlanRequired | Code::LinkStateFixed)
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

fn owners(f: &Frame, roster: &Roster, chosen: &str) -> Vec<Choice> {
    let whole = (PRACTICE.to_owned(), f.say("The whole practice", "Todo el consultorio").to_owned());
    let teams = roster.teams.iter().map(|team| {
        let kind = f.say("team", "equipo");
        (team.id.to_string(), format!("{} ({kind})", team.name))
    });
    let people = roster.who_meet_patients().map(|person| (person.id.to_string(), person.name.clone()));
    choices(f, [whole].into_iter().chain(teams).chain(people), chosen)
}

fn assignees(f: &Frame, roster: &Roster, chosen: Option<&StaffId>) -> Vec<Choice> {
    let nobody = (String::new(), f.say("Unassigned", "Sin asignar").to_owned());
    let people = roster.who_meet_patients().map(|person| (person.id.to_string(), person.name.clone()));
    choices(f, [nobody].into_iter().chain(people), chosen.map_or("", StaffId::as_str))
}

/// A chosen person who has left the practice stays visible as an option.
fn choices(f: &Frame, offered: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> =
        offered.map(|(value, name)| Choice { is_chosen: value == chosen, value, name }).collect();
    if !all.iter().any(|choice| choice.is_chosen) {
        let name =
            f.say("Someone who left the practice", "Alguien que ya no está en el consultorio").to_owned();
        all.push(Choice { value: chosen.to_owned(), name, is_chosen: true });
    }
    all
}

fn people(roster: &Roster, chosen: &[StaffId]) -> Vec<Choice> {
    let choice = |person: &crate::domain::staff::Member| Choice {
        is_chosen: chosen.contains(&person.id),
        value: person.id.to_string(),
        name: person.name.clone(),
    };
    roster.who_meet_patients().map(choice).collect()
}
