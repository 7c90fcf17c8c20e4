//! Files that phones and previews fetch: the preview image of a link, the logo, and
//! the app association files.

use std::sync::Arc;

use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::Value;

use super::{digits, parameter};
use super::{page, well_known};
use crate::domain::links::{self, Opened};
use crate::domain::printing::{Share, Unprintable};
use crate::kit::Language;
use crate::platform::db;
use crate::refusals;
use crate::web::http::{Call, Code, Problem};
use crate::web::landing::Landing;
use crate::web::patient_api::link_tokens::code_limited;

refusals!(ShareRefusals: plain, NotFound, CodeLimited);

/// Get the preview image of a link
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456"), ("l" = Option<String>, Query, description = "Language of the text, `en` or `es`; defaults to `Accept-Language`", example = "en"), ("v" = Option<String>, Query, description = "Version of the image, for caches; it has no other effect", example = "mV3kQ2xA")),
    responses((status = 200, description = "PNG, 1200 × 630 pixels; for a discreet link it does not name the practice", content_type = "image/png", body = Vec<u8>), ShareRefusals))]
#[get("/{code}/share.png")]
pub async fn get_link_preview_image(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    landing
        .code_guesses
        .admit(&landing.service.settings, &call.network, landing.service.clock.now())
        .map_err(code_limited)?;
    let named = parameter(&request, "l=").and_then(Language::negotiate);
    let Some(share) = share(&landing, &code, named.or(call.language)).await? else {
        let wait = landing.code_guesses.miss(
            &landing.service.settings,
            &call.network,
            &code,
            landing.service.clock.now(),
        );
        return Err(wait.map_or_else(|| Problem::new(Code::NotFound, "Check the address."), code_limited));
    };
    let mut response = HttpResponse::Ok();
    if named.is_none() {
        response.insert_header((VARY, ACCEPT_LANGUAGE.as_str()));
    }
    response
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "public, max-age=60"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(response.body(picture(&landing, share).await?))
}

/// Returns the text of a link's preview image; `None` if no active link has the code.
async fn share(
    landing: &Landing,
    code: &str,
    language: Option<Language>,
) -> Result<Option<Share>, db::Error> {
    let shared = (code.to_owned(), language);
    if let Some(share) = landing.cache.find_share(&shared) {
        return Ok(Some(share));
    }
    let (generation, wanted) = (landing.cache.generation(), shared.0.clone());
    let (Opened::Open(to) | Opened::Paused(to)) =
        landing.service.read(move |tx| links::open(tx, &wanted)).await?
    else {
        return Ok(None);
    };
    let share =
        Share::of(&page::sheet(&landing.service.settings, &to, language.unwrap_or(to.practice.language())));
    landing.cache.keep_share(shared, &share, generation);
    Ok(Some(share))
}

/// Returns the preview image, rendered on the first request, without a database connection in use.
async fn picture(landing: &Landing, share: Share) -> Result<Bytes, Problem> {
    if let Some(picture) = landing.cache.picture(&share) {
        return Ok(picture);
    }
    let front = Arc::clone(&landing.cache);
    landing.render_pool.draw(move || front.drawn_picture(&share)).await.map_err(|error| match error {
        Unprintable::Busy => Problem::new(Code::Unavailable, "Nothing is lost. Try again in a moment."),
        _ => Problem::new(Code::Internal, "This image cannot be rendered."),
    })
}

refusals!(LogoRefusals: plain, NotFound, CodeLimited);

/// Get the practice's logo for a link page
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456"), ("v" = Option<String>, Query, description = "Version of the logo, for caches", example = "n4bQgYhM")),
    responses((status = 200, description = "PNG; a discreet link has no logo", content_type = "image/png", body = Vec<u8>), LogoRefusals))]
#[get("/{code}/logo.png")]
pub async fn get_link_logo(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    landing
        .code_guesses
        .admit(&landing.service.settings, &call.network, landing.service.clock.now())
        .map_err(code_limited)?;
    let wanted = code.clone();
    let nothing = || Problem::new(Code::NotFound, "Check the address.");
    let (version, png) = match landing.service.read(move |tx| links::logo(tx, &wanted)).await? {
        links::Logo::Of { version, png } => (version, png),
        links::Logo::None => return Err(nothing()),
        links::Logo::Nowhere => {
            let wait = landing.code_guesses.miss(
                &landing.service.settings,
                &call.network,
                &code,
                landing.service.clock.now(),
            );
            return Err(wait.map_or_else(nothing, code_limited));
        }
    };
    // At the versioned URL that the page uses, the file never changes.
    let is_asked_for = parameter(&request, "v=") == Some(version.as_str());
    let keep = if is_asked_for { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    Ok(HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, keep))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(png))
}

/// Get the Apple app site association file
#[utoipa::path(tag = "links", responses((status = 200, description = "Apple's app site association", body = Object)))]
#[get("/.well-known/apple-app-site-association")]
pub async fn get_apple_app_site_association(landing: Data<Landing>) -> Json<Value> {
    Json(well_known::apple(&landing.service.settings))
}

/// Get the Android asset links file
#[utoipa::path(tag = "links", responses((status = 200, description = "Google's Digital Asset Links", body = Vec<Object>)))]
#[get("/.well-known/assetlinks.json")]
pub async fn get_android_asset_links(landing: Data<Landing>) -> Json<Value> {
    Json(well_known::android(&landing.service.settings))
}
