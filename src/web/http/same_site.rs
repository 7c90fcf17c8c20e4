//! Cross-site request forgery: the origin of a form.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use crate::platform::Service;

/// Rejects forms of other sites: browsers send the origin of a form. A client that does not send it is not
/// a browser that another site could misuse.
pub fn is_same_site(service: &Service, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        // A page without a referrer sends `null`.
        (None, Some(origin)) => {
            let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
            origin == "null"
                || origin == service.settings.public_url
                || origin.ends_with(&format!("//{host}"))
        }
        (None, None) => true,
    }
}
