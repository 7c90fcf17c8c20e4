//! HTTP handlers of the practice's profile and logo.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::links::types::present;
use crate::domain::practices::{self, Change, Plan, Practice};
use crate::domain::printing::RenderPool;
use crate::domain::printing::logo::{self, LogoError};
use crate::domain::staff::{self, Permission};
use crate::kit::{Language, PracticeId};
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Body, Caller, Code, Problem, RawBody, RequestContext};

impl From<practices::Error> for Problem {
    fn from(error: practices::Error) -> Self {
        match error {
            practices::Error::Field(bad) => Self::wrong_field(bad.pointer, bad.code, &bad.detail),
            practices::Error::NotFound => staff::Error::Unauthorized.into(),
            practices::Error::NoLogo => Self::new(Code::NotFound, "The practice has no logo."),
            practices::Error::Db(error) => error.into(),
        }
    }
}

/// The profile of a practice, as its staff see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The id of the practice.
    id: PracticeId,
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: String,
    /// The city of the practice.
    #[schema(example = "Springfield")]
    city: String,
    /// The plan, `basic` or `communicator`; only the operator can change it.
    #[schema(value_type = String, example = "communicator", pattern = "^(basic|communicator)$")]
    plan: Plan,
    /// The language of notices to the practice.
    language: Language,
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
pub(crate) struct ProfileAnswer {
    /// The profile as it is now.
    profile: Profile,
}

impl ProfileAnswer {
    fn of(practice: Practice) -> Json<Self> {
        let profile = Profile {
            plan: practice.plan,
            language: practice.language,
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
pub(crate) struct ChangeProfile {
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: Option<String>,
    /// The city of the practice.
    #[schema(example = "Springfield")]
    city: Option<String>,
    /// The language of notices to the practice, as a tag of `Language`.
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

problems!(GetProfileProblems: plain, Unauthorized);

/// Get the practice's profile
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    responses((status = 200, description = "The practice", body = ProfileAnswer), GetProfileProblems),
)]
#[get("/v1/practice/profile")]
pub(crate) async fn get_profile(
    service: Data<Service>,
    call: RequestContext,
) -> Result<Json<ProfileAnswer>, Problem> {
    Ok(ProfileAnswer::of(service.read_as_staff(&call, Permission::ViewPractice, staff::practice).await?))
}

problems!(ChangeProfileProblems: body, Unauthorized, StaffForbidden);

/// Update the practice's profile
#[utoipa::path(
    tag = "practice", request_body = ChangeProfile, security(("staff_token" = [])),
    responses(
        (status = 200, description = "The profile after the change", body = ProfileAnswer),
        ChangeProfileProblems,
    ),
)]
#[patch("/v1/practice/profile")]
pub(crate) async fn change_profile(
    service: Data<Service>,
    call: RequestContext,
    body: Body<ChangeProfile>,
) -> Result<Json<ProfileAnswer>, Problem> {
    let ChangeProfile { name, city, language, time_zone, accent, countries, notice_email } = body.value;
    let change = Change { name, city, language, time_zone, accent, countries, notice_email };
    let changed = service.write_as_staff(&call, Permission::ConfigurePractice, move |tx, staff| {
        practices::change(tx, &staff.staff_id, &staff.practice_id, &change)
    });
    Ok(ProfileAnswer::of(changed.await?))
}

problems!(GetLogoProblems: plain, Unauthorized, NotFound);

/// Get the practice's logo
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    responses(
        (status = 200, description = "PNG", content_type = "image/png", body = Vec<u8>),
        GetLogoProblems,
    ),
)]
#[get("/v1/practice/logo")]
pub(crate) async fn get_logo(service: Data<Service>, call: RequestContext) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().content_type("image/png").body(find_logo(&service, &call).await?))
}

/// Returns the logo (PNG) of the caller's practice.
pub(crate) async fn find_logo(service: &Service, caller: &impl Caller) -> Result<Vec<u8>, Problem> {
    service
        .read_as_staff(caller, Permission::ViewPractice, |tx, staff| {
            practices::logo(tx, &staff.practice_id)?.ok_or(practices::Error::NoLogo)
        })
        .await
}

problems!(SetLogoProblems: body, Unauthorized, StaffForbidden);

/// Upload the practice's logo
#[utoipa::path(
    tag = "practice",
    request_body(
        content = Vec<u8>,
        content_type = "image/png",
        description = "PNG, at most 512 × 512 pixels and 64 KiB",
    ),
    security(("staff_token" = [])),
    responses(
        (status = 204, description = "The logo was stored; landing pages show it from now on"),
        SetLogoProblems,
    ),
)]
#[put("/v1/practice/logo")]
pub(crate) async fn set_logo(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    body: RawBody<{ logo::MOST_BYTES }>,
) -> Result<HttpResponse, Problem> {
    if body.media_type != "image/png" {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send `content-type: image/png`."));
    }
    let png = encode_logo(&pool, body.bytes).await?;
    store_logo(&service, &call, Some(png)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Re-encodes an uploaded file as the practice's logo, in the render pool.
pub(crate) async fn encode_logo(pool: &RenderPool, file: Vec<u8>) -> Result<Vec<u8>, Problem> {
    pool.draw(move || Ok(logo::reencode(&file))).await?.map_err(|bad| {
        let code = if bad == LogoError::Large { "too_large" } else { "invalid_png" };
        Problem::wrong_field("", code, &bad.to_string())
    })
}

/// Replaces the logo of the caller's practice, or deletes it if `png` is `None`.
pub(crate) async fn store_logo(
    service: &Service,
    caller: &impl Caller,
    png: Option<Vec<u8>>,
) -> Result<(), Problem> {
    service
        .write_as_staff(caller, Permission::ConfigurePractice, move |tx, staff| {
            practices::set_logo(tx, &staff.staff_id, &staff.practice_id, png.as_deref())
        })
        .await
}

problems!(DeleteLogoProblems: plain, Unauthorized, StaffForbidden, NotFound);

/// Delete the practice's logo
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    responses(
        (status = 204, description = "The logo was deleted; landing pages show initials again"),
        DeleteLogoProblems,
    ),
)]
#[delete("/v1/practice/logo")]
pub(crate) async fn delete_logo(
    service: Data<Service>,
    call: RequestContext,
) -> Result<HttpResponse, Problem> {
    store_logo(&service, &call, None).await?;
    Ok(HttpResponse::NoContent().finish())
}
