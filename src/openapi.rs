//! The OpenAPI document: what is said once, for all operations.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};

use crate::http::problem::ProblemBody;
use crate::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Practice Links",
        description = "From a practice's link to a secure conversation with that practice. Refusals are problem details (RFC 9457) with a stable `code`; waits are whole seconds; points in time are RFC 3339 UTC with milliseconds. Any POST takes an `Idempotency-Key`: the same key, caller, route and body within 24 hours get the first answer again.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "links", description = "The codes on the flyers, and what a phone gets for one"),
        (name = "verifications", description = "Proving a phone number"),
        (name = "accounts", description = "Signing up"),
        (name = "sessions", description = "Signing in, staying signed in, signing out"),
        (name = "me", description = "The patient's own data"),
        (name = "staff", description = "Staff signing in with two factors, staying signed in, signing out"),
        (name = "practice", description = "The practice's own view: inbox, links, print kit, funnel, notifications, webhooks, staff, teams"),
        (name = "notices", description = "The end of a notice, and what becomes of e-mails"),
        (name = "callbacks", description = "What providers tell us: reports and inbound texts, signed or with a token"),
        (name = "operations", description = "For operators and QA"),
        (name = "development", description = "In development alone; in production these answer 404"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Security),
)]
struct Base;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let bearer = |format: &str, text: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
            SecurityScheme::Http(scheme.description(Some(text)).build())
        };
        components.add_security_scheme("access_token", bearer("JWT", "The `access_token` of a session."));
        components
            .add_security_scheme("staff_token", bearer("JWT", "The `access_token` of a staff sign-in."));
        components
            .add_security_scheme("client_secret", bearer("opaque", "The `client_secret` of a verification."));
    }
}

/// The document without paths; the server adds those that it serves.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The whole document, without a server.
pub fn document() -> OpenApi {
    use utoipa_actix_web::AppExt as _;
    let app = actix_web::App::new().into_utoipa_app().openapi(base()).configure(routes::all);
    app.split_for_parts().1
}

/// The whole document as text.
pub fn json() -> String {
    text(&document())
}

/// A document as it is committed and served: pretty, with a final line break.
pub fn text(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
