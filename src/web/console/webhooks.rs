//! Webhooks: list, create, rotate the secret, disable and delete.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use strum::VariantArray as _;

use super::errors::Errors;
use super::inbox::frame;
use super::layout::{Frame, Section, Session, SessionForm};
use super::on;
use super::viewer::Viewer;
use crate::domain::staff::{Permission, Staff};
use crate::domain::webhooks::{self, Change, Endpoint, Kind, NewWebhook, State};
use crate::kit::{Secret, WebhookId};
use crate::platform::{Service, Tx};
use crate::web::http::{Code, FieldError, PathId, Problem};

/// More than a practice may have.
const ALL: i64 = 100;

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
pub(super) async fn list(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let load = |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        Ok((Viewer::of(tx, staff)?, webhooks::list(tx, staff, "", ALL)?))
    };
    let (who, endpoints) = service.read_as_staff(&session, Permission::Administer, load).await?;
    let f = session.frame(&service, who, Section::Settings);
    f.page(&service, Webhooks { f: &f, endpoints }.render())
}

/// `GET /console/settings/webhooks/new`: the form for a webhook.
pub(super) async fn new(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let who = service.read_as_staff(&session, Permission::Administer, Viewer::of).await?;
    let f = session.frame(&service, who, Section::Settings);
    form(&service, &f, &NewWebhook { url: String::new(), label: String::new(), events: None }, None)
}

fn form(
    service: &Service,
    f: &Frame,
    input: &NewWebhook,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let is_chosen = |kind: &Kind| input.events.as_ref().is_some_and(|kinds| kinds.contains(kind));
    let kinds = Kind::VARIANTS.iter().map(|kind| (kind.as_str(), is_chosen(kind))).collect();
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let errors = problem.map(|problem| Errors::of(f.language, &problem)).unwrap_or_default();
    let (url, label) = (input.url.as_str(), input.label.as_str());
    f.page_with(service, status, WebhookForm { f, url, label, kinds, errors }.render())
}

/// `POST /console/settings/webhooks`: creates a webhook and shows its secret, only this once.
pub(super) async fn create(
    service: Data<Service>,
    SessionForm { session, form: sent }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let ticked = sent.fields("events");
    let is_ticked = |kind: &&Kind| ticked.iter().any(|name| name == kind.as_str());
    let kinds: Vec<Kind> = Kind::VARIANTS.iter().filter(is_ticked).copied().collect();
    let input = NewWebhook {
        url: sent.field("url").trim().to_owned(),
        label: sent.field("label").trim().to_owned(),
        events: Some(kinds).filter(|kinds| !kinds.is_empty()),
    };
    match insert(&service, &session, input.clone()).await {
        Ok((who, endpoint, secret)) => {
            let f = session.frame(&service, who, Section::Settings);
            show_secret(&service, &f, &endpoint, &secret, false)
        }
        Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::WebhookLimit) => {
            form(&service, &frame(&service, &session, Section::Settings).await?, &input, Some(problem))
        }
        Err(problem) => Err(problem),
    }
}

async fn insert(
    service: &Service,
    session: &Session,
    new: NewWebhook,
) -> Result<(Viewer, Endpoint, Secret), Problem> {
    check_label(&new.label)?;
    let create = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let (endpoint, secret) = webhooks::create(tx, staff, &new)?;
        Ok((Viewer::of(tx, staff)?, endpoint, secret))
    };
    service.write_as_staff(session, Permission::Administer, create).await
}

fn check_label(label: &str) -> Result<(), Problem> {
    if label.chars().count() <= 100 && !label.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = "Enter up to 100 characters on one line.".to_owned();
    Err(Problem::fields(vec![FieldError { pointer: "/label".to_owned(), code: "length".to_owned(), detail }]))
}

fn show_secret(
    service: &Service,
    f: &Frame,
    endpoint: &Endpoint,
    secret: &Secret,
    is_rotated: bool,
) -> Result<HttpResponse, Problem> {
    f.page(service, FreshSecret { f, endpoint, secret: secret.expose(), is_rotated }.render())
}

/// `GET /console/settings/webhooks/{id}/rotate`: asks for confirmation.
pub(super) async fn ask_rotate(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, id, false).await
}

/// `POST /console/settings/webhooks/{id}/rotate`: creates a new secret and shows it, only this once.
pub(super) async fn rotate(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let rotate = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let (endpoint, secret) = webhooks::rotate(tx, staff, &id.0)?;
        Ok((Viewer::of(tx, staff)?, endpoint, secret))
    };
    let rotated = service.write_as_staff(&sent.session, Permission::Administer, rotate);
    let (who, endpoint, secret) = rotated.await?;
    let f = sent.session.frame(&service, who, Section::Settings);
    show_secret(&service, &f, &endpoint, &secret, true)
}

/// `GET /console/settings/webhooks/{id}/delete`: asks for confirmation.
pub(super) async fn ask_delete(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
) -> Result<HttpResponse, Problem> {
    confirm(&service, &session, id, true).await
}

/// `POST /console/settings/webhooks/{id}/delete`: deletes the webhook and its log.
pub(super) async fn delete(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let delete = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::delete(tx, staff, &id.0);
    service.write_as_staff(&sent.session, Permission::Administer, delete).await?;
    Ok(on("/console/settings/webhooks?done=deleted"))
}

/// `POST /console/settings/webhooks/{id}/state`: enables or disables a webhook.
pub(super) async fn change_state(
    service: Data<Service>,
    id: PathId<WebhookId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let is_active = sent.form.field("state") == State::Active.as_str();
    let state = if is_active { State::Active } else { State::Disabled };
    let done = if is_active { "enabled" } else { "disabled" };
    let back = format!("/console/settings/webhooks/{}?done={done}", id.0);
    let change = Change { state: Some(state), ..Change::default() };
    let change = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::change(tx, staff, &id.0, &change);
    service.write_as_staff(&sent.session, Permission::Administer, change).await?;
    Ok(on(&back))
}

async fn confirm(
    service: &Data<Service>,
    session: &Session,
    id: PathId<WebhookId>,
    is_delete: bool,
) -> Result<HttpResponse, Problem> {
    let find = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        Ok((Viewer::of(tx, staff)?, webhooks::find(tx, staff, &id.0)?))
    };
    let (who, endpoint) = service.read_as_staff(session, Permission::Administer, find).await?;
    let f = session.frame(service, who, Section::Settings);
    f.page(service, Confirm { f: &f, endpoint: &endpoint, is_delete }.render())
}
