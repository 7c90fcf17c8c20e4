//! Creating and editing a link: one form, which keeps what was entered when something is wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::errors::Errors;
use super::layout::{Frame, Section, Session, SessionForm};
use super::on;
use super::viewer::{Roster, Viewer};
use crate::domain::links::details::{self, InvalidText};
use crate::domain::links::{self, Change, LinkDetails, ManageError, NewLink, Owner, People};
use crate::domain::staff::{self, Permission, Staff};
use crate::kit::{LinkId, StaffId};
use crate::platform::{Service, Tx};
use crate::web::http::{Code, FieldError, Form, PathId, Problem};

/// The form's values as they were entered.
#[derive(Clone)]
struct FormValues {
    label: String,
    tags: String,
    owner: Owner,
    assignee: Option<StaffId>,
    members: Vec<StaffId>,
    notify: Vec<StaffId>,
    welcome: String,
    is_discreet: bool,
}

/// One option of a select or a list of checkboxes.
pub(super) struct Choice {
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
    values: &'a FormValues,
    errors: &'a Errors,
    owners: Vec<Choice>,
    assignees: Vec<Choice>,
    members: Vec<Choice>,
    notify: Vec<Choice>,
}

impl FormValues {
    fn of_form(form: &Form) -> Self {
        let staff = |field| form.fields(field).into_iter().map(StaffId::from).collect();
        Self {
            label: form.field("label"),
            tags: form.field("tags"),
            owner: Owner::from(form.field("owner").as_str()),
            assignee: Some(form.field("assignee_id")).filter(|id| !id.is_empty()).map(StaffId::from),
            members: staff("members"),
            notify: staff("notify"),
            welcome: form.field("welcome"),
            is_discreet: form.field("discreet") == "on",
        }
    }

    fn of_new_link() -> Self {
        Self {
            label: String::new(),
            tags: String::new(),
            owner: Owner::Practice,
            assignee: None,
            members: Vec::new(),
            notify: Vec::new(),
            welcome: String::new(),
            is_discreet: false,
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
                Err(Problem::fields(wrong.into_iter().flatten().map(invalid_text).collect()))
            }
        }
    }

    fn new_link(&self) -> Result<(NewLink, People), Problem> {
        let (label, tags, welcome) = self.texts()?;
        let owner = if self.owner.as_str().is_empty() { Owner::Practice } else { self.owner.clone() };
        let (assignee_id, discreet) = (self.assignee.clone(), self.is_discreet);
        let new = NewLink { tags, welcome, owner, assignee_id, discreet, ..NewLink::plain(&label) };
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

fn invalid_text(why: InvalidText) -> FieldError {
    let pointer = match why {
        InvalidText::Label => "/label",
        InvalidText::Tags => "/tags",
        InvalidText::Welcome => "/welcome",
    };
    FieldError { pointer: pointer.to_owned(), code: "length".to_owned(), detail: why.to_string() }
}

/// `GET /console/links/new`: the form for a new link.
pub(super) async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, None, &FormValues::of_new_link(), None).await
}

/// `POST /console/links`: creates a link.
pub(super) async fn create(
    service: Data<Service>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let values = FormValues::of_form(&sent);
    let created = match values.new_link() {
        Ok((new, people)) => {
            let create = move |tx: &mut Tx<'_>, staff: &Staff| links::create(tx, staff, &new, &people);
            service.write_as_staff(&session, Permission::ConfigurePractice, create).await
        }
        Err(wrong) => Err(wrong),
    };
    match created {
        Ok(created) => Ok(on(&format!("/console/links/{}?done=created", created.link.id))),
        Err(problem) => form(&service, &session, None, &values, Some(problem)).await,
    }
}

/// `GET /console/links/{id}/edit`: the form of an existing link.
pub(super) async fn edit(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    let wanted = id.0.clone();
    let found = service
        .read_as_staff(&session, Permission::ViewPractice, move |tx, staff| links::get(tx, staff, &wanted));
    form(&service, &session, Some(&id.0), &FormValues::of_link(found.await?), None).await
}

/// `POST /console/links/{id}`: changes a link.
pub(super) async fn change(
    service: Data<Service>,
    id: PathId<LinkId>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let values = FormValues::of_form(&sent);
    match write(&service, &session, &id, &values).await {
        Ok(()) => Ok(on(&format!("/console/links/{}?done=saved", id.0))),
        Err(problem) => form(&service, &session, Some(&id.0), &values, Some(problem)).await,
    }
}

async fn write(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
    values: &FormValues,
) -> Result<(), Problem> {
    let (id, values, texts) = (id.0.clone(), values.clone(), values.texts()?);
    service
        .write_as_staff(session, Permission::ViewPractice, move |tx, staff| -> Result<_, ManageError> {
            let now = links::get(tx, staff, &id)?;
            links::change(tx, staff, &id, &values.change(texts, &now)).map(drop)
        })
        .await
}

/// The form with errors beside its fields; errors that the form cannot fix get an error page.
async fn form(
    service: &Data<Service>,
    session: &Session,
    id: Option<&LinkId>,
    values: &FormValues,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    if let Some(problem) = problem.as_ref().filter(|problem| !is_mendable(problem)) {
        return Err(problem.clone());
    }
    let (who, roster) = load_roster(service, session).await?;
    let f = session.frame(service, who, Section::Links);
    if !f.may_configure() {
        return Err(Problem::new(Code::StaffForbidden, "Ask an admin of your practice."));
    }
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let page = LinkForm {
        f: &f,
        id,
        values,
        errors: &errors,
        owners: owners(&f, &roster, &values.owner),
        assignees: assignees(&f, &roster, values.assignee.as_ref()),
        members: people(&roster, &values.members),
        notify: people(&roster, &values.notify),
    };
    f.page_with(service, status, page.render())
}

fn is_mendable(problem: &Problem) -> bool {
    matches!(problem.code, Code::InvalidRequest | Code::PlanRequired | Code::LinkStateFixed)
}

async fn load_roster(service: &Data<Service>, session: &Session) -> Result<(Viewer, Roster), Problem> {
    service
        .read_as_staff(session, Permission::ViewPractice, |tx, staff| -> Result<_, staff::Error> {
            Ok((Viewer::of(tx, staff)?, Roster::of(tx, &staff.practice_id)?))
        })
        .await
}

fn owners(f: &Frame, roster: &Roster, chosen: &Owner) -> Vec<Choice> {
    let whole = (Owner::Practice.to_string(), f.text("links-the-whole-practice").to_owned());
    let teams = roster.teams.iter().map(|team| {
        let kind = f.text("links-team");
        (team.id.to_string(), format!("{} ({kind})", team.name))
    });
    let people = roster.with_patient_access().map(|person| (person.id.to_string(), person.name.clone()));
    choices(f, [whole].into_iter().chain(teams).chain(people), chosen.as_str())
}

fn assignees(f: &Frame, roster: &Roster, chosen: Option<&StaffId>) -> Vec<Choice> {
    let unassigned = (String::new(), f.text("console-unassigned").to_owned());
    let people = roster.with_patient_access().map(|person| (person.id.to_string(), person.name.clone()));
    choices(f, [unassigned].into_iter().chain(people), chosen.map_or("", StaffId::as_str))
}

/// A chosen person who has left the practice stays visible as an option.
fn choices(f: &Frame, offered: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> =
        offered.map(|(value, name)| Choice { is_chosen: value == chosen, value, name }).collect();
    if !all.iter().any(|choice| choice.is_chosen) {
        let name = f.text("links-someone-who-left-the-practice").to_owned();
        all.push(Choice { value: chosen.to_owned(), name, is_chosen: true });
    }
    all
}

fn people(roster: &Roster, chosen: &[StaffId]) -> Vec<Choice> {
    let choice = |person: &staff::Member| Choice {
        is_chosen: chosen.contains(&person.id),
        value: person.id.to_string(),
        name: person.name.clone(),
    };
    roster.with_patient_access().map(choice).collect()
}
