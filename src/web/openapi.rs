//! The OpenAPI document: the parts that are shared by all operations.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};
use utoipa_actix_web::OpenApiFactory;

use crate::web::http::problem::ProblemBody;
use crate::web::routes::{self, Registry};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Practice Links",
        description = "From a practice's link to a secure conversation with that practice. Errors are \
            problem details (RFC 9457) with a stable `code`; waits are whole seconds; points in time are RFC \
            3339 UTC with milliseconds. Any POST takes an `Idempotency-Key`: the same key, caller, route and \
            body within 24 hours return the stored answer.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (
            name = "links",
            description = "Link codes, as printed on flyers, and the link tokens that the app gets for them",
        ),
        (name = "verifications", description = "Verify a phone number"),
        (name = "accounts", description = "Sign up"),
        (name = "sessions", description = "Sign in, refresh and sign out"),
        (name = "me", description = "The signed-in patient's own data"),
        (name = "staff", description = "Staff sign-in with two factors, refresh and sign-out"),
        (
            name = "practice",
            description = "The practice API: inbox, identity checks, records, invites, links, print kit, \
                funnel, notifications, webhooks, staff, teams and audit log",
        ),
        (name = "notices", description = "Unsubscribing from notices, and e-mail delivery events"),
        (
            name = "callbacks",
            description = "Provider callbacks: delivery reports and inbound text messages, signed or with a \
                token",
        ),
        (name = "operations", description = "Health, metrics and documents for operators and QA"),
        (name = "development", description = "Only in development; in production these endpoints answer 404"),
    ),
    components(schemas(ProblemBody)), modifiers(&Security),
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

/// The document. Handlers mention the same schemas again and again, and each brings them all: they are
/// merged one handler at a time, since together they are twenty megabytes.
impl Registry for OpenApi {
    fn service<F: OpenApiFactory>(&mut self, handler: F) -> &mut Self {
        self.paths.merge(handler.paths());
        let mut schemas = Vec::new();
        handler.schemas(&mut schemas);
        self.components.get_or_insert_with(Components::new).schemas.extend(schemas);
        self
    }

    fn undocumented<F>(&mut self, _: impl FnOnce() -> F) -> &mut Self {
        self
    }
}

/// Builds the whole document without starting a server.
pub fn document() -> OpenApi {
    let mut document = Base::openapi();
    routes::all(&mut document);
    document
}

/// The whole document as JSON text.
pub fn json() -> String {
    text(&document())
}

/// A document as it is committed and served: pretty-printed, with a final line break.
pub fn text(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
