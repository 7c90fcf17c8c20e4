//! Files that phones and previews fetch: the preview image of a link, the logo, and the app association
//! files, whose content is in `well_known`.

use std::sync::Arc;

use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::Value;

use super::{Landing, digits, templates, well_known};
use crate::domain::links::{self, Lookup};
use crate::domain::printing::{self, PreviewImage};
use crate::kit::Language;
use crate::platform::db;
use crate::problems;
use crate::web::http::query::parameter;
use crate::web::http::{Code, Problem, RequestContext};
use crate::web::patient_api::link_tokens::code_limited;

problems!(ShareProblems: plain, NotFound, CodeLimited);

/// Get the preview image of a link
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code", example = "123456"),
        (
            "l" = Option<String>,
            Query,
            description = "Tag of the text's `Language`; defaults to `Accept-Language`",
            example = "en",
        ),
        (
            "v" = Option<String>,
            Query,
            description = "Version of the image, for caches; it has no other effect",
            example = "mV3kQ2xA",
        ),
    ),
    responses(
        (
            status = 200,
            description = "PNG, 1200 × 630 pixels; for a discreet link it does not name the practice",
            content_type = "image/png",
            body = Vec<u8>,
        ),
        ShareProblems,
    ),
)]
#[get("/{code}/share.png")]
pub(crate) async fn get_link_preview_image(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    landing.admit(&call).map_err(code_limited)?;
    let named = parameter(request.query_string(), "l");
    let named = named.and_then(|wanted| Language::negotiate(&wanted));
    let Some(preview) = preview(&landing, &code, named.or(call.language)).await? else {
        return Err(unknown_code(&landing, &call, &code));
    };
    let mut response = HttpResponse::Ok();
    if named.is_none() {
        response.insert_header((VARY, ACCEPT_LANGUAGE.as_str()));
    }
    response
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "public, max-age=60"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(response.body(image(&landing, preview).await?))
}

/// Returns the text of a link's preview image; `None` if no active link has the code.
async fn preview(
    landing: &Landing,
    code: &str,
    language: Option<Language>,
) -> Result<Option<PreviewImage>, db::Error> {
    let key = (code.to_owned(), language);
    if let Some(preview) = landing.cache.image_text(&key) {
        return Ok(Some(preview));
    }
    let (generation, wanted) = (landing.cache.generation(), key.0.clone());
    let (Lookup::Open(to) | Lookup::Paused(to)) =
        landing.service.read(move |tx| links::look_up(tx, &wanted)).await?
    else {
        return Ok(None);
    };
    let preview = PreviewImage::of(&templates::sheet(
        landing.settings(),
        &to,
        language.unwrap_or(to.practice.language),
    ));
    landing.cache.insert_image_text(key, &preview, generation);
    Ok(Some(preview))
}

/// Returns the preview image, rendered on the first request, without a database connection in use.
async fn image(landing: &Landing, preview: PreviewImage) -> Result<Bytes, Problem> {
    if let Some(image) = landing.cache.image(&preview) {
        return Ok(image);
    }
    let cache = Arc::clone(&landing.cache);
    landing.render_pool.draw(move || cache.render_image(&preview)).await.map_err(|error| match error {
        printing::Error::Busy => Problem::new(Code::Unavailable, "Nothing is lost. Try again in a moment."),
        _ => Problem::new(Code::Internal, "This image cannot be rendered."),
    })
}

problems!(LogoProblems: plain, NotFound, CodeLimited);

/// Get the practice's logo for a link page
#[utoipa::path(
    tag = "links",
    params(
        ("code" = String, Path, description = "The link's code", example = "123456"),
        ("v" = Option<String>, Query, description = "Version of the logo, for caches", example = "n4bQgYhM"),
    ),
    responses(
        (
            status = 200,
            description = "PNG; a discreet link has no logo",
            content_type = "image/png",
            body = Vec<u8>,
        ),
        LogoProblems,
    ),
)]
#[get("/{code}/logo.png")]
pub(crate) async fn get_link_logo(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    landing.admit(&call).map_err(code_limited)?;
    let wanted = code.clone();
    let (version, png) = match landing.service.read(move |tx| links::logo(tx, &wanted)).await? {
        links::Logo::Of { version, png } => (version, png),
        links::Logo::None => return Err(Problem::new(Code::NotFound, "Check the address.")),
        links::Logo::NotFound => return Err(unknown_code(&landing, &call, &code)),
    };
    // At the versioned URL that the page uses, the file never changes.
    let is_asked_for = parameter(request.query_string(), "v").as_deref() == Some(version.as_str());
    let keep = if is_asked_for { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    Ok(HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, keep))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(png))
}

fn unknown_code(landing: &Landing, call: &RequestContext, code: &str) -> Problem {
    let wait = landing.miss(call, code);
    wait.map_or_else(|| Problem::new(Code::NotFound, "Check the address."), code_limited)
}

/// Get the Apple app site association file
#[utoipa::path(
    tag = "links", responses((status = 200, description = "Apple's app site association", body = Object)),
)]
#[get("/.well-known/apple-app-site-association")]
pub(crate) async fn get_apple_app_site_association(landing: Data<Landing>) -> Json<Value> {
    Json(well_known::apple(&landing.service.settings))
}

/// Get the Android asset links file
#[utoipa::path(
    tag = "links",
    responses((status = 200, description = "Google's Digital Asset Links", body = Vec<Object>)),
)]
#[get("/.well-known/assetlinks.json")]
pub(crate) async fn get_android_asset_links(landing: Data<Landing>) -> Json<Value> {
    Json(well_known::android(&landing.service.settings))
}
