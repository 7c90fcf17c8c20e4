//! The session cookie: holds the secret of a signed-in staff member.

use actix_web::HttpRequest;

use crate::kit::Secret;
use crate::platform::Service;
use crate::web::http::cookie;

/// Reads the session secret from a request's cookie.
pub(super) fn secret_of(service: &Service, request: &HttpRequest) -> Option<Secret> {
    cookie::of_staff(service, request).map(Secret::from_client)
}

/// The `Set-Cookie` value for a new secret, kept until the browser closes or the session ends.
pub(super) fn set(service: &Service, secret: &Secret) -> String {
    write(service, secret.expose(), "")
}

/// The `Set-Cookie` value that removes the cookie.
pub(super) fn clear(service: &Service) -> String {
    write(service, "", "; Max-Age=0")
}

fn write(service: &Service, value: &str, life: &str) -> String {
    let (name, secure) =
        (cookie::staff_name(service), if cookie::is_plain(service) { "" } else { "; Secure" });
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}")
}
