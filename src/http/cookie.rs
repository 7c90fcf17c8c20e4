//! Reading a cookie, and the name of the one that we set: a staff member's.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

use crate::app::App;

/// With the prefix a browser takes it from this host alone, over TLS alone, for all paths. A development service on
/// plain HTTP could not set it.
const NAME: &str = "__Host-practice_links";
const PLAIN_NAME: &str = "practice_links";

/// Whether the service speaks plain HTTP, as it may in development alone.
pub fn is_plain(app: &App) -> bool {
    app.config.is_development() && !app.config.public_url.starts_with("https://")
}

/// The name of the cookie that holds a staff member's secret.
pub fn staff_name(app: &App) -> &'static str {
    if is_plain(app) { PLAIN_NAME } else { NAME }
}

/// What stands in that cookie, whether it is (still) good or not.
pub fn of_staff<'a>(app: &App, request: &'a HttpRequest) -> Option<&'a str> {
    let name = staff_name(app);
    let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
}
