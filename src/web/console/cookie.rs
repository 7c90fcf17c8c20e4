//! The session cookie: holds the secret of a signed-in staff member.

use actix_web::HttpRequest;

use crate::kit::Secret;
use crate::platform::tx::App;
use crate::web::http::cookie;

/// Reads the session secret from a request's cookie.
pub fn read(app: &App, request: &HttpRequest) -> Option<Secret> {
    cookie::of_staff(app, request).map(Secret::from_client)
}

/// The `Set-Cookie` value for a new secret, kept until the browser closes or the session ends.
pub fn set(app: &App, secret: &Secret) -> String {
    write(app, secret.expose(), "")
}

/// The `Set-Cookie` value that removes the cookie.
pub fn clear(app: &App) -> String {
    write(app, "", "; Max-Age=0")
}

fn write(app: &App, value: &str, life: &str) -> String {
    let (name, secure) = (cookie::staff_name(app), if cookie::is_plain(app) { "" } else { "; Secure" });
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}")
}
