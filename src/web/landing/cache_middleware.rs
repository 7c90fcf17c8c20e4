//! Middleware that answers requests for cached pages before all other middleware: a waiting room that opens
//! one link requests the same page again and again, and everything else that a request passes through costs
//! more than the page.
//!
//! The response is the same as that of the page's own handler and made by the same function
//! (`landing_page::respond`), and the request is counted in the metrics; it is not logged. A request for an
//! uncached page goes through the other middleware.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use super::cache::PageKey;
use super::landing_page::{PageRequest, respond};
use super::{Landing, is_open_host, is_visit};
use crate::kit::{Language, RequestId};
use crate::web::http::content_coding::Accepted;
use crate::web::http::problem::REQUEST_ID;
use crate::web::http::{Draining, client_ip, request_scope};

/// Wraps the whole app, including the request context middleware.
pub(crate) async fn serve_cached(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match cached(&request) {
        Some(response) => Ok(request.into_response(response)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn cached(request: &ServiceRequest) -> Option<HttpResponse> {
    let began = Instant::now();
    let is_draining = request.app_data::<Data<Draining>>().is_some_and(|flag| flag.is_set());
    if request.method() != Method::GET || is_draining {
        return None;
    }
    let (code, is_scan) = code_of(request.path())?;
    let landing = request.app_data::<Data<Landing>>()?;
    let network = client_ip::network(request.request(), &landing.settings().trusted_proxies);
    if landing.code_guesses.has_missed(&network, landing.service.now()) {
        return None;
    }
    let visitor = landing.visitor(request.headers());
    let language = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let key = PageKey {
        code: code.to_owned(),
        language: language.and_then(Language::negotiate),
        platform: visitor.platform,
        is_open_host: is_open_host(&landing.service, request.request()),
    };
    let page = landing.cache.page(&key)?;
    let coding = Accepted::of(request.headers()).best();
    if !page.document.is_ready(coding) {
        return None;
    }
    let asked = PageRequest {
        key: &key,
        query: request.query_string(),
        coding,
        is_machine: visitor.is_machine,
        is_scan,
        is_visit: is_visit(&landing.service, request.request()),
    };
    let mut response = respond(landing, &page, &asked);
    let id = landing.service.id::<RequestId>();
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).ok()?);
    request_scope::count("GET", if is_scan { "/Q/{code}" } else { "/{code}" }, 200, began.elapsed());
    Some(response)
}

/// The code in a landing page's path, and whether it is the path of a QR code.
fn code_of(path: &str) -> Option<(&str, bool)> {
    let scanned = path.strip_prefix("/Q/");
    let code = scanned.or_else(|| path.strip_prefix('/'))?;
    let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    is_code.then_some((code, scanned.is_some()))
}
