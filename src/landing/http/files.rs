//! Files that phones and previews fetch: the picture of a shared link, and which links open the app.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get};
use serde_json::Value;

use super::super::{page, well_known};
use super::digits;
use crate::app::App;
use crate::db;
use crate::http::{Call, Code, Problem};
use crate::links::{self, Opened};
use crate::printing;
use crate::refusals;

refusals!(ShareRefusals: plain, NotFound);

/// The picture that a shared link is shown with
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 200, description = "PNG, 1200 × 630 pixels; of a discreet link, one that names no practice", content_type = "image/png", body = Vec<u8>), ShareRefusals))]
#[get("/{code}/share.png")]
pub async fn share_image(app: Data<App>, call: Call, code: Path<String>) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    // Drawn where the link is read: it is work for the processor, and belongs on a blocking thread.
    let drawn = app.read(move |ctx, conn| {
        let (Opened::Open(to) | Opened::Paused(to)) = links::open(conn, &code)? else { return Ok(None) };
        let language = call.language.unwrap_or(to.practice.language());
        let picture = printing::share_image(&page::sheet(&ctx.config, &to, language));
        Ok::<_, db::Error>(Some(picture))
    });
    match drawn.await? {
        Some(Ok(picture)) => Ok(HttpResponse::Ok()
            .content_type("image/png")
            .insert_header((CACHE_CONTROL, "public, max-age=300"))
            .body(picture)),
        Some(Err(_)) => Err(Problem::new(Code::Internal, "This picture cannot be drawn.")),
        None => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}

/// Which links open the iOS app
#[utoipa::path(tag = "links", responses((status = 200, description = "Apple's app site association", body = Object)))]
#[get("/.well-known/apple-app-site-association")]
pub async fn apple_app_site_association(app: Data<App>) -> Json<Value> {
    Json(well_known::apple(&app.config))
}

/// Which links open the Android app
#[utoipa::path(tag = "links", responses((status = 200, description = "Google's Digital Asset Links", body = Vec<Object>)))]
#[get("/.well-known/assetlinks.json")]
pub async fn assetlinks(app: Data<App>) -> Json<Value> {
    Json(well_known::android(&app.config))
}
