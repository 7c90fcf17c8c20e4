//! The public pages: the landing page of a link and what it fetches, invites, unsubscribing.

pub(super) mod beacons;
pub(super) mod cache;
pub(super) mod cache_middleware;
pub(super) mod challenge;
mod challenge_token;
mod document;
pub(super) mod files;
mod inline;
pub(super) mod invite;
mod invited;
pub(super) mod landing_page;
mod recent_cache;
pub(super) mod redirects;
mod templates;
pub(super) mod text_link;
mod ttl_cache;
pub(super) mod unsubscribe;
mod unsubscribe_page;
mod user_agent;
mod visit_token;
mod well_known;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::guard::GuardContext;
use actix_web::http::header::HeaderMap;

use self::cache::LandingCache;
use self::user_agent::Visitor;
use crate::domain::link_analytics::PageViews;
use crate::domain::printing::RenderPool;
use crate::kit::Wait;
use crate::platform::Service;
use crate::platform::rate_limits::CodeGuessLimiter;
use crate::platform::settings::Settings;
use crate::web::http::request_context::is_head;
use crate::web::http::{Code, Problem, RequestContext, cookie};

/// What the handlers of the landing page hold.
pub(super) struct Landing {
    pub service: Service,
    pub cache: Arc<LandingCache>,
    pub code_guesses: Arc<CodeGuessLimiter>,
    pub page_views: Arc<PageViews>,
    pub render_pool: Arc<RenderPool>,
}

impl Landing {
    fn settings(&self) -> &Settings {
        &self.service.settings
    }

    /// Called before a code is looked up; `Err` says when the caller's address may try again.
    fn admit(&self, call: &RequestContext) -> Result<(), Wait> {
        self.code_guesses.admit(self.settings(), &call.network, self.service.now())
    }

    /// Counts a code that no active link has; `Some` if the caller's address tried too many.
    fn miss(&self, call: &RequestContext, code: &str) -> Option<Wait> {
        self.code_guesses.miss(self.settings(), &call.network, code, self.service.now())
    }

    fn visitor(&self, headers: &HeaderMap) -> Visitor {
        Visitor::of(headers, |agent| self.cache.platform(agent))
    }
}

/// A code consists of digits; any other path is not a link.
fn digits(code: &str) -> Result<(), Problem> {
    match !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// Route guard: returns true if the last path segment is a code, plain or grouped as people type it. The
/// two page routes use it, because they are matched before all other routes.
pub(in crate::web::landing) fn is_code_path(guard: &GuardContext<'_>) -> bool {
    let path = guard.head().uri.path().trim_end_matches('/');
    path.rsplit('/').next().is_some_and(redirects::is_code)
}

/// Returns true if the request came in on the second host.
fn is_open_host(service: &Service, request: &HttpRequest) -> bool {
    let open = service.settings.app.open_url.split_once("://").map_or("", |(_, host)| host);
    !open.is_empty() && request.connection_info().host().eq_ignore_ascii_case(open)
}

/// Returns true if an action on the page may be counted: not from a bot, and not from a request
/// that is never counted.
fn counts(service: &Service, request: &HttpRequest, is_machine: bool) -> bool {
    !is_machine && is_visit(service, request)
}

/// Excludes HEAD requests and requests with a staff cookie. The cookie is not checked, because the page is
/// answered without the database, and a made-up cookie only excludes its own sender.
fn is_visit(service: &Service, request: &HttpRequest) -> bool {
    !is_head(request) && cookie::of_staff(service, request).is_none()
}
