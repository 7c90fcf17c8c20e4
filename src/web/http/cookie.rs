//! Reading cookies, and the name of the only cookie that the service sets: the staff session's.

use actix_web::HttpRequest;

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
pub fn of_staff(service: &Service, request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie_raw(staff_name(service))?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}
