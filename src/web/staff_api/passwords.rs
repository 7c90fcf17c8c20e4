//! HTTP handlers for choosing a password with an e-mailed link.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::staff::{PasswordHasher, password_link};
use crate::kit::Secret;
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::{email, is_email};
use crate::web::http::{Body, Problem, Reply, RequestContext, idempotent};

/// A request for a password reset.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct AskPasswordReset {
    /// The e-mail address used to sign in.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ana@elm.example")]
    email: String,
}

/// Confirms the request without revealing whether the address has an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordResetAsked {
    /// The status, which is always `accepted`; an e-mail is sent only if the address has an account.
    #[schema(example = "accepted")]
    status: &'static str,
}

problems!(AskPasswordResetProblems: keyed, SignInLimited);

/// Request a password reset by e-mail
#[utoipa::path(
    tag = "staff", request_body = AskPasswordReset,
    responses(
        (status = 202, description = "The same answer for every address", body = PasswordResetAsked),
        AskPasswordResetProblems,
    ),
)]
#[post("/v1/staff/password-resets")]
pub(crate) async fn request_password_reset(
    service: Data<Service>,
    call: RequestContext,
    body: Body<AskPasswordReset>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (email, network) = (email(&input.email)?, call.network.clone());
    idempotent(&service, &call, &canonical, move |tx| {
        password_link::request_reset(tx, &email, &network)
            .map(|()| Reply::accepted(&PasswordResetAsked { status: "accepted" }))
    })
    .await
}

/// A new password, with the token of an e-mailed link.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct SetPassword {
    /// The part of the link after the `#`.
    #[schema(example = "slt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: Secret,
    /// The password: 12 to 128 characters of any kind, but not the e-mail address or the practice's name.
    #[schema(example = "correct horse battery staple")]
    password: Secret,
}

/// Confirms that the password is set.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordSet {
    /// The e-mail address to sign in with.
    #[schema(example = "ana@elm.example")]
    email: String,
}

problems!(SetPasswordProblems: keyed, LetterExpired, PasswordRefused);

/// Set a password with an invitation or reset link
///
/// Also ends every session of that staff member.
#[utoipa::path(
    tag = "staff", request_body = SetPassword,
    responses((status = 200, description = "The password is set", body = PasswordSet), SetPasswordProblems),
)]
#[post("/v1/staff/passwords")]
pub(crate) async fn set_password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    call: RequestContext,
    body: Body<SetPassword>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.token);
    let chosen = password_link::choose(&service, &hasher, input.token, &input.password).await?;
    idempotent(&service, &call, &canonical, move |tx| {
        password_link::set_password(tx, &chosen).map(|member| Reply::ok(&PasswordSet { email: member.email }))
    })
    .await
}
