//! The middleware of every request: request id, tracing span, metrics, and the form of error responses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError};
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::problem::REQUEST_ID;
use super::request_context::HeadRequest;
use super::{Code, Draining, Problem};
use crate::kit::RequestId;
use crate::platform::Service;

pub async fn request_scope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = assign_id(&mut request);
    let method = label(request.method());
    let draining = request.app_data::<Data<Draining>>().is_some_and(|flag| flag.is_set());
    let span = tracing::info_span!("request", request_id = %id);
    // A handler that panics must not take down the connection, nor the other requests of its thread.
    let caught = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = match caught {
        Ok(Ok(response)) => finish(response, &id),
        Ok(Err(error)) => return Err(unanswered(method, id, problem_of(&error))),
        Err(_panic) => {
            let problem = Problem::new(Code::Internal, "Nothing was changed. Try again.");
            return Err(unanswered(method, id, problem));
        }
    };
    if draining {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    record(method, &route, response.status(), began);
    Ok(response)
}

/// A label for the metrics. An unknown method is arbitrary text, and each one would create another counter.
fn label(method: &Method) -> &'static str {
    const OURS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    OURS.into_iter().find(|ours| method.as_str() == *ours).unwrap_or("other")
}

/// Assigns the request id. HEAD is answered like GET; the protocol layer leaves the body out.
fn assign_id(request: &mut ServiceRequest) -> RequestId {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(HeadRequest);
    }
    let id = request.app_data::<Data<Service>>().map(|service| service.id());
    let id = id.unwrap_or_else(|| RequestId::from(""));
    request.extensions_mut().insert(id.clone());
    id
}

/// Adds the request id to errors of every layer, and the common headers to every response.
fn finish<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    id: &RequestId,
) -> ServiceResponse<BoxBody> {
    let problem = match response.response().error() {
        Some(error) => Some(problem_of(error)),
        None if is_bare_error(response.response()) => Some(generic(response.status())),
        None => None,
    };
    let mut response = match problem {
        Some(problem) => response.into_response(problem.respond(id)),
        None => response.map_into_boxed_body(),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_bare_error<B>(response: &HttpResponse<B>) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(CONTENT_TYPE)
}

fn problem_of(error: &Error) -> Problem {
    match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None => generic(error.as_response_error().status_code()),
    }
}

/// The problem for an error that the framework itself produced.
fn generic(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "Check the address."),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(Code::MethodNotAllowed, "Check the method."),
        StatusCode::REQUEST_TIMEOUT => Problem::new(Code::RequestTimeout, "Send the request again."),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge, "Send at most 16 KiB."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(Code::UnsupportedMediaType, "Send JSON."),
        status if status.is_client_error() => Problem::new(Code::MalformedRequest, "Check the request."),
        _ => Problem::new(Code::Internal, "Nothing was changed. Try again."),
    }
}

/// An error without a response to replace: the server renders the error itself.
#[derive(Debug)]
struct UnansweredError {
    problem: Problem,
    id: RequestId,
}

impl std::fmt::Display for UnansweredError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for UnansweredError {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.problem.respond(&self.id)
    }
}

fn unanswered(method: &'static str, id: RequestId, problem: Problem) -> Error {
    record(method, "unmatched", problem.status_code(), Instant::now());
    UnansweredError { problem, id }.into()
}

/// Logs the route's pattern, never the path or the query: those carry codes.
fn record(method: &'static str, route: &str, status: StatusCode, began: Instant) {
    let (status, took) = (status.as_u16(), began.elapsed());
    count(method, route, status, took);
    let millis = took.as_secs_f64() * 1000.0;
    tracing::info!(method, route, status, millis, "request");
}

thread_local! {
    /// The counters that this thread has used: looking one up by its labels costs more than counting.
    static COUNTERS: RefCell<HashMap<(&'static str, String, u16), metrics::Histogram>> = RefCell::default();
}

/// Counts a request. Routes come from the OpenAPI document, so the number of counters is bounded.
pub fn count(method: &'static str, route: &str, status: u16, took: Duration) {
    COUNTERS.with_borrow_mut(|counters| {
        let key = (method, route.to_owned(), status);
        let counter = counters.entry(key).or_insert_with(|| {
            let labels =
                [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
            metrics::histogram!("http_request_seconds", &labels)
        });
        counter.record(took.as_secs_f64());
    });
}
