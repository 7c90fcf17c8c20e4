//! Pages behind the two links of an invite.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::counts;
use super::invited;
use super::user_agent::{Lead, Visitor};
use crate::domain::invites::{self, Invite, Refusal, State};
use crate::kit::Secret;
use crate::platform::tx::App;
use crate::refusals;
use crate::web::http::html::Does;
use crate::web::http::{Call, Problem, html};

refusals!(InviteRefusals: plain, LinkPaused);

/// Get the page of an invite
#[utoipa::path(tag = "links", params(("token" = String, Path, description = "Token from the link in the text message", example = "3q2-7wAAAAAAAAAAAAAAAA")),
    responses((status = 200, description = "The inviting practice and how to get the app; the invited person is not named", content_type = "text/html"),
    (status = 404, description = "The same page for unknown, used, revoked and expired invites", content_type = "text/html"), InviteRefusals))]
#[get("/i/{token}")]
pub async fn get_invite_page(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let visitor = Visitor::of(request.headers(), |agent| app.front.lead(agent));
    let (secret, again) = (Secret::from_client(&token), Secret::from_client(&token));
    let (invite, to) = match app.read(move |ctx, conn| invites::look(ctx, conn, &secret)).await {
        Ok(found) => found,
        Err(refusal) => return gone(&app, &call, refusal),
    };
    // Only a person marks it as opened; previews and mail scanners do not.
    if invite.state(app.clock.now()) == State::Sent && counts(&app, &request, visitor.is_machine) {
        let opened = app.write(move |ctx, conn| invites::open(ctx, conn, &again)).await;
        if let Err(refusal) = opened {
            return gone(&app, &call, refusal);
        }
    }
    let lead = if visitor.is_machine { Lead::Preview } else { visitor.lead };
    let (nonce, language) = (html::nonce(&app), call.language.unwrap_or(invite.language()));
    let badges = app.front.badges(&app.config);
    let page = invited::invited(&app.config, badges, &to, (language, lead), &nonce);
    html::page(&app, StatusCode::OK, &nonce, Does::Nothing, page)
}

refusals!(EmailRefusals: plain);

/// Get the page that verifies an invite's e-mail address
#[utoipa::path(tag = "links", params(("token" = String, Path, description = "Token from the link in the e-mail", example = "3q2-7wAAAAAAAAAAAAAAAA")),
    responses((status = 200, description = "A page with one button; opening it verifies nothing, because mail servers open links too", content_type = "text/html"),
    (status = 404, description = "Same as for the page of the invite", content_type = "text/html"), EmailRefusals))]
#[get("/i/{token}/email")]
pub async fn get_invite_email_page(
    app: Data<App>,
    call: Call,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let secret = Secret::from_client(&token);
    let found = app.read(move |ctx, conn| invites::email_page(ctx, conn, &secret)).await;
    email_page(&app, &call, found)
}

/// Verify the e-mail address of an invite
#[utoipa::path(tag = "links", params(("token" = String, Path, description = "Token from the link in the e-mail", example = "3q2-7wAAAAAAAAAAAAAAAA")),
    responses((status = 200, description = "The address is verified; the page shows the next steps", content_type = "text/html"),
    (status = 404, description = "Same as for the page of the invite", content_type = "text/html"), EmailRefusals))]
#[post("/i/{token}/email")]
pub async fn verify_invite_email(
    app: Data<App>,
    call: Call,
    token: Path<String>,
) -> Result<HttpResponse, Problem> {
    let secret = Secret::from_client(&token);
    let proven = app.write(move |ctx, conn| invites::prove_email(ctx, conn, &secret)).await;
    email_page(&app, &call, proven)
}

fn email_page(app: &App, call: &Call, found: Result<Invite, Refusal>) -> Result<HttpResponse, Problem> {
    let invite = match found {
        Ok(invite) => invite,
        Err(refusal) => return gone(app, call, refusal),
    };
    let (nonce, language) = (html::nonce(app), call.language.unwrap_or(invite.language()));
    let is_proven = invite.email_proven_at.is_some();
    let does = if is_proven { Does::Nothing } else { Does::Form };
    html::page(app, StatusCode::OK, &nonce, does, invited::email(&app.config, is_proven, language, &nonce))
}

fn gone(app: &App, call: &Call, refusal: Refusal) -> Result<HttpResponse, Problem> {
    match refusal {
        Refusal::Db(error) => Err(error.into()),
        Refusal::Link(link) => Err(link.into()),
        _ => {
            let nonce = html::nonce(app);
            let body = invited::gone(call.language.unwrap_or_default(), &nonce);
            html::page(app, StatusCode::NOT_FOUND, &nonce, Does::Nothing, body)
        }
    }
}
