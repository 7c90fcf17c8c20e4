//! The cookie that holds a staff member's secret.

use actix_web::HttpRequest;

use crate::app::App;
use crate::http::cookie;
use crate::kit::Secret;

/// The secret that a request's cookie holds.
pub fn read(app: &App, request: &HttpRequest) -> Option<Secret> {
    cookie::of_staff(app, request).map(Secret::from_client)
}

/// `Set-Cookie` for a fresh secret: until the browser closes, or the session ends before.
pub fn set(app: &App, secret: &Secret) -> String {
    write(app, secret.expose(), "")
}

/// `Set-Cookie` that takes it away.
pub fn clear(app: &App) -> String {
    write(app, "", "; Max-Age=0")
}

fn write(app: &App, value: &str, life: &str) -> String {
    let (name, secure) = (cookie::staff_name(app), if cookie::is_plain(app) { "" } else { "; Secure" });
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}")
}
