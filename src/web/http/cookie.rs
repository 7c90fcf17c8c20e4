//! Reading cookies, and the name of the only cookie that the service sets: the staff session's.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

use crate::platform::Service;

/// The prefix makes a browser accept the cookie only from this host, only over TLS, and for all paths. A
/// development service on plain HTTP could not set it.
const NAME: &str = "__Host-practice_links";
const PLAIN_NAME: &str = "practice_links";

/// Whether the service speaks plain HTTP, which is possible only in development.
pub fn is_plain(service: &Service) -> bool {
    service.settings.is_development() && !service.settings.public_url.starts_with("https://")
}

/// The name of the staff session cookie.
pub fn staff_name(service: &Service) -> &'static str {
    if is_plain(service) { PLAIN_NAME } else { NAME }
}

/// The value of the staff session cookie, not checked for validity.
pub fn of_staff<'a>(service: &Service, request: &'a HttpRequest) -> Option<&'a str> {
    let name = staff_name(service);
    let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
}
