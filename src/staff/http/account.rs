//! The doors of one's own account.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::is_name;
use super::people::StaffAnswer;
use crate::app::App;
use crate::http::{Answer, Body, Call, Code, Id, Problem, once};
use crate::kit::Secret;
use crate::refusals;
use crate::staff::account::{self, Changed, NewPassword};
use crate::staff::{self, Refusal, session};

/// A change of oneself.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeStaffMe {
    /// What colleagues call one, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ana Ruiz")]
    name: String,
}

refusals!(ChangeStaffMeRefusals: body, Unauthorized);

/// Changes one's own name
#[utoipa::path(tag = "staff", request_body = ChangeStaffMe, security(("staff_token" = [])), responses((status = 200, description = "As changed", body = StaffAnswer), ChangeStaffMeRefusals))]
#[patch("/v1/staff/me")]
pub async fn change_staff_me(
    app: Data<App>,
    call: Call,
    body: Body<ChangeStaffMe>,
) -> Result<Json<StaffAnswer>, Problem> {
    let name = body.value.name.trim().to_owned();
    let changed = app.write(move |ctx, conn| account::rename(ctx, conn, call.bearer.as_ref(), &name)).await?;
    Ok(Json(changed.into()))
}

/// Another password for oneself.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangePassword {
    /// The one that holds now.
    #[schema(example = "correct horse battery staple")]
    current_password: Secret,
    /// 12 to 128 characters of any kind; not the address, not the practice's name.
    #[schema(example = "seven quiet herons at noon")]
    new_password: Secret,
}

/// The new password holds.
#[derive(Serialize, ToSchema)]
pub struct PasswordChanged {
    /// Always `changed`.
    #[schema(example = "changed")]
    status: &'static str,
}

refusals!(ChangePasswordRefusals: keyed, Unauthorized, CurrentPasswordWrong, PasswordRefused, SignInLimited);

/// Changes one's own password, and ends every other sign-in
#[utoipa::path(tag = "staff", request_body = ChangePassword, security(("staff_token" = [])), responses((status = 200, description = "The new password holds", body = PasswordChanged), ChangePasswordRefusals))]
#[post("/v1/staff/me/password")]
pub async fn change_password(
    app: Data<App>,
    call: Call,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let Body { value: ChangePassword { current_password: current, new_password: new }, canonical } = body;
    let wish = NewPassword { token: call.bearer.clone(), current, new, network: call.network.clone() };
    let checked = account::check(&app, wish).await?;
    once(&app, &call, &canonical, move |ctx, conn| {
        Ok::<_, Refusal>(match account::change_password(ctx, conn, &checked)? {
            Changed::Yes => Answer::ok(&PasswordChanged { status: "changed" }),
            Changed::Wrong => Answer::Refused(wrong_password()),
        })
    })
    .await
}

/// A guess that was not right.
pub fn wrong_password() -> Problem {
    let detail = "Type the password that you sign in with now.";
    Problem::field(Code::CurrentPasswordWrong, "/current_password", detail)
}

/// A code of the authenticator.
#[derive(Deserialize, Validate, ToSchema)]
pub struct RenewRecoveryCodes {
    /// Six digits from the authenticator app; each is good once.
    #[validate(length(max = 20))]
    #[schema(example = "123456")]
    code: String,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten codes for whoever loses the phone; the ones before are worth nothing.
    #[schema(example = json!(["7k2mq-x09ab"]))]
    recovery_codes: Vec<String>,
}

refusals!(RenewRecoveryCodesRefusals: keyed, Unauthorized, SecondFactorWrong, SignInLimited);

/// Makes fresh recovery codes for oneself
#[utoipa::path(tag = "staff", request_body = RenewRecoveryCodes, security(("staff_token" = [])), responses((status = 201, description = "The codes, this once", body = RecoveryCodes), RenewRecoveryCodesRefusals))]
#[post("/v1/staff/me/recovery-codes")]
pub async fn renew_recovery_codes(
    app: Data<App>,
    call: Call,
    body: Body<RenewRecoveryCodes>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (bearer, network) = (call.bearer.clone(), call.network.clone());
    once(&app, &call, &canonical, move |ctx, conn| {
        let codes = account::renew_recovery_codes(ctx, conn, bearer.as_ref(), &input.code, &network)?;
        Ok::<_, Refusal>(match codes {
            Some(recovery_codes) => Answer::created(&RecoveryCodes { recovery_codes }),
            None => Answer::Refused(wrong_code()),
        })
    })
    .await
}

/// A code that was not right.
pub fn wrong_code() -> Problem {
    Problem::field(
        Code::SecondFactorWrong,
        "/code",
        "Type the code that the app shows now; each is good once.",
    )
}

refusals!(DeleteStaffSessionRefusals: plain, Unauthorized, SessionNotFound);

/// Ends one of one's own sign-ins
#[utoipa::path(tag = "staff", security(("staff_token" = [])), params(("id" = String, Path, description = "The sign-in", example = "sts_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 204, description = "It has ended"), DeleteStaffSessionRefusals))]
#[delete("/v1/staff/sessions/{id}")]
pub async fn delete_staff_session(app: Data<App>, call: Call, id: Id) -> Result<HttpResponse, Problem> {
    app.write(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, call.bearer.as_ref())?;
        session::end(ctx, conn, &who, &id.0)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
