//! The cookie that holds a staff member's secret.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

use crate::app::App;
use crate::kit::Secret;

/// With the prefix a browser takes it from this host alone, over TLS alone, for all paths. A development service on
/// plain HTTP could not set it.
const NAME: &str = "__Host-practice_links";
const PLAIN_NAME: &str = "practice_links";

fn is_plain(app: &App) -> bool {
    app.config.is_development() && !app.config.public_url.starts_with("https://")
}

/// The secret that a request's cookie holds.
pub fn read(app: &App, request: &HttpRequest) -> Option<Secret> {
    let name = if is_plain(app) { PLAIN_NAME } else { NAME };
    let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, value)| *found == name && !value.is_empty())?;
    Some(Secret::from_client(value))
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
    let (name, secure) = if is_plain(app) { (PLAIN_NAME, "") } else { (NAME, "; Secure") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}")
}
