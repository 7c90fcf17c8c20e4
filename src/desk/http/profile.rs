//! How the practice shows itself.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, put};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::super::profile;
use super::wrong;
use crate::app::App;
use crate::http::{Body, Call, Code, Problem, RawBody};
use crate::practices::{Change, Practice};
use crate::printing::logo::{self, BadLogo};
use crate::refusals;

/// The practice, as its own people see it.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    /// Its id.
    #[schema(example = "prc_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: String,
    /// Its city.
    #[schema(example = "Springfield")]
    city: String,
    /// What it pays for: `basic` or `communicator`. Changed by the operator.
    #[schema(example = "communicator", pattern = "^(basic|communicator)$")]
    plan: String,
    /// The language of its notices: `en` or `es`.
    #[schema(example = "en", pattern = "^(en|es)$")]
    language: String,
    /// Its IANA time zone.
    #[schema(example = "America/Chicago")]
    time_zone: String,
    /// Its accent; `null` is the house's own.
    #[schema(required = true, example = "#0b6158")]
    accent: Option<String>,
    /// Where its patients' numbers are from (ISO 3166-1 alpha-2); `null` is wherever the service texts to.
    #[schema(required = true, example = json!(["US"]))]
    countries: Option<Vec<String>>,
    /// Where its notices go; `null` sends none.
    #[schema(required = true, example = "frontdesk@oakstreet.example")]
    notice_email: Option<String>,
    /// Which logo it has, another word with each; `null` where it has none.
    #[schema(required = true, example = "n4bQgYhM")]
    logo_version: Option<String>,
}

/// A profile.
#[derive(Serialize, ToSchema)]
pub struct ProfileAnswer {
    /// The practice.
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

/// A change of the profile; what is left out stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeProfile {
    /// The name that patients see.
    #[schema(example = "Oak Street Family Medicine")]
    name: Option<String>,
    /// Its city.
    #[schema(example = "Springfield")]
    city: Option<String>,
    /// The language of its notices: `en` or `es`.
    #[schema(example = "en")]
    language: Option<String>,
    /// Its IANA time zone.
    #[schema(example = "America/Chicago")]
    time_zone: Option<String>,
    /// Its accent, `#rrggbb`, on which white is readable (4.5 : 1); `null` is the house's own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "#0b6158")]
    accent: Option<Option<String>>,
    /// Where its patients' numbers are from (ISO 3166-1 alpha-2); `null` is wherever the service texts to.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["US"]))]
    countries: Option<Option<Vec<String>>>,
    /// Where its notices go; `null` sends none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "frontdesk@oakstreet.example")]
    notice_email: Option<Option<String>>,
}

/// Tells a field that is `null` from one that is left out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

refusals!(GetProfileRefusals: plain, Unauthorized);

/// Shows the practice
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 200, description = "The practice", body = ProfileAnswer), GetProfileRefusals))]
#[get("/v1/practice/profile")]
pub async fn get_profile(app: Data<App>, call: Call) -> Result<Json<ProfileAnswer>, Problem> {
    Ok(ProfileAnswer::of(app.read(move |ctx, conn| profile::show(ctx, conn, call.bearer.as_ref())).await?))
}

refusals!(ChangeProfileRefusals: body, Unauthorized, StaffForbidden);

/// Changes how the practice shows itself
#[utoipa::path(tag = "practice", request_body = ChangeProfile, security(("staff_token" = [])), responses((status = 200, description = "As changed", body = ProfileAnswer), ChangeProfileRefusals))]
#[patch("/v1/practice/profile")]
pub async fn change_profile(
    app: Data<App>,
    call: Call,
    body: Body<ChangeProfile>,
) -> Result<Json<ProfileAnswer>, Problem> {
    let ChangeProfile { name, city, language, time_zone, accent, countries, notice_email } = body.value;
    let change = Change { name, city, language, time_zone, accent, countries, notice_email };
    let changed =
        app.write(move |ctx, conn| profile::change(ctx, conn, call.bearer.as_ref(), &change)).await?;
    Ok(ProfileAnswer::of(changed))
}

refusals!(GetLogoRefusals: plain, Unauthorized, NotFound);

/// Shows the practice's logo
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 200, description = "PNG", content_type = "image/png", body = Vec<u8>), GetLogoRefusals))]
#[get("/v1/practice/logo")]
pub async fn get_logo(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    let png = app.read(move |ctx, conn| profile::logo(ctx, conn, call.bearer.as_ref())).await?;
    Ok(HttpResponse::Ok().content_type("image/png").body(png))
}

refusals!(SetLogoRefusals: body, Unauthorized, StaffForbidden);

/// Gives the practice a logo, which its landing pages then show
#[utoipa::path(tag = "practice", request_body(content = Vec<u8>, content_type = "image/png", description = "PNG, at most 512 × 512 pixels and 64 KiB"), security(("staff_token" = [])), responses((status = 204, description = "The pages show it"), SetLogoRefusals))]
#[put("/v1/practice/logo")]
pub async fn set_logo(
    app: Data<App>,
    call: Call,
    body: RawBody<{ logo::MOST_BYTES }>,
) -> Result<HttpResponse, Problem> {
    if body.media_type != "image/png" {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send `content-type: image/png`."));
    }
    let png = drawn(&app, body.bytes).await?;
    app.write(move |ctx, conn| profile::set_logo(ctx, conn, call.bearer.as_ref(), Some(&png))).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A file as the practice's logo.
pub async fn drawn(app: &App, file: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let drawn = app.studio.draw(move || Ok(logo::logo(&file))).await.map_err(super::Refusal::from)?;
    drawn.map_err(unusable)
}

fn unusable(bad: BadLogo) -> Problem {
    let code = if bad == BadLogo::Large { "too_large" } else { "invalid_png" };
    wrong("", code, &bad.to_string())
}

refusals!(DeleteLogoRefusals: plain, Unauthorized, StaffForbidden, NotFound);

/// Takes the logo away; the pages show initials again
#[utoipa::path(tag = "practice", security(("staff_token" = [])), responses((status = 204, description = "There is none"), DeleteLogoRefusals))]
#[delete("/v1/practice/logo")]
pub async fn delete_logo(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    app.write(move |ctx, conn| profile::set_logo(ctx, conn, call.bearer.as_ref(), None)).await?;
    Ok(HttpResponse::NoContent().finish())
}
