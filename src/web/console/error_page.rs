//! Error pages: turns every problem response of the console into a page, or a redirect to the sign-in.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::labels::{self, Apology};
use super::layout::preferred_language;
use super::{address, session};
use super::{cookie, on, style};
use crate::kit::Language;
use crate::kit::RequestId;
use crate::platform::Service;
use crate::web::http::html::{self, PagePolicy};
use crate::web::http::{Code, Problem};

#[derive(Template)]
#[template(path = "web/console/pages/refused.html")]
struct Refused {
    nonce: String,
    language: Language,
    style: String,
    apology: Apology,
}

/// Middleware around all console pages: keeps the session alive, renders errors, adds security headers.
pub(super) async fn handle_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if is_by_hand(request.request())
        && let Some(service) = request.app_data::<Data<Service>>()
        && let Some(secret) = cookie::secret_of(service, request.request())
    {
        session::keep_alive(service, secret).await;
    }
    let response = next.call(request).await?;
    let Some(problem) = problem_of(&response) else {
        let mut response = response.map_into_boxed_body();
        harden(&mut response);
        return Ok(response);
    };
    let answer = answer(response.request(), &problem);
    Ok(response.into_response(answer.unwrap_or_else(|problem| problem.respond(&RequestId::from("")))))
}

/// Query string of pages that reload themselves, such as the check-in code without JavaScript.
pub(super) const BY_ITSELF: &str = "by=itself";

/// Whether a person made the request. Automatic requests (Fetch Metadata `Sec-Fetch-Dest: empty`, or
/// [`BY_ITSELF`]) do not count as use of the session: a tab left open times out like any other.
fn is_by_hand(request: &HttpRequest) -> bool {
    let is_fetched = request.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "empty");
    !is_fetched && request.query_string() != BY_ITSELF
}

fn problem_of<B>(response: &ServiceResponse<B>) -> Option<Problem> {
    let is_bare = response.status().is_client_error() || response.status().is_server_error();
    match response.response().error() {
        Some(error) => error.as_error::<Problem>().cloned().or_else(|| Some(other(response.status()))),
        None if is_bare && !response.headers().contains_key(CONTENT_TYPE) => Some(other(response.status())),
        None => None,
    }
}

/// Errors that actix-web answers itself, such as an unknown path.
fn other(status: StatusCode) -> Problem {
    match status.is_client_error() {
        true => Problem::new(Code::NotFound, "Check the address."),
        false => Problem::new(Code::Internal, "Nothing was changed. Try again."),
    }
}

fn answer(request: &HttpRequest, problem: &Problem) -> Result<HttpResponse, Problem> {
    if problem.code == Code::Unauthorized {
        return Ok(to_sign_in(request));
    }
    let service = request.app_data::<Data<Service>>().ok_or_else(|| problem.clone())?;
    let language = preferred_language(request).unwrap_or_default();
    let page = Refused {
        nonce: html::nonce(service),
        language,
        style: style::address(),
        apology: labels::apology(language, problem.code),
    };
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = html::page(service, status, &page.nonce, PagePolicy::Nothing, page.render())?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(answer)
}

/// A form cannot be sent again after a sign-in, so that sign-in returns to the console's start page.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let asked = request.uri().path_and_query().map_or("/console", |asked| asked.as_str());
    let next = if request.method() == Method::GET { address::local(asked) } else { "/console" };
    match next {
        "/console" => on("/console/sign-in"),
        next => on(&format!("/console/sign-in?next={}", address::in_query(next))),
    }
}

/// Responses that are not pages (images, stylesheets) get a policy that forbids scripts too.
fn harden(response: &mut ServiceResponse<BoxBody>) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}
