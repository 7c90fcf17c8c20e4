//! Signing in to and out of the console.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::address;
use super::layout::{Sent, stale, wish};
use super::session::{self, Step};
use super::{cookie, on, style, words};
use crate::domain::staff::PasswordHasher;
use crate::kit::{Language, Secret};
use crate::platform::tx::Service;
use crate::web::http::html::{self, Does};
use crate::web::http::{Call, Form, Problem, is_same_site};

/// The page to open after the sign-in.
#[derive(Deserialize)]
pub struct Asked {
    next: Option<String>,
}

/// The values of the sign-in pages.
#[derive(Default)]
struct Shown {
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
    lang: &'a str,
    style: String,
    is_development: bool,
    shown: &'a Shown,
}

impl SignIn<'_> {
    fn say<'a>(&self, en: &'a str, es: &'a str) -> &'a str {
        words::say(self.language, en, es)
    }
}

fn show(
    service: &Service,
    request: &HttpRequest,
    status: StatusCode,
    shown: &Shown,
) -> Result<HttpResponse, Problem> {
    let (nonce, language) = (html::nonce(service), wish(request).unwrap_or_default());
    let page = SignIn {
        nonce: &nonce,
        language,
        lang: language.as_str(),
        style: style::address(),
        is_development: service.settings.is_development(),
        shown,
    };
    html::page(service, status, &nonce, Does::Form, page.render())
}

/// `GET /console/sign-in`: the sign-in form.
pub async fn ask(
    service: Data<Service>,
    request: HttpRequest,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let next = asked.into_inner().next.unwrap_or_default();
    let shown = Shown { next: address::local(&next).to_owned(), ..Shown::default() };
    show(&service, &request, StatusCode::OK, &shown)
}

/// `POST /console/sign-in`: checks e-mail and password.
pub async fn password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    request: HttpRequest,
    call: Call,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let (email, password) = (form.field("email"), Secret::from_client(&form.field("password")));
    let shown = shown(&service, &request, &form)?;
    let step = session::begin(&service, &hasher, email.trim(), password, call.network).await?;
    go_on(&service, &request, step, shown)
}

/// `POST /console/sign-in/code`: checks an authenticator or recovery code.
pub async fn code(
    service: Data<Service>,
    request: HttpRequest,
    call: Call,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let shown = shown(&service, &request, &form)?;
    let (challenge, code) = (Secret::from_client(&shown.challenge), form.field("code"));
    let step = session::finish(&service, challenge, code.trim(), &call).await?;
    go_on(&service, &request, step, shown)
}

/// `POST /console/sign-in/token`: signs in with a token from the command line, in development only.
pub async fn token(
    service: Data<Service>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let shown = Shown { is_token: true, ..shown(&service, &request, &form)? };
    let token = Secret::from_client(form.field("token").trim());
    let step = service.read(move |tx| session::by_token(tx, token)).await?;
    go_on(&service, &request, step, shown)
}

/// Without a session there is nothing to bind a CSRF token to, so the form's origin is checked instead.
fn shown(service: &Service, request: &HttpRequest, form: &Form) -> Result<Shown, Problem> {
    if !is_same_site(service, request) {
        return Err(stale());
    }
    Ok(Shown {
        email: form.field("email"),
        next: address::local(&form.field("next")).to_owned(),
        challenge: form.field("challenge"),
        ..Shown::default()
    })
}

fn go_on(
    service: &Service,
    request: &HttpRequest,
    step: Step,
    shown: Shown,
) -> Result<HttpResponse, Problem> {
    let language = wish(request).unwrap_or_default();
    match step {
        Step::In(secret) => signed_in(service, on(&shown.next), &secret),
        Step::Enrolled { secret, recovery_codes } => {
            let shown = Shown { challenge: String::new(), recovery_codes, ..shown };
            signed_in(service, show(service, request, StatusCode::OK, &shown)?, &secret)
        }
        Step::Over => {
            let error = words::sign_in_over(language).to_owned();
            let shown = Shown { error, challenge: String::new(), ..shown };
            show(service, request, StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Step::Code { challenge } => {
            let challenge = challenge.expose().to_owned();
            show(service, request, StatusCode::OK, &Shown { challenge, ..shown })
        }
        Step::Enrol { challenge, key, qr } => {
            let challenge = challenge.expose().to_owned();
            show(service, request, StatusCode::OK, &Shown { challenge, key, qr, ..shown })
        }
        Step::Wrong => {
            let error = words::wrong_sign_in(language, shown.is_token, !shown.challenge.is_empty());
            let shown = Shown { error: error.to_owned(), ..shown };
            show(service, request, StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Step::Wait(wait) => {
            let shown = Shown { error: words::wait(language, wait), ..shown };
            show(service, request, StatusCode::TOO_MANY_REQUESTS, &shown)
        }
    }
}

fn signed_in(service: &Service, mut answer: HttpResponse, secret: &Secret) -> Result<HttpResponse, Problem> {
    let value = cookie::set(service, secret).parse().map_err(|_| stale())?;
    answer.headers_mut().append(SET_COOKIE, value);
    Ok(answer)
}

/// `POST /console/sign-out`: ends the session and clears the cookie.
pub async fn out(service: Data<Service>, sent: Sent) -> Result<HttpResponse, Problem> {
    let secret = sent.session.secret;
    service.write(move |tx| session::end(tx, &secret)).await?;
    let mut answer = on("/console/sign-in");
    answer.headers_mut().append(SET_COOKIE, cookie::clear(&service).parse().map_err(|_| stale())?);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(language: Language, shown: &Shown) -> String {
        let (lang, style) = (language.as_str(), String::new());
        SignIn { nonce: "n", language, lang, style, is_development: false, shown }.render().unwrap()
    }

    #[test]
    fn the_second_step_asks_for_a_code_and_the_first_time_shows_how_to_get_one() {
        let challenge = "chl_1".to_owned();
        let code = drawn(Language::En, &Shown { challenge: challenge.clone(), ..Shown::default() });
        assert!(code.contains("one-time-code") && code.contains("chl_1") && !code.contains("<svg id"));
        let (key, qr) = ("JBSW Y3DP".to_owned(), "<svg id=\"qr\"></svg>".to_owned());
        let enrol = drawn(Language::Es, &Shown { challenge, key, qr, ..Shown::default() });
        assert!(enrol.contains("<svg id=\"qr\">") && enrol.contains("JBSW Y3DP"));
        assert!(!enrol.contains("name=\"token\""), "a token is for development only");
    }
}
