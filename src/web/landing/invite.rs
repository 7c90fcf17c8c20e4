//! Pages behind the two links of an invite.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::user_agent::{Platform, Visitor};
use super::{counts, document, inline, invited};
use crate::domain::invites::{self, Error, Invite, State};
use crate::kit::Secret;
use crate::problems;
use crate::web::http::html::PagePolicy;
use crate::web::http::{Problem, RequestContext};
use crate::web::landing::Landing;

problems!(InviteProblems: plain, LinkPaused);

/// Get the page of an invite
#[utoipa::path(
    tag = "links",
    params(
        (
            "token" = String,
            Path,
            description = "Token from the link in the text message",
            example = "3q2-7wAAAAAAAAAAAAAAAA",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The inviting practice and how to get the app; the invited person is not named",
            content_type = "text/html",
        ),
        (
            status = 404,
            description = "The same page for unknown, used, revoked and expired invites",
            content_type = "text/html",
        ),
        InviteProblems,
    ),
)]
#[get("/i/{token}")]
pub(crate) async fn get_invite_page(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let visitor = Visitor::of(request.headers(), |agent| landing.cache.platform(agent));
    let (secret, again) = (Secret::from_client(&token), Secret::from_client(&token));
    let (invite, to) = match landing.service.read(move |tx| invites::find_by_token(tx, &secret)).await {
        Ok(found) => found,
        Err(error) => return gone(&landing, &call, error).await,
    };
    // Only a person marks it as opened; previews and mail scanners do not.
    if invite.state(landing.service.clock.now()) == State::Sent
        && counts(&landing.service, &request, visitor.is_machine)
    {
        let opened = landing.service.write(move |tx| invites::open(tx, &again)).await;
        if let Err(error) = opened {
            return gone(&landing, &call, error).await;
        }
    }
    let platform = if visitor.is_machine { Platform::Preview } else { visitor.platform };
    let language = call.language.unwrap_or(invite.language);
    let badges = landing.cache.badges(&landing.service.settings);
    let page = invited::invited(&landing.service.settings, badges, &to, (language, platform));
    respond(&landing, &call, StatusCode::OK, PagePolicy::Nothing, page).await
}

problems!(EmailProblems: plain);

/// Get the page that verifies an invite's e-mail address
#[utoipa::path(
    tag = "links",
    params(
        (
            "token" = String,
            Path,
            description = "Token from the link in the e-mail",
            example = "3q2-7wAAAAAAAAAAAAAAAA",
        ),
    ),
    responses(
        (
            status = 200,
            description = "A page with one button; opening it verifies nothing, because mail servers open \
                links too",
            content_type = "text/html",
        ),
        (status = 404, description = "Same as for the page of the invite", content_type = "text/html"),
        EmailProblems,
    ),
)]
#[get("/i/{token}/email")]
pub(crate) async fn get_invite_email_page(
    landing: Data<Landing>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let secret = Secret::from_client(&token);
    let found = landing.service.read(move |tx| invites::find_by_email_token(tx, &secret)).await;
    email_page(&landing, &call, found).await
}

/// Verify the e-mail address of an invite
#[utoipa::path(
    tag = "links",
    params(
        (
            "token" = String,
            Path,
            description = "Token from the link in the e-mail",
            example = "3q2-7wAAAAAAAAAAAAAAAA",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The address is verified; the page shows the next steps",
            content_type = "text/html",
        ),
        (status = 404, description = "Same as for the page of the invite", content_type = "text/html"),
        EmailProblems,
    ),
)]
#[post("/i/{token}/email")]
pub(crate) async fn verify_invite_email(
    landing: Data<Landing>,
    call: RequestContext,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let secret = Secret::from_client(&token);
    let verified = landing.service.write(move |tx| invites::verify_email(tx, &secret)).await;
    email_page(&landing, &call, verified).await
}

async fn email_page(
    landing: &Landing,
    call: &RequestContext,
    found: Result<Invite, Error>,
) -> Result<HttpResponse, Problem> {
    let invite = match found {
        Ok(invite) => invite,
        Err(error) => return gone(landing, call, error).await,
    };
    let language = call.language.unwrap_or(invite.language);
    let is_verified = invite.email_proven_at.is_some();
    let does = if is_verified { PagePolicy::Nothing } else { PagePolicy::Form };
    let page = invited::email(&landing.service.settings, is_verified, language);
    respond(landing, call, StatusCode::OK, does, page).await
}

async fn gone(landing: &Landing, call: &RequestContext, error: Error) -> Result<HttpResponse, Problem> {
    match error {
        Error::Db(error) => Err(error.into()),
        Error::Link(link) => Err(link.into()),
        _ => {
            let page = invited::gone(call.language.unwrap_or_default());
            respond(landing, call, StatusCode::NOT_FOUND, PagePolicy::Nothing, page).await
        }
    }
}

/// The token in the URL is not on the page, so it may be compressed.
async fn respond(
    landing: &Landing,
    call: &RequestContext,
    status: StatusCode,
    policy: PagePolicy,
    page: askama::Result<String>,
) -> Result<HttpResponse, Problem> {
    document::respond(landing, call.accepted, status, (&inline::PLAIN_STYLE, policy), page).await
}
