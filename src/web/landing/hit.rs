//! Middleware that answers requests for cached pages before all other middleware: a waiting room that opens
//! one link requests the same page again and again, and everything else that a request passes through costs
//! more than the page.
//!
//! The response is the same as that of the page's own handler and made by the same function
//! (`pages::shown`), and the request is counted in the metrics; it is not logged. A request for an uncached
//! page goes through the other middleware.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use std::time::Instant;

use super::cache::Key;
use super::pages::{Ask, shown};
use super::user_agent::Visitor;
use super::{is_open_host, is_visit};
use crate::kit::Language;
use crate::kit::ids::RequestId;
use crate::web::http::problem::REQUEST_ID;
use crate::web::http::{Draining, client_ip, request_context};
use crate::web::landing::Landing;

/// Wraps the whole landing, including the request context middleware.
pub async fn hit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match at_hand(&request) {
        Some(answer) => Ok(request.into_response(answer)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn at_hand(request: &ServiceRequest) -> Option<HttpResponse> {
    let began = Instant::now();
    if request.method() != Method::GET
        || request.app_data::<Data<Draining>>().is_some_and(|flag| flag.is_set())
    {
        return None;
    }
    let (code, is_scan) = match request.path().strip_prefix("/Q/") {
        Some(code) => (code, true),
        None => (request.path().strip_prefix('/')?, false),
    };
    if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let landing = request.app_data::<Data<Landing>>()?;
    let network = client_ip::network(request.request(), &landing.service.settings.trusted_proxies);
    if landing.code_guesses.has_missed(&network, landing.service.now()) {
        return None;
    }
    let visitor = Visitor::of(request.headers(), |agent| landing.cache.lead(agent));
    let language = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let key = Key {
        code: code.to_owned(),
        language: language.and_then(Language::negotiate),
        lead: visitor.lead,
        is_open_host: is_open_host(&landing.service, request.request()),
    };
    let drawn = landing.cache.find(&key)?;
    let ask = Ask {
        key: &key,
        query: request.query_string(),
        is_machine: visitor.is_machine,
        is_scan,
        is_visit: is_visit(&landing.service, request.request()),
    };
    let mut answer = shown(landing, &drawn, &ask).ok()?;
    let id = landing.service.id::<RequestId>();
    answer.headers_mut().insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).ok()?);
    request_context::count("GET", if is_scan { "/Q/{code}" } else { "/{code}" }, 200, began.elapsed());
    Some(answer)
}
