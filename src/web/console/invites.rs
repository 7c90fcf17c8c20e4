//! Invites: list, one invite, and the form for a new one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::layout::{Frame, Section, Sent, Session};
use super::link_form::Choice;
use super::viewer::who;
use super::words::Errors;
use super::{invite_words as words, on};
use crate::domain::desk::{self, Refusal};
use crate::domain::invites::{self, Invite, NewInvite, State};
use crate::domain::links::State as LinkState;
use crate::kit::ids::{InviteId, LinkId};
use crate::kit::{Email, Language, Phone, Timestamp};
use crate::platform::tx::Service;
use crate::web::http::{Code, FieldError, Form, Page, PageQuery, PathId, Problem};

/// At most this many links are offered in the form.
const MOST_LINKS: i64 = 500;

/// An invite as its pages show it.
pub struct Shown {
    invite: Invite,
    state: State,
    state_word: &'static str,
    advice: &'static str,
    badge: &'static str,
    name: String,
    phone: String,
    email: String,
}

impl Shown {
    fn of(f: &Frame, now: Timestamp, invite: Invite) -> Self {
        let state = invite.state(now);
        let forgotten = f.say("(deleted)", "(borrado)");
        Self {
            state,
            state_word: words::state(f.language, state),
            advice: words::advice(f.language, state),
            badge: words::badge(state),
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
            (Some(invite.created_at), f.say("Created", "Creada")),
            (invite.sent_at, f.say("Last sent", "Último envío")),
            (invite.text_due_at, f.say("Text scheduled", "Sale el mensaje de texto")),
            (invite.opened_at, f.say("Opened", "Abierta")),
            (invite.phone_proven_at, f.say("Number verified", "Número confirmado")),
            (invite.email_proven_at, f.say("E-mail verified", "Correo confirmado")),
            (invite.other_number_at, f.say("Tried with a different number", "Intento con otro número")),
            (invite.accepted_at, f.say("Connected", "Conectado")),
            (invite.revoked_at, f.say("Canceled", "Retirada")),
        ];
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().filter_map(|(at, what)| Some((what, f.time(&at?)))).collect()
    }
}

/// The list's filter by state.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    state: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/invites.html")]
struct Invites<'a> {
    f: &'a Frame,
    items: Vec<Shown>,
    states: Vec<Choice>,
    state: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/invite.html")]
struct One<'a> {
    f: &'a Frame,
    it: Shown,
    history: Vec<(&'static str, String)>,
    errors: Errors,
}

/// The form's values as they were entered.
#[derive(Clone, Default)]
struct Typed {
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
    typed: &'a Typed,
    links: Vec<Choice>,
    errors: Errors,
}

/// `GET /console/invites`: all invites, filtered by state.
pub async fn list(
    service: Data<Service>,
    session: Session,
    wanted: Query<Wanted>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let state = wanted.state.as_deref().and_then(State::from_word);
    let (limit, before, token) = (page.limit()?, page.after()?, session.token());
    let (who, found) = service
        .read(move |tx| {
            let found = desk::invites::list(tx, token.as_ref(), state, &before, limit + 1)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, found))
        })
        .await?;
    let f = session.frame(&service, who, Section::Invites);
    let now = service.clock.now();
    let found = found.into_iter().map(|invite| Shown::of(&f, now, invite)).collect();
    let Page { items, next_cursor: next } = Page::of(found, limit, |it: &Shown| it.invite.id.clone());
    let states = State::ALL.iter().map(|each| Choice {
        value: each.as_str().to_owned(),
        name: words::state(f.language, *each).to_owned(),
        is_chosen: state == Some(*each),
    });
    let (states, state) = (states.collect(), state.map(State::as_str).unwrap_or_default().to_owned());
    f.page(&service, Invites { f: &f, items, states, state, next }.render())
}

/// `GET /console/invites/{id}`: one invite and its history.
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    one(&service, &session, &id, None).await
}

async fn one(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<InviteId>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (token, id) = (session.token(), id.0.clone());
    let (who, invite) = service
        .read(move |tx| {
            let invite = desk::invites::find(tx, token.as_ref(), &id)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, invite))
        })
        .await?;
    let f = session.frame(service, who, Section::Invites);
    let it = Shown::of(&f, service.clock.now(), invite);
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let history = it.history(&f);
    f.page_with(service, status, One { f: &f, it, history, errors }.render())
}

/// `POST /console/invites/{id}/resend`: sends both messages again.
pub async fn resend(
    service: Data<Service>,
    id: PathId<InviteId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let (token, wanted) = (sent.session.token(), id.0.clone());
    let again = service.write(move |tx| desk::invites::send(tx, token.as_ref(), &wanted)).await;
    match again.map_err(Problem::from) {
        Ok(_) => Ok(on(&format!("/console/invites/{}?done=sent-again", id.0))),
        Err(problem) if is_mendable(&problem) => one(&service, &sent.session, &id, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

/// `POST /console/invites/{id}/revoke`: cancels the invite.
pub async fn revoke(
    service: Data<Service>,
    id: PathId<InviteId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let (token, wanted) = (sent.session.token(), id.0.clone());
    let done = service.write(move |tx| desk::invites::revoke(tx, token.as_ref(), &wanted)).await;
    match done.map_err(Problem::from) {
        Ok(()) => Ok(on(&format!("/console/invites/{}?done=taken-back", id.0))),
        Err(problem) if is_mendable(&problem) => one(&service, &sent.session, &id, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

/// `GET /console/invites/new`: the form for one invite.
pub async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    form(&service, &session, &Typed::default(), None).await
}

/// `POST /console/invites`: creates and sends an invite.
pub async fn create(
    service: Data<Service>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let (typed, token) = (Typed::of_form(&sent), session.token());
    let made = match typed.read(&service) {
        Ok((name, phone, email)) => {
            let (language, link) = (Language::from_tag(&typed.language), typed.link.clone());
            let new = move |created_by| NewInvite { created_by, name, phone, email, language, sends: true };
            let made = service.write(move |tx| desk::invites::create(tx, token.as_ref(), link.as_ref(), new));
            made.await.map_err(Problem::from)
        }
        Err(wrong) => Err(wrong),
    };
    match made {
        Ok(invite) => Ok(on(&format!("/console/invites/{}?done=invited", invite.id))),
        Err(problem) if is_mendable(&problem) => form(&service, &session, &typed, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

impl Typed {
    fn of_form(form: &Form) -> Self {
        Self {
            name: form.field("name"),
            phone: form.field("phone"),
            email: form.field("email"),
            language: form.field("language"),
            link: link_id(form),
        }
    }

    /// The validated values, or every field error at once.
    fn read(&self, service: &Service) -> Result<(String, Phone, Email), Problem> {
        let region = &service.settings.verification.default_region;
        let name = invites::name(&self.name)
            .ok_or_else(|| wrong("/name", "length", "Enter a name of 1 to 100 characters."));
        let phone = Phone::parse(&self.phone, Some(region))
            .map_err(|why| wrong("/phone", "phone_invalid", &why.to_string()));
        let email = Email::parse(&self.email)
            .ok_or_else(|| wrong("/email", "email", "Enter a valid e-mail address."));
        match (name, phone, email) {
            (Ok(name), Ok(phone), Ok(email)) => Ok((name, phone, email)),
            (name, phone, email) => {
                let wrong = [name.err(), phone.err(), email.err()];
                Err(Problem::fields(wrong.into_iter().flatten().collect()))
            }
        }
    }
}

/// The chosen link; `None` stands for the practice's default link.
pub fn link_id<const MOST: usize>(form: &Form<MOST>) -> Option<LinkId> {
    Some(form.field("link_id")).filter(|id| !id.is_empty()).map(LinkId::from)
}

/// An error of one form field.
pub fn wrong(pointer: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}

/// Whether the form can be shown again, because another attempt may succeed.
pub fn is_mendable(problem: &Problem) -> bool {
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
    typed: &Typed,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (f, links) = offered(service, session, typed.link.as_ref()).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    f.page_with(service, status, InviteForm { f: &f, typed, links, errors }.render())
}

/// The layout, and the active links that an invite can use, the practice's default link first.
pub async fn offered(
    service: &Data<Service>,
    session: &Session,
    chosen: Option<&LinkId>,
) -> Result<(Frame, Vec<Choice>), Problem> {
    let token = session.token();
    let (who, links) = service
        .read(move |tx| {
            let links = desk::links(tx, token.as_ref(), "", MOST_LINKS)?;
            Ok::<_, Refusal>((who(tx, token.as_ref())?, links))
        })
        .await?;
    if !who.role.meets_patients() {
        return Err(Problem::new(Code::StaffForbidden, "Ask someone at the practice."));
    }
    let f = session.frame(service, who, Section::Invites);
    let first = f.say("The practice’s first link", "El primer enlace del consultorio").to_owned();
    let mut choices = vec![Choice { value: String::new(), name: first, is_chosen: chosen.is_none() }];
    let open = links.into_iter().map(|details| details.link);
    let open = open.filter(|link| !link.is_default && link.state() == LinkState::Active);
    choices.extend(open.map(|link| Choice {
        is_chosen: chosen == Some(&link.id),
        value: link.id.to_string(),
        name: link.label,
    }));
    Ok((f, choices))
}
