//! Invites: list, one invite, and the form for a new one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;
use strum::VariantArray as _;

use super::errors::Errors;
use super::layout::{Frame, Section, Session, SessionForm};
use super::link_form::Choice;
use super::viewer::Viewer;
use super::{invite_labels as labels, on};
use crate::domain::invites::{self, Channel, Invite, NewInvite, State};
use crate::domain::links::{self, State as LinkState};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{Email, InviteId, Language, LinkId, Phone, Timestamp};
use crate::platform::{Service, Tx};
use crate::web::http::{Code, FieldError, Form, Page, PageQuery, PathId, Problem};

/// At most this many links are offered in the form.
const MOST_LINKS: i64 = 500;

/// An invite as its pages show it.
pub(super) struct InviteCard {
    invite: Invite,
    state: State,
    state_word: &'static str,
    advice: &'static str,
    badge: &'static str,
    name: String,
    phone: String,
    email: String,
}

impl InviteCard {
    fn of(f: &Frame, now: Timestamp, invite: Invite) -> Self {
        let state = invite.state(now);
        let forgotten = f.text("invites-deleted");
        Self {
            state,
            state_word: labels::state(f.language, state),
            advice: labels::advice(f.language, state),
            badge: labels::badge(state),
            name: invite.name.clone().unwrap_or_else(|| forgotten.to_owned()),
            phone: invite.phone().map(|phone| phone.as_e164().to_owned()).unwrap_or_default(),
            email: invite.email().map(|email| email.as_str().to_owned()).unwrap_or_default(),
            invite,
        }
    }

    fn is_over(&self) -> bool {
        !self.state.can_be_sent()
    }

    /// The invite's events, oldest first.
    fn history(&self, f: &Frame) -> Vec<(&'static str, String)> {
        let invite = &self.invite;
        let mut steps = vec![
            (Some(invite.created_at), f.text("invites-created")),
            (invite.sent_at, f.text("invites-last-sent")),
            (invite.text_due_at, f.text("invites-text-scheduled")),
            (invite.opened_at, f.text("invites-state-opened")),
            (invite.phone_proven_at, f.text("invites-state-phone-ok")),
            (invite.email_proven_at, f.text("invites-state-email-ok")),
            (invite.other_number_at, f.text("invites-tried-with-a-different-number")),
            (invite.accepted_at, f.text("invites-state-accepted")),
            (invite.revoked_at, f.text("invites-state-revoked")),
        ];
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().filter_map(|(at, what)| Some((what, f.time(&at?)))).collect()
    }
}

/// The list's filter by state.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StateFilter {
    state: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/invites.html")]
struct InvitesPage<'a> {
    f: &'a Frame,
    items: Vec<InviteCard>,
    states: Vec<Choice>,
    state: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/invite.html")]
struct InvitePage<'a> {
    f: &'a Frame,
    it: InviteCard,
    history: Vec<(&'static str, String)>,
    errors: Errors,
}

/// The form's values as they were entered.
#[derive(Clone, Default)]
struct FormValues {
    name: String,
    phone: String,
    email: String,
    language: String,
    link: Option<LinkId>,
}

#[derive(Template)]
#[template(path = "web/console/pages/invite_form.html")]
struct InviteForm<'a> {
    f: &'a Frame,
    values: &'a FormValues,
    links: Vec<Choice>,
    errors: Errors,
}

/// `GET /console/invites`: all invites, filtered by state.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    filter: Query<StateFilter>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let state = filter.state.as_deref().and_then(|state| state.parse::<State>().ok());
    let (limit, before) = (page.limit()?, page.after()?);
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let found = invites::list(tx, staff, state, &before, limit + 1)?;
        Ok((Viewer::of(tx, staff)?, found))
    };
    let (who, found) = service.read_as_staff(&session, Permission::ReadPatients, rule).await?;
    let f = session.frame(&service, who, Section::Invites);
    let now = service.clock.now();
    let found = found.into_iter().map(|invite| InviteCard::of(&f, now, invite)).collect();
    let Page { items, next_cursor: next } = Page::of(found, limit, |it: &InviteCard| it.invite.id.clone());
    let states = State::VARIANTS.iter().map(|each| Choice {
        value: each.as_str().to_owned(),
        name: labels::state(f.language, *each).to_owned(),
        is_chosen: state == Some(*each),
    });
    let (states, state) = (states.collect(), state.map(State::as_str).unwrap_or_default().to_owned());
    f.page(&service, InvitesPage { f: &f, items, states, state, next }.render())
}

/// `GET /console/invites/{id}`: one invite and its history.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    page_of(&service, &session, &id, None).await
}

async fn page_of(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<InviteId>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let id = id.0.clone();
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let invite = invites::find(tx, staff, &id)?;
        Ok((Viewer::of(tx, staff)?, invite))
    };
    let (who, invite) = service.read_as_staff(session, Permission::ReadPatients, rule).await?;
    let f = session.frame(service, who, Section::Invites);
    let it = InviteCard::of(&f, service.clock.now(), invite);
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let history = it.history(&f);
    f.page_with(service, status, InvitePage { f: &f, it, history, errors }.render())
}

/// `POST /console/invites/{id}/resend`: sends both messages again.
pub(super) async fn resend(
    service: Data<Service>,
    id: PathId<InviteId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let invite_id = id.0.clone();
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| invites::send(tx, staff, &invite_id);
    match service.write_as_staff(&sent.session, Permission::ReadPatients, rule).await {
        Ok(_) => Ok(on(&format!("/console/invites/{}?done=sent-again", id.0))),
        Err(problem) if is_correctable(&problem) => {
            page_of(&service, &sent.session, &id, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /console/invites/{id}/revoke`: cancels the invite.
pub(super) async fn revoke(
    service: Data<Service>,
    id: PathId<InviteId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let invite_id = id.0.clone();
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| invites::revoke(tx, staff, &invite_id);
    match service.write_as_staff(&sent.session, Permission::ReadPatients, rule).await {
        Ok(()) => Ok(on(&format!("/console/invites/{}?done=taken-back", id.0))),
        Err(problem) if is_correctable(&problem) => {
            page_of(&service, &sent.session, &id, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /console/invites/new`: the form for one invite.
pub(super) async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, &FormValues::default(), None).await
}

/// `POST /console/invites`: creates and sends an invite.
pub(super) async fn create(
    service: Data<Service>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let values = FormValues::of_form(&sent);
    let created = match values.parse(&service) {
        Ok(new) => {
            let link_id = values.link.clone();
            let rule =
                move |tx: &mut Tx<'_>, staff: &Staff| invites::create(tx, staff, link_id.as_ref(), &new);
            service.write_as_staff(&session, Permission::ReadPatients, rule).await
        }
        Err(problem) => Err(problem),
    };
    match created {
        Ok(invite) => Ok(on(&format!("/console/invites/{}?done=invited", invite.id))),
        Err(problem) if is_correctable(&problem) => form(&service, &session, &values, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

impl FormValues {
    fn of_form(form: &Form) -> Self {
        Self {
            name: form.field("name"),
            phone: form.field("phone"),
            email: form.field("email"),
            language: form.field("language"),
            link: link_id(form),
        }
    }

    /// The invite to create, or every field error at once.
    fn parse(&self, service: &Service) -> Result<NewInvite, Problem> {
        let region = &service.settings.verification.default_region;
        let name = invites::name(&self.name)
            .ok_or_else(|| wrong("/name", "length", "Enter a name of 1 to 100 characters."));
        let phone = Phone::parse(&self.phone, Some(region))
            .map_err(|error| wrong("/phone", "phone_invalid", &error.to_string()));
        let email = Email::parse(&self.email)
            .ok_or_else(|| wrong("/email", "email", "Enter a valid e-mail address."));
        match (name, phone, email) {
            (Ok(name), Ok(phone), Ok(email)) => {
                let language = Language::from_tag(&self.language);
                Ok(NewInvite { name, phone, email, language, sends: true })
            }
            (name, phone, email) => {
                let errors = [name.err(), phone.err(), email.err()];
                Err(Problem::fields(errors.into_iter().flatten().collect()))
            }
        }
    }
}

/// The chosen link; `None` stands for the practice's default link.
pub(super) fn link_id<const MOST: usize>(form: &Form<MOST>) -> Option<LinkId> {
    Some(form.field("link_id")).filter(|id| !id.is_empty()).map(LinkId::from)
}

/// An error of one form field.
pub(super) fn wrong(pointer: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}

/// Whether the form can be shown again, because another attempt may succeed.
pub(super) fn is_correctable(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::InvalidRequest
            | Code::PhoneInvalid
            | Code::PhoneTypeRefused
            | Code::CountryNotSupported
            | Code::OptedOut
            | Code::InviteLimited
            | Code::InviteFixed
            | Code::LinkPaused
    )
}

async fn form(
    service: &Data<Service>,
    session: &Session,
    values: &FormValues,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, links) = offered(service, session, values.link.as_ref()).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, InviteForm { f: &f, values, links, errors }.render())
}

/// The layout, and the active links that an invite can use, the practice's default link first.
pub(super) async fn offered(
    service: &Data<Service>,
    session: &Session,
    chosen: Option<&LinkId>,
) -> Result<(Frame, Vec<Choice>), Problem> {
    let rule = |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let links = links::list(tx, staff, "", MOST_LINKS)?;
        Ok((Viewer::of(tx, staff)?, links))
    };
    let (who, links) = service.read_as_staff(session, Permission::ReadPatients, rule).await?;
    let f = session.frame(service, who, Section::Invites);
    let first = f.text("console-the-practices-first-link").to_owned();
    let mut choices = vec![Choice { value: String::new(), name: first, is_chosen: chosen.is_none() }];
    let open = links.into_iter().map(|details| details.link);
    let open = open.filter(|link| !link.is_default && link.state == LinkState::Active);
    choices.extend(open.map(|link| Choice {
        is_chosen: chosen == Some(&link.id),
        value: link.id.to_string(),
        name: link.label,
    }));
    Ok((f, choices))
}
