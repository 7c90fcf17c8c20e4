//! HTTP handlers for one's own staff account.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::staff::account::{self, CheckedPasswordChange, PasswordChange};
use crate::domain::staff::{self, PasswordHasher, Permission, sign_in};
use crate::kit::{PracticeId, Secret, TeamId};
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::is_name;
use crate::web::http::{Body, Caller, Code, Problem, Reply, RequestContext};
use crate::web::practice_api::staff::{MemberView, StaffAnswer};

/// The practice that employs the staff member.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workplace {
    /// The id of the practice.
    id: PracticeId,
    /// The name of the practice.
    #[schema(example = "Elm Dental")]
    name: String,
}

/// The signed-in staff member, with practice and teams.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffMe {
    /// The signed-in staff member.
    staff: MemberView,
    /// The practice they work at.
    practice: Workplace,
    /// Ids of the teams they belong to.
    #[schema(example = json!(["tem_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    teams: Vec<TeamId>,
    /// Number of unused recovery codes.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}

problems!(StaffMeProblems: plain, Unauthorized);

/// Get the signed-in staff member
#[utoipa::path(
    tag = "staff", security(("staff_token" = [])),
    responses((status = 200, description = "The signed-in staff member", body = StaffMe), StaffMeProblems),
)]
#[get("/v1/staff/me")]
pub(crate) async fn get_staff_me(
    service: Data<Service>,
    call: RequestContext,
) -> Result<Json<StaffMe>, Problem> {
    let me = service.read_as_staff(&call, Permission::ViewPractice, |tx, staff| -> Result<_, staff::Error> {
        let practice = staff::practice(tx, staff)?;
        Ok(StaffMe {
            staff: staff::member(tx, staff)?.into(),
            practice: Workplace { id: practice.id, name: practice.name },
            teams: staff::teams_of(tx, &staff.staff_id)?,
            recovery_codes_left: sign_in::recovery_codes_left(tx, &staff.staff_id)?,
        })
    });
    Ok(Json(me.await?))
}

/// A change of one's own staff account.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeStaffMe {
    /// The name shown to colleagues, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ana Ruiz")]
    name: String,
}

problems!(ChangeStaffMeProblems: body, Unauthorized);

/// Change your own name
#[utoipa::path(
    tag = "staff", request_body = ChangeStaffMe, security(("staff_token" = [])),
    responses(
        (status = 200, description = "The changed staff member", body = StaffAnswer),
        ChangeStaffMeProblems,
    ),
)]
#[patch("/v1/staff/me")]
pub(crate) async fn change_staff_me(
    service: Data<Service>,
    call: RequestContext,
    body: Body<ChangeStaffMe>,
) -> Result<Json<StaffAnswer>, Problem> {
    let name = body.value.name.trim().to_owned();
    let changed = service
        .write_as_staff(&call, Permission::ViewPractice, move |tx, staff| account::rename(tx, staff, &name));
    Ok(Json(changed.await?.into()))
}

/// A request to change one's own password.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangePassword {
    /// The current password of the account.
    #[schema(example = "correct horse battery staple")]
    current_password: Secret,
    /// The new password: 12 to 128 characters, but not the e-mail address or the practice's name.
    #[schema(example = "seven quiet herons at noon")]
    new_password: Secret,
}

/// Confirms that the new password is set.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordChanged {
    /// The status, which is always `changed`.
    #[schema(example = "changed")]
    status: &'static str,
}

problems!(ChangePasswordProblems: keyed, Unauthorized, CurrentPasswordWrong, PasswordRefused, SignInLimited);

/// Change your own password and end all other sessions
#[utoipa::path(
    tag = "staff", request_body = ChangePassword, security(("staff_token" = [])),
    responses(
        (status = 200, description = "The new password is set", body = PasswordChanged),
        ChangePasswordProblems,
    ),
)]
#[post("/v1/staff/me/password")]
pub(crate) async fn change_password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    call: RequestContext,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let Body { value: ChangePassword { current_password: current, new_password: new }, canonical } = body;
    let change = PasswordChange { current, new, network: call.network.clone() };
    let checked = check(&service, &hasher, &call, change).await?;
    let permission = Permission::ViewPractice;
    let changed = service.idempotent_as_staff(&call, &canonical, permission, move |tx, staff| {
        account::change_password(tx, staff, &checked).map(|is_changed| match is_changed {
            true => Reply::ok(&PasswordChanged { status: "changed" }),
            false => Reply::Refused(wrong_password()),
        })
    });
    changed.await
}

/// Checks both passwords of a change: reads the stored hash, then hashes outside of any transaction.
pub(crate) async fn check(
    service: &Service,
    hasher: &PasswordHasher,
    caller: &impl Caller,
    change: PasswordChange,
) -> Result<CheckedPasswordChange, Problem> {
    let network = change.network.clone();
    let context = service.read_as_staff(caller, Permission::ViewPractice, move |tx, staff| {
        account::password_context(tx, staff, &network)
    });
    Ok(change.check(service, hasher, context.await?).await?)
}

/// The problem for a wrong current password.
pub(crate) fn wrong_password() -> Problem {
    let detail = "Enter the password that you sign in with now.";
    Problem::field(Code::CurrentPasswordWrong, "/current_password", detail)
}

/// An authenticator code, given to renew the recovery codes.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct RenewRecoveryCodes {
    /// Six digits from the authenticator app; each code works once.
    #[validate(length(max = 20))]
    #[schema(example = "123456")]
    code: String,
}

/// The new recovery codes, shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes to sign in with if the phone is lost; all earlier codes stop working.
    #[schema(example = json!(["7k2mq-x09ab"]))]
    recovery_codes: Vec<String>,
}

problems!(RenewRecoveryCodesProblems: keyed, Unauthorized, SecondFactorWrong, SignInLimited);

/// Create new recovery codes
#[utoipa::path(
    tag = "staff", request_body = RenewRecoveryCodes, security(("staff_token" = [])),
    responses(
        (status = 201, description = "The new codes, shown only once", body = RecoveryCodes),
        RenewRecoveryCodesProblems,
    ),
)]
#[post("/v1/staff/me/recovery-codes")]
pub(crate) async fn renew_recovery_codes(
    service: Data<Service>,
    call: RequestContext,
    body: Body<RenewRecoveryCodes>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (network, permission) = (call.network.clone(), Permission::ViewPractice);
    let renewed = service.idempotent_as_staff(&call, &canonical, permission, move |tx, staff| {
        account::renew_recovery_codes(tx, staff, &input.code, &network).map(|codes| match codes {
            Some(recovery_codes) => Reply::created(&RecoveryCodes { recovery_codes }),
            None => Reply::Refused(wrong_code()),
        })
    });
    renewed.await
}

/// The problem for a wrong authenticator or recovery code.
pub(crate) fn wrong_code() -> Problem {
    Problem::field(
        Code::SecondFactorWrong,
        "/code",
        "Enter the code that the app shows now. Each code works once.",
    )
}
