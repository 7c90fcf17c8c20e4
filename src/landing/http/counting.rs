//! What a page tells of its visit: that somebody saw it, and which store's button was tapped.
//!
//! Answered at once and without the database; what is not ours or comes again is thanked for and forgotten.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::super::agent::Visitor;
use super::{counts, digits, parameter, visit_of};
use crate::app::App;
use crate::funnel::Step;
use crate::http::{Problem, client_ip};
use crate::refusals;

/// The smallest transparent picture (`GIF89a`).
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

refusals!(CountingRefusals: plain, NotFound);

/// Tells that a page was seen
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456"), ("visit" = Option<String>, Query, description = "The page's visit", example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl")),
    responses((status = 204, description = "Counted, where it is a visit of ours and not counted yet"), CountingRefusals))]
#[post("/{code}/seen")]
pub async fn seen(app: Data<App>, request: HttpRequest, code: Path<String>) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    count(&app, &request, &code, Step::ConfirmedView);
    Ok(HttpResponse::NoContent().finish())
}

/// The same, for a browser without scripts
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456"), ("visit" = Option<String>, Query, description = "The page's visit", example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl")),
    responses((status = 200, description = "One transparent pixel", content_type = "image/gif", body = Vec<u8>), CountingRefusals))]
#[get("/{code}/seen.gif")]
pub async fn seen_gif(
    app: Data<App>,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    count(&app, &request, &code, Step::ConfirmedView);
    Ok(HttpResponse::Ok().content_type("image/gif").body(PIXEL))
}

/// Tells that a store's button was tapped
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456"), ("store" = Option<String>, Query, description = "`ios` or `android`", example = "ios"), ("visit" = Option<String>, Query, description = "The page's visit", example = "1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl")),
    responses((status = 204, description = "Counted, where it is a visit of ours and not counted yet"), CountingRefusals))]
#[post("/{code}/tap")]
pub async fn tap(app: Data<App>, request: HttpRequest, code: Path<String>) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    match parameter(&request, "store=") {
        Some("ios") => count(&app, &request, &code, Step::TapIos),
        Some("android") => count(&app, &request, &code, Step::TapAndroid),
        _ => {}
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Nothing is looked up here that a code could be guessed by; an address that tells too much is not heard.
fn count(app: &App, request: &HttpRequest, code: &str, step: Step) {
    let ctx = app.ctx();
    let network = client_ip::network(request, &app.config.trusted_proxies);
    let Some(visit) = visit_of(&ctx, request, code) else { return };
    if counts(app, request, Visitor::of(request.headers(), |agent| app.front.lead(agent)).is_machine)
        && app.guests.may_tell(&app.config, &network, ctx.now)
    {
        app.tally.add_once(ctx.now, visit.link_id, step, visit.channel, visit.id);
    }
}
