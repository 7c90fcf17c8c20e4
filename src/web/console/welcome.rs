//! Choosing a password: the page behind the link of an invitation or a password reset.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{preferred_language, stale_form};
use super::{labels, on, style};
use crate::domain::staff::{Error, PasswordHasher, password_link};
use crate::kit::{Language, Secret};
use crate::platform::Service;
use crate::web::http::html::{self, PagePolicy};
use crate::web::http::{Form, Problem, is_same_site};

/// The values of the page.
#[derive(Default)]
struct Values {
    token: String,
    error: String,
}

#[derive(Template)]
#[template(path = "web/console/pages/welcome.html")]
struct Welcome<'a> {
    nonce: &'a str,
    language: Language,
    style: String,
    values: &'a Values,
}

fn show(
    service: &Service,
    request: &HttpRequest,
    status: StatusCode,
    values: &Values,
) -> Result<HttpResponse, Problem> {
    let (nonce, language) = (html::nonce(service), preferred_language(request).unwrap_or_default());
    let style = style::address();
    let page = Welcome { nonce: &nonce, language, style, values };
    html::page(service, status, &nonce, PagePolicy::Both, page.render())
}

/// `GET /console/welcome`: the form for a new password.
pub(super) async fn ask(service: Data<Service>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    show(&service, &request, StatusCode::OK, &Values::default())
}

/// `POST /console/welcome`: sets the password and redirects to the sign-in.
pub(super) async fn choose(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Problem> {
    if !is_same_site(&service, &request) {
        return Err(stale_form());
    }
    let (token, password) = (form.field("token"), Secret::from_client(&form.field("password")));
    let secret = Secret::from_client(token.trim());
    let set = match password_link::choose(&service, &hasher, secret, &password).await {
        Ok(chosen) => service.write(move |tx| password_link::set_password(tx, &chosen)).await.map(drop),
        Err(error) => Err(error),
    };
    let language = preferred_language(&request).unwrap_or_default();
    let error = match set {
        Ok(()) => return Ok(on("/console/sign-in")),
        Err(Error::PasswordLinkExpired) => labels::password_link_expired(language),
        Err(Error::Weak(_)) => labels::weak_password(language),
        Err(other) => return Err(other.into()),
    };
    let values = Values { token, error: error.to_owned() };
    show(&service, &request, StatusCode::UNPROCESSABLE_ENTITY, &values)
}
