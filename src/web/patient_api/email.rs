//! HTTP handlers for the account's e-mail address.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::accounts::is_email;
use crate::domain::accounts::email::device;
use crate::domain::accounts::{Refusal, authenticate_to_change};
use crate::kit::{Email, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Problem, once};

/// An e-mail address to prove.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ProveEmail {
    /// The e-mail address that receives the code.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "alex@example.com")]
    email: String,
}

/// Reply to a request for a code by e-mail.
#[derive(Serialize, ToSchema)]
pub struct EmailAsked {
    /// Time at which the code expires.
    expires_at: Timestamp,
}

refusals!(ProveEmailRefusals: keyed, Unauthorized, SessionRestricted, SendLimited);

/// Send a code to a new e-mail address; the account keeps its address until the code is verified
#[utoipa::path(tag = "me", request_body = ProveEmail, security(("access_token" = [])), responses((status = 202, description = "The e-mail with six digits is on its way", body = EmailAsked), ProveEmailRefusals))]
#[post("/v1/me/email")]
pub async fn request_email_code(
    service: Data<Service>,
    call: Call,
    body: Body<ProveEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (bearer, language) = (call.bearer.clone(), call.language.unwrap_or_default());
    once(&service, &call, &canonical, move |tx| {
        let who = authenticate_to_change(tx, bearer.as_ref())?;
        let email = Email::parse(&input.email).ok_or(Refusal::EmailInvalid)?;
        let expires_at = crate::domain::accounts::email::ask(tx, &who, &email, language)?;
        Ok::<_, Refusal>(Answer::accepted(&EmailAsked { expires_at }))
    })
    .await
}

/// The code from the e-mail.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CheckEmail {
    /// Six digits without spaces or dashes.
    #[schema(example = "123456")]
    code: String,
}

/// The outcome of a code check.
#[derive(Serialize, ToSchema)]
pub struct EmailChecked {
    /// Either `approved` or `wrong`.
    #[schema(example = "approved")]
    result: &'static str,
}

impl EmailChecked {
    fn of(is_right: bool) -> Self {
        Self { result: if is_right { "approved" } else { "wrong" } }
    }
}

refusals!(CheckEmailRefusals: keyed, Unauthorized, SessionRestricted, CodeExpired);

/// Verify the e-mail code, with five tries per e-mail
#[utoipa::path(tag = "me", request_body = CheckEmail, security(("access_token" = [])), responses((status = 200, description = "The code was compared; if it is correct, the account has the address, and it is proven", body = EmailChecked), CheckEmailRefusals))]
#[post("/v1/me/email/checks")]
pub async fn verify_email_code(
    service: Data<Service>,
    call: Call,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = authenticate_to_change(tx, bearer.as_ref())?;
        let is_right = crate::domain::accounts::email::check(tx, &who, input.code.trim())?;
        Ok::<_, Refusal>(Answer::ok(&EmailChecked::of(is_right)))
    })
    .await
}

refusals!(AskEmailCodeRefusals: keyed, Unauthorized, SessionUnrestricted, EmailUnproven, SendLimited);

/// Send a code to the account's proven e-mail address, to lift the restriction of this session
#[utoipa::path(tag = "sessions", security(("access_token" = [])), responses((status = 202, description = "The e-mail with six digits is on its way; the response does not reveal the address", body = EmailAsked), AskEmailCodeRefusals))]
#[post("/v1/sessions/current/email-code")]
pub async fn request_session_email_code(service: Data<Service>, call: Call) -> Result<HttpResponse, Problem> {
    let (bearer, language) = (call.bearer.clone(), call.language.unwrap_or_default());
    once(&service, &call, b"", move |tx| {
        let who = authenticate_to_change(tx, bearer.as_ref())?;
        let expires_at = device::ask(tx, &who, language)?;
        Ok::<_, Refusal>(Answer::accepted(&EmailAsked { expires_at }))
    })
    .await
}

refusals!(CheckEmailCodeRefusals: keyed, Unauthorized, SessionUnrestricted, CodeExpired);

/// Verify the session's e-mail code, with five tries per e-mail; the session then has full access
#[utoipa::path(tag = "sessions", request_body = CheckEmail, security(("access_token" = [])), responses((status = 200, description = "The code was compared; if it is correct, the session sees earlier conversations", body = EmailChecked), CheckEmailCodeRefusals))]
#[post("/v1/sessions/current/email-code/checks")]
pub async fn verify_session_email_code(
    service: Data<Service>,
    call: Call,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = authenticate_to_change(tx, bearer.as_ref())?;
        let is_right = device::check(tx, &who, input.code.trim())?;
        Ok::<_, Refusal>(Answer::ok(&EmailChecked::of(is_right)))
    })
    .await
}
