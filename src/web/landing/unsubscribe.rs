//! HTTP handlers of the page that stops a link's notifications.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};

use super::unsubscribe_page::{self, Step};
use crate::domain::notifications::{self, Subscription};
use crate::platform::Service;
use crate::problems;
use crate::web::http::html::{self, PagePolicy};
use crate::web::http::{Problem, RequestContext};

problems!(UnsubscribeProblems: plain);

/// Show the page that stops a link's e-mails
#[utoipa::path(
    tag = "notices",
    params(
        (
            "token" = String,
            Path,
            description = "Token from the link in the e-mail",
            example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The page, with a button that stops the e-mails",
            content_type = "text/html",
        ),
        (status = 404, description = "Unknown or altered token", content_type = "text/html"),
        UnsubscribeProblems,
    ),
)]
#[get("/unsubscribe/{token}")]
pub(crate) async fn get_unsubscribe_page(
    service: Data<Service>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let subscription = service.read(move |tx| notifications::look_up(tx, &token)).await?;
    show(&service, &call, subscription.as_ref(), Step::Confirm)
}

/// Stop a link's e-mails, by the page's button or in one click (RFC 8058)
#[utoipa::path(
    tag = "notices",
    params(
        (
            "token" = String,
            Path,
            description = "Token from the link in the e-mail",
            example = "c3RmXzAxOThjMWYy.c2lnbmF0dXJl",
        ),
    ),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        example = "List-Unsubscribe=One-Click",
    ),
    responses(
        (
            status = 200,
            description = "Stopped; the last recipient of the practice gets one e-mail a day instead",
            content_type = "text/html",
        ),
        (status = 404, description = "Unknown or altered token", content_type = "text/html"),
        UnsubscribeProblems,
    ),
)]
#[post("/unsubscribe/{token}")]
pub(crate) async fn unsubscribe_from_link(
    service: Data<Service>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    // The token identifies the recipient and the link; the body that mail programs send is not read.
    let subscription = service.write(move |tx| notifications::unsubscribe(tx, &token)).await?;
    show(&service, &call, subscription.as_ref(), Step::Done)
}

fn show(
    service: &Service,
    call: &RequestContext,
    subscription: Option<&Subscription>,
    step: Step,
) -> Result<HttpResponse, Problem> {
    let nonce = html::nonce(service);
    let Some(subscription) = subscription else {
        let body = unsubscribe_page::unknown(call.language.unwrap_or_default(), &nonce);
        return html::page(service, StatusCode::NOT_FOUND, &nonce, PagePolicy::Nothing, body);
    };
    let language = call.language.unwrap_or(subscription.to.practice.language);
    let body = unsubscribe_page::of(subscription, step, language, &nonce);
    html::page(service, StatusCode::OK, &nonce, PagePolicy::Form, body)
}
