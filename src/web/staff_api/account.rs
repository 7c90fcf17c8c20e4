//! HTTP handlers for one's own staff account.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::is_name;
use crate::domain::staff::PasswordHasher;
use crate::domain::staff::account::{self, Changed, NewPassword};
use crate::domain::staff::{self, Refusal, session};
use crate::kit::Secret;
use crate::kit::ids::StaffSessionId;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Code, PathId, Problem, once};
use crate::web::practice_api::staff::StaffAnswer;

/// A change of one's own staff account.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeStaffMe {
    /// The name shown to colleagues, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ana Ruiz")]
    name: String,
}

refusals!(ChangeStaffMeRefusals: body, Unauthorized);

/// Change your own name
#[utoipa::path(tag = "staff", request_body = ChangeStaffMe, security(("staff_token" = [])), responses((status = 200, description = "The changed staff member", body = StaffAnswer), ChangeStaffMeRefusals))]
#[patch("/v1/staff/me")]
pub async fn change_staff_me(
    service: Data<Service>,
    call: Call,
    body: Body<ChangeStaffMe>,
) -> Result<Json<StaffAnswer>, Problem> {
    let name = body.value.name.trim().to_owned();
    let changed = service.write(move |tx| account::rename(tx, call.bearer.as_ref(), &name)).await?;
    Ok(Json(changed.into()))
}

/// A request to change one's own password.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangePassword {
    /// The current password of the account.
    #[schema(example = "correct horse battery staple")]
    current_password: Secret,
    /// The new password: 12 to 128 characters, but not the e-mail address or the practice's name.
    #[schema(example = "seven quiet herons at noon")]
    new_password: Secret,
}

/// Confirms that the new password is set.
#[derive(Serialize, ToSchema)]
pub struct PasswordChanged {
    /// The status, which is always `changed`.
    #[schema(example = "changed")]
    status: &'static str,
}

refusals!(ChangePasswordRefusals: keyed, Unauthorized, CurrentPasswordWrong, PasswordRefused, SignInLimited);

/// Change your own password and end all other sessions
#[utoipa::path(tag = "staff", request_body = ChangePassword, security(("staff_token" = [])), responses((status = 200, description = "The new password is set", body = PasswordChanged), ChangePasswordRefusals))]
#[post("/v1/staff/me/password")]
pub async fn change_password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    call: Call,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let Body { value: ChangePassword { current_password: current, new_password: new }, canonical } = body;
    let wish = NewPassword { token: call.bearer.clone(), current, new, network: call.network.clone() };
    let checked = account::check(&service, &hasher, wish).await?;
    once(&service, &call, &canonical, move |tx| {
        Ok::<_, Refusal>(match account::change_password(tx, &checked)? {
            Changed::Yes => Answer::ok(&PasswordChanged { status: "changed" }),
            Changed::Wrong => Answer::Refused(wrong_password()),
        })
    })
    .await
}

/// The problem for a wrong current password.
pub fn wrong_password() -> Problem {
    let detail = "Enter the password that you sign in with now.";
    Problem::field(Code::CurrentPasswordWrong, "/current_password", detail)
}

/// An authenticator code, given to renew the recovery codes.
#[derive(Deserialize, Validate, ToSchema)]
pub struct RenewRecoveryCodes {
    /// Six digits from the authenticator app; each code works once.
    #[validate(length(max = 20))]
    #[schema(example = "123456")]
    code: String,
}

/// The new recovery codes, shown only once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten codes to sign in with if the phone is lost; all earlier codes stop working.
    #[schema(example = json!(["7k2mq-x09ab"]))]
    recovery_codes: Vec<String>,
}

refusals!(RenewRecoveryCodesRefusals: keyed, Unauthorized, SecondFactorWrong, SignInLimited);

/// Create new recovery codes
#[utoipa::path(tag = "staff", request_body = RenewRecoveryCodes, security(("staff_token" = [])), responses((status = 201, description = "The new codes, shown only once", body = RecoveryCodes), RenewRecoveryCodesRefusals))]
#[post("/v1/staff/me/recovery-codes")]
pub async fn renew_recovery_codes(
    service: Data<Service>,
    call: Call,
    body: Body<RenewRecoveryCodes>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (bearer, network) = (call.bearer.clone(), call.network.clone());
    once(&service, &call, &canonical, move |tx| {
        let codes = account::renew_recovery_codes(tx, bearer.as_ref(), &input.code, &network)?;
        Ok::<_, Refusal>(match codes {
            Some(recovery_codes) => Answer::created(&RecoveryCodes { recovery_codes }),
            None => Answer::Refused(wrong_code()),
        })
    })
    .await
}

/// The problem for a wrong authenticator or recovery code.
pub fn wrong_code() -> Problem {
    Problem::field(
        Code::SecondFactorWrong,
        "/code",
        "Enter the code that the app shows now. Each code works once.",
    )
}

refusals!(DeleteStaffSessionRefusals: plain, Unauthorized, SessionNotFound);

/// End one of your own sessions
#[utoipa::path(tag = "staff", security(("staff_token" = [])), params(("id" = String, Path, description = "The session", example = "sts_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 204, description = "The session has ended"), DeleteStaffSessionRefusals))]
#[delete("/v1/staff/sessions/{id}")]
pub async fn delete_staff_session(
    service: Data<Service>,
    call: Call,
    id: PathId<StaffSessionId>,
) -> Result<HttpResponse, Problem> {
    service
        .write(move |tx| {
            let who = staff::authenticate(tx, call.bearer.as_ref())?;
            session::end(tx, &who, &id.0)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
