//! The console: web pages for the front desk, which needs nothing but a browser.
//!
//! A thin layer. Pages call the same rules as the practice API, with the cookie's secret in place of the
//! bearer token, so the permissions of a role are the same. The pages work without JavaScript.

mod address;
mod chart;
mod cookie;
mod done;
mod error_page;
mod errors;
mod import;
mod inbox;
mod invite_lists;
mod invite_labels;
mod invites;
mod layout;
mod link_form;
mod link_state;
mod links;
mod notifications;
mod print;
mod record_labels;
mod records;
mod session;
mod settings;
mod sign_in;
mod style;
mod viewer;
mod visitors;
mod webhook_log;
mod webhooks;
mod welcome;
mod labels;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header::LOCATION;
use actix_web::middleware::from_fn;
use actix_web::web::{self, get, post};
use actix_web::{HttpResponse, Scope};

use crate::web::http::{Code, Problem};

/// All console routes. They are not part of the OpenAPI document, because they are for people.
pub(super) fn pages() -> impl HttpServiceFactory + 'static {
    let scope = web::scope("/console")
        .route("", get().to(inbox::home))
        .route("/", get().to(inbox::home))
        .route("/style-{version}.css", get().to(style::style))
        .route("/sign-in", get().to(sign_in::ask))
        .route("/sign-in", post().to(sign_in::password))
        .route("/sign-in/code", post().to(sign_in::code))
        .route("/sign-in/token", post().to(sign_in::token))
        .route("/sign-out", post().to(sign_in::out))
        .route("/welcome", get().to(welcome::ask))
        .route("/welcome", post().to(welcome::choose));
    let scope = settings::pages(of_settings(of_invites(of_records(of_links(inbox::routes(scope))))));
    scope.default_service(web::to(nowhere)).wrap(from_fn(error_page::handle_errors))
}

fn of_links(scope: Scope) -> Scope {
    scope
        .route("/links", get().to(links::list))
        .route("/links", post().to(link_form::create))
        .route("/links/new", get().to(link_form::new))
        .route("/links/{id}", get().to(links::show))
        .route("/links/{id}", post().to(link_form::change))
        .route("/links/{id}/edit", get().to(link_form::edit))
        .route("/links/{id}/retire", get().to(link_state::ask_retire))
        .route("/links/{id}/retire", post().to(link_state::retire))
        .route("/links/{id}/pause", post().to(link_state::pause))
        .route("/links/{id}/resume", post().to(link_state::resume))
        .route("/links/{id}/visitors", get().to(visitors::visitors))
        .route("/links/{id}/print", get().to(print::kit))
        .route("/links/{id}/print/{file}", get().to(print::piece))
}

fn of_records(scope: Scope) -> Scope {
    scope
        .route("/records", get().to(records::list))
        .route("/records/import", get().to(import::ask))
        .route("/records/import", post().to(import::create))
        .route("/records/imports/{id}", get().to(import::show))
        .route("/records/imports/{id}/results.csv", get().to(import::results))
        .route("/records/imports/{id}/cancel", post().to(import::cancel))
        .route("/records/{id}", get().to(records::show))
}

fn of_invites(scope: Scope) -> Scope {
    scope
        .route("/invites", get().to(invites::list))
        .route("/invites", post().to(invites::create))
        .route("/invites/new", get().to(invites::new))
        .route("/invites/import", get().to(invite_lists::ask))
        .route("/invites/import", post().to(invite_lists::take))
        .route("/invites/import/{id}", get().to(invite_lists::show))
        .route("/invites/{id}", get().to(invites::show))
        .route("/invites/{id}/resend", post().to(invites::resend))
        .route("/invites/{id}/revoke", post().to(invites::revoke))
}

fn of_settings(scope: Scope) -> Scope {
    scope
        .route("/settings", get().to(settings::index))
        .route("/settings/notices", get().to(notifications::list))
        .route("/settings/notices", post().to(notifications::change))
        .route("/settings/webhooks", get().to(webhooks::list))
        .route("/settings/webhooks", post().to(webhooks::create))
        .route("/settings/webhooks/new", get().to(webhooks::new))
        .route("/settings/webhooks/{id}", get().to(webhook_log::show))
        .route("/settings/webhooks/{id}/state", post().to(webhooks::change_state))
        .route("/settings/webhooks/{id}/rotate", get().to(webhooks::ask_rotate))
        .route("/settings/webhooks/{id}/rotate", post().to(webhooks::rotate))
        .route("/settings/webhooks/{id}/delete", get().to(webhooks::ask_delete))
        .route("/settings/webhooks/{id}/delete", post().to(webhooks::delete))
        .route("/settings/webhooks/{id}/deliveries/{delivery}/replay", post().to(webhook_log::replay))
}

/// An unknown path answers 404 instead of redirecting to the sign-in, which would not help.
async fn nowhere() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Code::NotFound, "Check the address."))
}

/// Redirects after a form (303), so that reloading the page does not send the form again.
fn on(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}
