//! The session cookie: holds the secret of a signed-in staff member.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::kit::Secret;
use crate::platform::Service;
use crate::web::http::cookie;

/// Reads the session secret from a request's cookie.
pub(super) fn secret_of(service: &Service, request: &HttpRequest) -> Option<Secret> {
    cookie::of_staff(service, request).as_deref().map(Secret::from_client)
}

/// The cookie for a new secret, kept until the browser closes or the session ends.
pub(super) fn session(service: &Service, secret: &Secret) -> Cookie<'static> {
    with_value(service, secret.expose().to_owned())
}

/// The cookie that removes the session's.
pub(super) fn removal(service: &Service) -> Cookie<'static> {
    let mut cookie = with_value(service, String::new());
    // Not `make_removal`, which adds an `Expires` of the wall clock: nothing else here depends on that clock.
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn with_value(service: &Service, value: String) -> Cookie<'static> {
    let cookie = Cookie::build(cookie::staff_name(service), value).path("/").http_only(true);
    cookie.same_site(SameSite::Lax).secure(!cookie::is_plain(service)).finish()
}
