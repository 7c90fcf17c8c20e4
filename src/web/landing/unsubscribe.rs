//! HTTP handlers of the page that stops a link's notifications.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};

use super::unsubscribe_page::{self, Step};
use super::{Landing, document, inline};
use crate::domain::notifications::{self, Subscription};
use crate::problems;
use crate::web::http::html::PagePolicy;
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
    landing: Data<Landing>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let subscription = landing.service.read(move |tx| notifications::look_up(tx, &token)).await?;
    show(&landing, &call, subscription.as_ref(), Step::Confirm).await
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
    landing: Data<Landing>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    // The token identifies the recipient and the link; the body that mail programs send is not read.
    let subscription = landing.service.write(move |tx| notifications::unsubscribe(tx, &token)).await?;
    show(&landing, &call, subscription.as_ref(), Step::Done).await
}

async fn show(
    landing: &Landing,
    call: &RequestContext,
    subscription: Option<&Subscription>,
    step: Step,
) -> Result<HttpResponse, Problem> {
    let (status, policy, page) = if let Some(subscription) = subscription {
        let language = call.language.unwrap_or(subscription.to.practice.language);
        (StatusCode::OK, PagePolicy::Form, unsubscribe_page::of(subscription, step, language))
    } else {
        let page = unsubscribe_page::unknown(call.language.unwrap_or_default());
        (StatusCode::NOT_FOUND, PagePolicy::Nothing, page)
    };
    // The token in the URL is not on the page, so it may be compressed.
    document::respond(landing, call.accepted, status, (&inline::UNSUBSCRIBE_STYLE, policy), page).await
}
