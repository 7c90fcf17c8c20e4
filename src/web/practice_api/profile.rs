//! HTTP handlers of the practice's profile and logo.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, put};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::wrong;
use crate::domain::desk::profile;
use crate::domain::practices::{Change, Practice};
use crate::domain::printing::RenderPool;
use crate::domain::printing::logo::{self, BadLogo};
use crate::kit::ids::PracticeId;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Body, Call, Code, Problem, RawBody};

/// The profile of a practice, as its staff see it.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    /// The id of the practice.
    id: PracticeId,
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: String,
    /// The city of the practice.
    #[schema(example = "Springfield")]
    city: String,
    /// The plan, `basic` or `communicator`; only the operator can change it.
    #[schema(example = "communicator", pattern = "^(basic|communicator)$")]
    plan: String,
    /// The language of notices to the practice: `en` or `es`.
    #[schema(example = "en", pattern = "^(en|es)$")]
    language: String,
    /// The practice's IANA time zone.
    #[schema(example = "America/Chicago")]
    time_zone: String,
    /// The accent color, `#rrggbb`; `null` is the service's default.
    #[schema(required = true, example = "#0b6158")]
    accent: Option<String>,
    /// Countries of patients' phone numbers (ISO 3166-1 alpha-2); `null` allows every country
    /// the service texts to.
    #[schema(required = true, example = json!(["US"]))]
    countries: Option<Vec<String>>,
    /// The address that receives notices; `null` sends none.
    #[schema(required = true, example = "frontdesk@oakstreet.example")]
    notice_email: Option<String>,
    /// Version of the logo, different for each upload; `null` if the practice has no logo.
    #[schema(required = true, example = "n4bQgYhM")]
    logo_version: Option<String>,
}

/// The profile of the practice.
#[derive(Serialize, ToSchema)]
pub struct ProfileAnswer {
    /// The profile as it is now.
    profile: Profile,
}

impl ProfileAnswer {
    fn of(practice: Practice) -> Json<Self> {
        let profile = Profile {
            plan: practice.plan().to_owned(),
            language: practice.language().as_str().to_owned(),
            accent: practice.accent().map(|accent| accent.to_string()),
            countries: practice.countries(),
            id: practice.id,
            name: practice.name,
            city: practice.city,
            time_zone: practice.time_zone,
            notice_email: practice.notice_email,
            logo_version: practice.logo_version,
        };
        Json(Self { profile })
    }
}

/// Changes of the profile; omitted fields stay unchanged.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeProfile {
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: Option<String>,
    /// The city of the practice.
    #[schema(example = "Springfield")]
    city: Option<String>,
    /// The language of notices to the practice: `en` or `es`.
    #[schema(example = "en")]
    language: Option<String>,
    /// The practice's IANA time zone.
    #[schema(example = "America/Chicago")]
    time_zone: Option<String>,
    /// The accent color, `#rrggbb`, with a contrast to white of at least 4.5:1; `null`
    /// is the service's default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "#0b6158")]
    accent: Option<Option<String>>,
    /// Countries of patients' phone numbers (ISO 3166-1 alpha-2); `null` allows every country
    /// the service texts to.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["US"]))]
    countries: Option<Option<Vec<String>>>,
    /// The address that receives notices; `null` sends none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "frontdesk@oakstreet.example")]
    notice_email: Option<Option<String>>,
}

/// Distinguishes a `null` field from an omitted one.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

refusals!(GetProfileRefusals: plain, Unauthorized);

/// Get the practice's profile
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 200, description = "The practice", body = ProfileAnswer), GetProfileRefusals))]
#[get("/v1/practice/profile")]
pub async fn get_profile(service: Data<Service>, call: Call) -> Result<Json<ProfileAnswer>, Problem> {
    Ok(ProfileAnswer::of(service.read(move |tx| profile::show(tx, call.bearer.as_ref())).await?))
}

refusals!(ChangeProfileRefusals: body, Unauthorized, StaffForbidden);

/// Update the practice's profile
#[utoipa::path(tag = "practice", request_body = ChangeProfile, security(("staff_token" = [])), responses((status = 200, description = "The profile after the change", body = ProfileAnswer), ChangeProfileRefusals))]
#[patch("/v1/practice/profile")]
pub async fn change_profile(
    service: Data<Service>,
    call: Call,
    body: Body<ChangeProfile>,
) -> Result<Json<ProfileAnswer>, Problem> {
    let ChangeProfile { name, city, language, time_zone, accent, countries, notice_email } = body.value;
    let change = Change { name, city, language, time_zone, accent, countries, notice_email };
    let changed = service.write(move |tx| profile::change(tx, call.bearer.as_ref(), &change)).await?;
    Ok(ProfileAnswer::of(changed))
}

refusals!(GetLogoRefusals: plain, Unauthorized, NotFound);

/// Get the practice's logo
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 200, description = "PNG", content_type = "image/png", body = Vec<u8>), GetLogoRefusals))]
#[get("/v1/practice/logo")]
pub async fn get_logo(service: Data<Service>, call: Call) -> Result<HttpResponse, Problem> {
    let png = service.read(move |tx| profile::logo(tx, call.bearer.as_ref())).await?;
    Ok(HttpResponse::Ok().content_type("image/png").body(png))
}

refusals!(SetLogoRefusals: body, Unauthorized, StaffForbidden);

/// Upload the practice's logo
#[utoipa::path(tag = "practice", request_body(content = Vec<u8>, content_type = "image/png", description = "PNG, at most 512 × 512 pixels and 64 KiB"), security(("staff_token" = [])), responses((status = 204, description = "The logo was stored; landing pages show it from now on"), SetLogoRefusals))]
#[put("/v1/practice/logo")]
pub async fn set_logo(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: Call,
    body: RawBody<{ logo::MOST_BYTES }>,
) -> Result<HttpResponse, Problem> {
    if body.media_type != "image/png" {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send `content-type: image/png`."));
    }
    let png = drawn(&pool, body.bytes).await?;
    service.write(move |tx| profile::set_logo(tx, call.bearer.as_ref(), Some(&png))).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Re-encodes an uploaded file as the practice's logo, in the render pool.
pub async fn drawn(pool: &RenderPool, file: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let drawn = pool.draw(move || Ok(logo::logo(&file))).await.map_err(super::Refusal::from)?;
    drawn.map_err(unusable)
}

fn unusable(bad: BadLogo) -> Problem {
    let code = if bad == BadLogo::Large { "too_large" } else { "invalid_png" };
    wrong("", code, &bad.to_string())
}

refusals!(DeleteLogoRefusals: plain, Unauthorized, StaffForbidden, NotFound);

/// Delete the practice's logo
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 204, description = "The logo was deleted; landing pages show initials again"), DeleteLogoRefusals))]
#[delete("/v1/practice/logo")]
pub async fn delete_logo(service: Data<Service>, call: Call) -> Result<HttpResponse, Problem> {
    service.write(move |tx| profile::set_logo(tx, call.bearer.as_ref(), None)).await?;
    Ok(HttpResponse::NoContent().finish())
}
