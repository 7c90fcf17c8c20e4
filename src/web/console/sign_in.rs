//! Signing in to and out of the console.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::address;
use super::layout::{SessionForm, preferred_language, stale_form};
use super::session::{self, Step};
use super::{cookie, labels, on, style};
use crate::domain::staff::PasswordHasher;
use crate::kit::{Language, Secret};
use crate::platform::Service;
use crate::web::http::html::{self, PagePolicy};
use crate::web::http::{Form, Problem, RequestContext, is_same_site};

/// The page to open after the sign-in.
#[derive(Deserialize)]
pub(super) struct Destination {
    next: Option<String>,
}

/// The values of the sign-in pages.
#[derive(Default)]
struct Values {
    email: String,
    next: String,
    error: String,
    challenge: String,
    key: String,
    qr: String,
    is_token: bool,
    recovery_codes: Vec<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/sign_in.html")]
struct SignIn<'a> {
    nonce: &'a str,
    language: Language,
    style: String,
    is_development: bool,
    values: &'a Values,
}

fn show(
    service: &Service,
    request: &HttpRequest,
    status: StatusCode,
    values: &Values,
) -> Result<HttpResponse, Problem> {
    let (nonce, language) = (html::nonce(service), preferred_language(request).unwrap_or_default());
    let page = SignIn {
        nonce: &nonce,
        language,
        style: style::address(),
        is_development: service.settings.is_development(),
        values,
    };
    html::page(service, status, &nonce, PagePolicy::Form, page.render())
}

/// `GET /console/sign-in`: the sign-in form.
pub(super) async fn ask(
    service: Data<Service>,
    request: HttpRequest,
    destination: Query<Destination>,
) -> Result<HttpResponse, Problem> {
    let next = destination.into_inner().next.unwrap_or_default();
    let values = Values { next: address::local(&next).to_owned(), ..Values::default() };
    show(&service, &request, StatusCode::OK, &values)
}

/// `POST /console/sign-in`: checks e-mail and password.
pub(super) async fn password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    request: HttpRequest,
    call: RequestContext,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let (email, password) = (form.field("email"), Secret::from_client(&form.field("password")));
    let values = posted(&service, &request, &form)?;
    let step = session::begin(&service, &hasher, email.trim(), password, call.network).await?;
    show_step(&service, &request, step, values)
}

/// `POST /console/sign-in/code`: checks an authenticator or recovery code.
pub(super) async fn code(
    service: Data<Service>,
    request: HttpRequest,
    call: RequestContext,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let values = posted(&service, &request, &form)?;
    let (challenge, code) = (Secret::from_client(&values.challenge), form.field("code"));
    let step = session::finish(&service, challenge, code.trim(), &call).await?;
    show_step(&service, &request, step, values)
}

/// `POST /console/sign-in/token`: signs in with a token from the command line, in development only.
pub(super) async fn token(
    service: Data<Service>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let values = Values { is_token: true, ..posted(&service, &request, &form)? };
    let token = Secret::from_client(form.field("token").trim());
    let step = service.read(move |tx| session::by_token(tx, token)).await?;
    show_step(&service, &request, step, values)
}

/// Without a session there is nothing to bind a CSRF token to, so the form's origin is checked instead.
fn posted(service: &Service, request: &HttpRequest, form: &Form) -> Result<Values, Problem> {
    if !is_same_site(service, request) {
        return Err(stale_form());
    }
    Ok(Values {
        email: form.field("email"),
        next: address::local(&form.field("next")).to_owned(),
        challenge: form.field("challenge"),
        ..Values::default()
    })
}

fn show_step(
    service: &Service,
    request: &HttpRequest,
    step: Step,
    values: Values,
) -> Result<HttpResponse, Problem> {
    let language = preferred_language(request).unwrap_or_default();
    match step {
        Step::SignedIn(secret) => signed_in(service, on(&values.next), &secret),
        Step::Enrolled { secret, recovery_codes } => {
            let values = Values { challenge: String::new(), recovery_codes, ..values };
            signed_in(service, show(service, request, StatusCode::OK, &values)?, &secret)
        }
        Step::Expired => {
            let error = labels::sign_in_expired(language).to_owned();
            let values = Values { error, challenge: String::new(), ..values };
            show(service, request, StatusCode::UNPROCESSABLE_ENTITY, &values)
        }
        Step::Code { challenge } => {
            let challenge = challenge.expose().to_owned();
            show(service, request, StatusCode::OK, &Values { challenge, ..values })
        }
        Step::Enrol { challenge, key, qr } => {
            let challenge = challenge.expose().to_owned();
            show(service, request, StatusCode::OK, &Values { challenge, key, qr, ..values })
        }
        Step::Wrong => {
            let error = labels::wrong_sign_in(language, values.is_token, !values.challenge.is_empty());
            let values = Values { error: error.to_owned(), ..values };
            show(service, request, StatusCode::UNPROCESSABLE_ENTITY, &values)
        }
        Step::Wait(wait) => {
            let values = Values { error: labels::wait(language, wait), ..values };
            show(service, request, StatusCode::TOO_MANY_REQUESTS, &values)
        }
    }
}

fn signed_in(service: &Service, mut answer: HttpResponse, secret: &Secret) -> Result<HttpResponse, Problem> {
    answer.add_cookie(&cookie::session(service, secret)).map_err(|_| stale_form())?;
    Ok(answer)
}

/// `POST /console/sign-out`: ends the session and clears the cookie.
pub(super) async fn out(service: Data<Service>, sent: SessionForm) -> Result<HttpResponse, Problem> {
    let secret = sent.session.secret;
    service.write(move |tx| session::end(tx, &secret)).await?;
    let mut answer = on("/console/sign-in");
    answer.add_cookie(&cookie::removal(&service)).map_err(|_| stale_form())?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(language: Language, values: &Values) -> String {
        let style = String::new();
        SignIn { nonce: "n", language, style, is_development: false, values }.render().unwrap()
    }

    #[test]
    fn the_second_step_asks_for_a_code_and_the_first_time_shows_how_to_get_one() {
        let challenge = "chl_1".to_owned();
        let code = drawn(Language::En, &Values { challenge: challenge.clone(), ..Values::default() });
        assert!(code.contains("one-time-code") && code.contains("chl_1") && !code.contains("<svg id"));
        let (key, qr) = ("JBSW Y3DP".to_owned(), "<svg id=\"qr\"></svg>".to_owned());
        let enrol = drawn(Language::Es, &Values { challenge, key, qr, ..Values::default() });
        assert!(enrol.contains("<svg id=\"qr\">") && enrol.contains("JBSW Y3DP"));
        assert!(!enrol.contains("name=\"token\""), "a token is for development only");
    }
}
