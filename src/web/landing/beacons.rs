//! Page view beacons: a person saw the page, or tapped a store button.
//!
//! They are answered at once and without the database; a beacon with an invalid visit token, or a repeated
//! one, gets the same response and is ignored.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::{Landing, counts, digits, visit_token};
use crate::domain::link_analytics::Step;
use crate::problems;
use crate::web::http::query::parameter;
use crate::web::http::{Problem, client_ip};

/// The smallest transparent image (`GIF89a`).
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\
    \x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

problems!(CountingProblems: plain, NotFound);

/// Record a confirmed page view
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code", example = "123456"),
        (
            "visit" = Option<String>,
            Query,
            description = "Visit token of the page",
            example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl",
        ),
    ),
    responses(
        (status = 204, description = "Accepted; counted once if the visit token is valid"),
        CountingProblems,
    ),
)]
#[post("/{code}/seen")]
pub(crate) async fn record_page_view(
    landing: Data<Landing>,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    count(&landing, &request, &code, Step::ConfirmedView);
    Ok(HttpResponse::NoContent().finish())
}

/// Record a confirmed page view without JavaScript
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code", example = "123456"),
        (
            "visit" = Option<String>,
            Query,
            description = "Visit token of the page",
            example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl",
        ),
    ),
    responses(
        (status = 200, description = "One transparent pixel", content_type = "image/gif", body = Vec<u8>),
        CountingProblems,
    ),
)]
#[get("/{code}/seen.gif")]
pub(crate) async fn record_page_view_by_image(
    landing: Data<Landing>,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    count(&landing, &request, &code, Step::ConfirmedView);
    Ok(HttpResponse::Ok().content_type("image/gif").body(PIXEL))
}

/// Record a tap on a store button
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code", example = "123456"),
        ("store" = Option<String>, Query, description = "`ios` or `android`", example = "ios"),
        (
            "visit" = Option<String>,
            Query,
            description = "Visit token of the page",
            example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl",
        ),
    ),
    responses(
        (status = 204, description = "Accepted; counted once if the visit token is valid"),
        CountingProblems,
    ),
)]
#[post("/{code}/tap")]
pub(crate) async fn record_store_tap(
    landing: Data<Landing>,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    match parameter(request.query_string(), "store").as_deref() {
        Some("ios") => count(&landing, &request, &code, Step::TapIos),
        Some("android") => count(&landing, &request, &code, Step::TapAndroid),
        _ => {}
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A code cannot be guessed here, because none is looked up; an address over the
/// code-guess limit is ignored.
fn count(landing: &Landing, request: &HttpRequest, code: &str, step: Step) {
    let Landing { service, code_guesses, page_views, .. } = landing;
    let network = client_ip::network(request, &service.settings.trusted_proxies);
    let Some(token) = parameter(request.query_string(), "visit") else { return };
    let Some(visit) = visit_token::verify(service, code, &token) else { return };
    if counts(service, request, landing.visitor(request.headers()).is_machine)
        && code_guesses.may_report(&service.settings, &network, service.now())
    {
        page_views.add_once(service.now(), &visit.link_id, step, visit.channel, visit.visit);
    }
}
