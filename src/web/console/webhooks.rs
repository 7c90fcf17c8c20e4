//! Webhooks: list, create, rotate the secret, disable and delete.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::inbox::frame;
use super::layout::{Frame, Section, Sent, Session};
use super::on;
use super::viewer::who;
use super::words::Errors;
use crate::domain::desk::Refusal as DeskRefusal;
use crate::domain::webhooks::{self, Change, Endpoint, Kind, New, State};
use crate::kit::ids::WebhookId;
use crate::platform::tx::Service;
use crate::web::http::{Code, FieldError, PathId, Problem};

/// More than a practice may have.
const ALL: i64 = 100;
/// The events a webhook can subscribe to.
const KINDS: [Kind; 5] = [
    Kind::PairingCreated,
    Kind::ConversationCreated,
    Kind::IdentityChanged,
    Kind::InviteAccepted,
    Kind::LinkChanged,
];

#[derive(Template)]
#[template(path = "web/console/pages/webhooks.html")]
struct Webhooks<'a> {
    f: &'a Frame,
    endpoints: Vec<Endpoint>,
}

#[derive(Template)]
#[template(path = "web/console/pages/webhook_form.html")]
struct WebhookForm<'a> {
    f: &'a Frame,
    url: &'a str,
    label: &'a str,
    kinds: Vec<(&'static str, bool)>,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "web/console/pages/webhook_secret.html")]
struct FreshSecret<'a> {
    f: &'a Frame,
    endpoint: &'a Endpoint,
    secret: &'a str,
    is_rotated: bool,
}

#[derive(Template)]
#[template(path = "web/console/pages/webhook_confirm.html")]
struct Confirm<'a> {
    f: &'a Frame,
    endpoint: &'a Endpoint,
    is_delete: bool,
}

/// `GET /console/settings/webhooks`: the practice's webhooks.
pub async fn list(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let token = session.token();
    let endpoints = service.read(move |tx| webhooks::list(tx, token.as_ref(), "", ALL)).await?;
    let f = frame(&service, &session, Section::Settings).await?;
    f.page(&service, Webhooks { f: &f, endpoints }.render())
}

/// `GET /console/settings/webhooks/new`: the form for a webhook.
pub async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let token = session.token();
    // Checks the permission first, so that the form is not shown to members who may not send it.
    service.read(move |tx| webhooks::list(tx, token.as_ref(), "", 1)).await?;
    form(&service, &session, &New { url: String::new(), label: String::new(), events: None }, None).await
}

async fn form(
    service: &Data<Service>,
    session: &Session,
    typed: &New,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let f = frame(service, session, Section::Settings).await?;
    let is_chosen = |kind: &Kind| typed.events.as_ref().is_some_and(|kinds| kinds.contains(kind));
    let kinds = KINDS.iter().map(|kind| (kind.as_str(), is_chosen(kind))).collect();
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let (url, label) = (typed.url.as_str(), typed.label.as_str());
    f.page_with(service, status, WebhookForm { f: &f, url, label, kinds, errors }.render())
}

/// `POST /console/settings/webhooks`: creates a webhook and shows its secret, only this once.
pub async fn create(
    service: Data<Service>,
    Sent { session, form: sent }: Sent,
) -> Result<HttpResponse, Problem> {
    let ticked = sent.fields("events");
    let kinds: Vec<Kind> =
        KINDS.into_iter().filter(|kind| ticked.iter().any(|t| t == kind.as_str())).collect();
    let typed = || New {
        url: sent.field("url").trim().to_owned(),
        label: sent.field("label").trim().to_owned(),
        events: Some(kinds.clone()).filter(|kinds| !kinds.is_empty()),
    };
    let (new, token) = (typed(), session.token());
    let made = match check_label(&new.label) {
        Ok(()) => {
            service.write(move |tx| webhooks::create(tx, token.as_ref(), &new)).await.map_err(Problem::from)
        }
        Err(wrong) => Err(wrong),
    };
    match made {
        Ok((endpoint, secret)) => show_secret(&service, &session, &endpoint, secret.expose(), false).await,
        Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::WebhookLimit) => {
            form(&service, &session, &typed(), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

fn check_label(label: &str) -> Result<(), Problem> {
    if label.chars().count() <= 100 && !label.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = "Enter up to 100 characters on one line.".to_owned();
    Err(Problem::fields(vec![FieldError { pointer: "/label".to_owned(), code: "length".to_owned(), detail }]))
}

async fn show_secret(
    service: &Data<Service>,
    session: &Session,
    endpoint: &Endpoint,
    secret: &str,
    is_rotated: bool,
) -> Result<HttpResponse, Problem> {
    let f = frame(service, session, Section::Settings).await?;
    f.page(service, FreshSecret { f: &f, endpoint, secret, is_rotated }.render())
}

/// `GET /console/settings/webhooks/{id}/rotate`: asks for confirmation.
pub async fn ask_rotate(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, id, false).await
}

/// `POST /console/settings/webhooks/{id}/rotate`: creates a new secret and shows it, only this once.
pub async fn rotate(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let token = sent.session.token();
    let rotated = service.write(move |tx| webhooks::rotate(tx, token.as_ref(), &id.0));
    let (endpoint, secret) = rotated.await?;
    show_secret(&service, &sent.session, &endpoint, secret.expose(), true).await
}

/// `GET /console/settings/webhooks/{id}/delete`: asks for confirmation.
pub async fn ask_delete(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, id, true).await
}

/// `POST /console/settings/webhooks/{id}/delete`: deletes the webhook and its log.
pub async fn delete(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let token = sent.session.token();
    service.write(move |tx| webhooks::delete(tx, token.as_ref(), &id.0)).await?;
    Ok(on("/console/settings/webhooks?done=deleted"))
}

/// `POST /console/settings/webhooks/{id}/state`: enables or disables a webhook.
pub async fn change_state(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let is_active = sent.form.field("state") == State::Active.as_str();
    let state = if is_active { State::Active } else { State::Disabled };
    let (token, wanted) = (sent.session.token(), id.0.clone());
    let change = Change { state: Some(state), ..Change::default() };
    service.write(move |tx| webhooks::change(tx, token.as_ref(), &wanted, &change)).await?;
    let done = if is_active { "enabled" } else { "disabled" };
    Ok(on(&format!("/console/settings/webhooks/{}?done={done}", id.0)))
}

async fn confirm(
    service: &Data<Service>,
    session: &Session,
    id: PathId<WebhookId>,
    is_delete: bool,
) -> Result<HttpResponse, Problem> {
    let (f, endpoint) = find(service, session, id.0).await?;
    f.page(service, Confirm { f: &f, endpoint: &endpoint, is_delete }.render())
}

/// A webhook and the layout of its pages.
pub async fn find(
    service: &Data<Service>,
    session: &Session,
    id: WebhookId,
) -> Result<(Frame, Endpoint), Problem> {
    let token = session.token();
    let endpoint = service.read(move |tx| webhooks::find(tx, token.as_ref(), &id)).await?;
    let token = session.token();
    let who = service.read(move |tx| -> Result<_, DeskRefusal> { who(tx, token.as_ref()) }).await?;
    Ok((session.frame(service, who, Section::Settings), endpoint))
}
