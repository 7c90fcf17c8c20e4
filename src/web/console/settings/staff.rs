//! Staff: list, invite, change, disable, and reset the authenticator.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;

use super::{bad_field, forbidden, labels, verdict};
use crate::domain::practices;
use crate::domain::staff::{
    Access, Error, Member, MemberChange, NewMember, Permission, Role, Staff, State, people,
};
use crate::kit::{Email, StaffId, Timestamp};
use crate::platform::{Service, Tx};
use crate::web::console::errors::Errors;
use crate::web::console::inbox::frame;
use crate::web::console::layout::{Frame, Section, Session, SessionForm};
use crate::web::console::on;
use crate::web::console::viewer::Viewer;
use crate::web::http::{Code, FieldError, Page, PageQuery, PathId, Problem};

const STAFF: &str = "/console/settings/staff";

struct Person {
    id: StaffId,
    name: String,
    email: String,
    role: Role,
    role_word: &'static str,
    state: State,
    state_word: &'static str,
    has_totp: bool,
    is_self: bool,
    created_at: Timestamp,
}

impl Person {
    fn of(f: &Frame, member: Member) -> Self {
        let (role, state) = (member.role, member.state());
        Self {
            role,
            role_word: labels::role(f.language, role),
            state,
            state_word: labels::staff_state(f.language, state),
            has_totp: member.enrolled_at.is_some(),
            is_self: member.id == f.who.staff_id,
            created_at: member.created_at,
            id: member.id,
            name: member.name,
            email: member.email,
        }
    }

    fn is_support(&self) -> bool {
        self.role == Role::Support
    }

    fn is_active(&self) -> bool {
        self.state == State::Active
    }

    fn is_invited(&self) -> bool {
        self.state == State::Invited
    }

    fn is_disabled(&self) -> bool {
        self.state == State::Disabled
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/staff.html")]
struct StaffPage<'a> {
    f: &'a Frame,
    people: Vec<Person>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/staff_invite.html")]
struct Invite<'a> {
    f: &'a Frame,
    input: &'a FormInput,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/staff_member.html")]
struct One<'a> {
    f: &'a Frame,
    person: Person,
    input: FormInput,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/staff_confirm.html")]
struct Confirm<'a> {
    f: &'a Frame,
    person: Person,
    is_reset: bool,
    errors: Errors,
}

/// The forms' values as they were entered.
#[derive(Default)]
struct FormInput {
    email: String,
    name: String,
    is_admin: bool,
}

impl FormInput {
    fn of_form(sent: &SessionForm) -> Self {
        let field = |name: &str| sent.form.field(name);
        Self { email: field("email"), name: field("name"), is_admin: field("role") == "admin" }
    }

    fn role(&self) -> Role {
        if self.is_admin { Role::Admin } else { Role::Member }
    }

    fn name(&self) -> Result<String, FieldError> {
        practices::line("/name", &self.name).map_err(bad_field)
    }

    fn email(&self) -> Result<Email, FieldError> {
        Email::parse(self.email.trim()).ok_or_else(|| FieldError {
            pointer: "/email".to_owned(),
            code: "email".to_owned(),
            detail: "Enter a valid e-mail address.".to_owned(),
        })
    }

    fn new_member(&self) -> Result<NewMember, Problem> {
        match (self.name(), self.email()) {
            (Ok(name), Ok(email)) => Ok(NewMember { email, name, role: self.role() }),
            (name, email) => Err(Problem::fields([name.err(), email.err()].into_iter().flatten().collect())),
        }
    }
}

/// `GET /console/settings/staff`: everyone at the practice.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let permission = Permission::ViewPractice;
    let found = service.read_as_staff(&session, permission, move |tx, staff| -> Result<_, Error> {
        let found = people::list(tx, staff, &after, limit + 1)?;
        Ok((Viewer::of(tx, staff)?, found))
    });
    let (who, found) = found.await?;
    let f = session.frame(&service, who, Section::Settings);
    let people = found.into_iter().map(|member| Person::of(&f, member)).collect();
    let Page { items: people, next_cursor: next } =
        Page::of(people, limit, |person: &Person| person.id.clone());
    f.page(&service, StaffPage { f: &f, people, next }.render())
}

/// `GET /console/settings/staff/new`: the form for an invitation.
pub(super) async fn ask_invite(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    invite_form(&service, &session, &FormInput::default(), None).await
}

async fn invite_form(
    service: &Data<Service>,
    session: &Session,
    input: &FormInput,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let f = frame(service, session, Section::Settings).await?;
    if !f.is_admin() {
        return Err(forbidden());
    }
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, Invite { f: &f, input, errors }.render())
}

/// `POST /console/settings/staff`: invites a colleague.
pub(super) async fn invite(service: Data<Service>, sent: SessionForm) -> Result<HttpResponse, Problem> {
    let input = FormInput::of_form(&sent);
    let invited = match input.new_member() {
        Ok(new) => {
            let invite = move |tx: &mut Tx<'_>, staff: &Staff| people::invite_first(tx, staff, &new);
            service.write_as_staff(&sent.session, Permission::Administer, invite).await
        }
        Err(wrong) => Err(wrong),
    };
    match invited {
        Ok(_) => Ok(on(&format!("{STAFF}?done=staff-invited"))),
        Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::StaffExists) => {
            invite_form(&service, &sent.session, &input, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /console/settings/staff/{id}`: one staff member.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<StaffId>,
) -> Result<HttpResponse, Problem> {
    one(&service, &session, &id, None, None).await
}

async fn one(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<StaffId>,
    input: Option<FormInput>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, person) = find(service, session, id).await?;
    let as_is = || FormInput {
        name: person.name.clone(),
        is_admin: person.role == Role::Admin,
        ..FormInput::default()
    };
    let input = input.unwrap_or_else(as_is);
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, One { f: &f, person, input, errors }.render())
}

async fn find(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<StaffId>,
) -> Result<(Frame, Person), Problem> {
    let id = id.0.clone();
    let permission = Permission::Administer;
    let found = service.read_as_staff(session, permission, move |tx, staff| -> Result<_, Error> {
        let member = people::find(tx, staff, &id)?;
        Ok((Viewer::of(tx, staff)?, member))
    });
    let (who, member) = found.await?;
    let f = session.frame(service, who, Section::Settings);
    let person = Person::of(&f, member);
    Ok((f, person))
}

/// `POST /console/settings/staff/{id}`: changes name and role.
pub(super) async fn change(
    service: Data<Service>,
    id: PathId<StaffId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let input = FormInput::of_form(&sent);
    let is_role_sent = !sent.form.field("role").is_empty();
    let changed = match input.name() {
        Ok(name) => {
            let role = is_role_sent.then(|| input.role());
            let change = MemberChange { name: Some(name), role, ..MemberChange::default() };
            write(&service, &sent.session, &id, change).await
        }
        Err(wrong) => Err(Problem::fields(vec![wrong])),
    };
    match changed {
        Ok(()) => Ok(on(&format!("{STAFF}?done=colleague"))),
        Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::LastAdmin) => {
            one(&service, &sent.session, &id, Some(input), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn write(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<StaffId>,
    change: MemberChange,
) -> Result<(), Problem> {
    let id = id.0.clone();
    let changed = service.write_as_staff(session, Permission::Administer, move |tx, staff| {
        people::change(tx, staff, &id, &change)
    });
    changed.await.map(drop)
}

/// `POST /console/settings/staff/{id}/invite`: sends the invitation again.
pub(super) async fn invite_again(
    service: Data<Service>,
    id: PathId<StaffId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let wanted = id.0.clone();
    let again = service.write_as_staff(&sent.session, Permission::Administer, move |tx, staff| {
        people::invite_again(tx, staff, &wanted)
    });
    let done = if again.await? { "?done=staff-invited" } else { "" };
    Ok(on(&format!("{STAFF}/{}{done}", id.0)))
}

/// `POST /console/settings/staff/{id}/enable`: allows signing in again.
pub(super) async fn enable(
    service: Data<Service>,
    id: PathId<StaffId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let change = MemberChange { access: Some(Access::Active), ..MemberChange::default() };
    write(&service, &sent.session, &id, change).await?;
    Ok(on(&format!("{STAFF}/{}?done=let-in", id.0)))
}

/// `GET /console/settings/staff/{id}/disable`: asks for confirmation.
pub(super) async fn ask_disable(
    service: Data<Service>,
    session: Session,
    id: PathId<StaffId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, &id, false, None).await
}

/// `POST /console/settings/staff/{id}/disable`: signs out and blocks a member.
pub(super) async fn disable(
    service: Data<Service>,
    id: PathId<StaffId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let change = MemberChange { access: Some(Access::Disabled), ..MemberChange::default() };
    match write(&service, &sent.session, &id, change).await {
        // Members who disabled themselves are redirected from there to the sign-in.
        Ok(()) => Ok(on(&format!("{STAFF}/{}?done=shut-out", id.0))),
        Err(problem) if problem.code == Code::LastAdmin => {
            confirm(&service, &sent.session, &id, false, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /console/settings/staff/{id}/reset`: asks for confirmation.
pub(super) async fn ask_reset(
    service: Data<Service>,
    session: Session,
    id: PathId<StaffId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, &id, true, None).await
}

/// `POST /console/settings/staff/{id}/reset`: resets the second factor.
pub(super) async fn reset(
    service: Data<Service>,
    id: PathId<StaffId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let (_, person) = find(&service, &sent.session, &id).await?;
    // A form that is sent twice must not undo the authenticator that was set up in between.
    if person.has_totp {
        let change = MemberChange { reset_totp: true, ..MemberChange::default() };
        write(&service, &sent.session, &id, change).await?;
    }
    Ok(on(&format!("{STAFF}/{}?done=factor", id.0)))
}

async fn confirm(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<StaffId>,
    is_reset: bool,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, person) = find(service, session, id).await?;
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, Confirm { f: &f, person, is_reset, errors }.render())
}
