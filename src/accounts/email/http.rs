//! The doors of the account's e-mail address.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::super::http::is_email;
use super::super::{Refusal, authenticate_to_change};
use super::device;
use crate::app::App;
use crate::http::{Answer, Body, Call, Problem, once};
use crate::kit::{Email, Timestamp};
use crate::refusals;

/// An address to be proven.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ProveEmail {
    /// The address.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "alex@example.com")]
    email: String,
}

/// A code is on its way.
#[derive(Serialize, ToSchema)]
pub struct EmailAsked {
    /// Until when the code is good.
    expires_at: Timestamp,
}

refusals!(ProveEmailRefusals: keyed, Unauthorized, SessionRestricted, SendLimited);

/// Mails a code to an address; the account's own stays until that code is right
#[utoipa::path(tag = "me", request_body = ProveEmail, security(("access_token" = [])), responses((status = 202, description = "Six digits are on their way", body = EmailAsked), ProveEmailRefusals))]
#[post("/v1/me/email")]
pub async fn prove_email(
    app: Data<App>,
    call: Call,
    body: Body<ProveEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (bearer, language) = (call.bearer.clone(), call.language.unwrap_or_default());
    once(&app, &call, &canonical, move |ctx, conn| {
        let who = authenticate_to_change(ctx, conn, bearer.as_ref())?;
        let email = Email::parse(&input.email).ok_or(Refusal::EmailInvalid)?;
        let expires_at = super::ask(ctx, conn, &who, &email, language)?;
        Ok::<_, Refusal>(Answer::accepted(&EmailAsked { expires_at }))
    })
    .await
}

/// The code that came.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CheckEmail {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Whether it was right.
#[derive(Serialize, ToSchema)]
pub struct EmailChecked {
    /// `approved` or `wrong`.
    #[schema(example = "approved")]
    result: &'static str,
}

impl EmailChecked {
    fn of(is_right: bool) -> Self {
        Self { result: if is_right { "approved" } else { "wrong" } }
    }
}

refusals!(CheckEmailRefusals: keyed, Unauthorized, SessionRestricted, CodeExpired);

/// Hands the code in: five tries a mail
#[utoipa::path(tag = "me", request_body = CheckEmail, security(("access_token" = [])), responses((status = 200, description = "Compared; once it is right the address is the account's, and proven", body = EmailChecked), CheckEmailRefusals))]
#[post("/v1/me/email/checks")]
pub async fn check_email(
    app: Data<App>,
    call: Call,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&app, &call, &canonical, move |ctx, conn| {
        let who = authenticate_to_change(ctx, conn, bearer.as_ref())?;
        let is_right = super::check(ctx, conn, &who, input.code.trim())?;
        Ok::<_, Refusal>(Answer::ok(&EmailChecked::of(is_right)))
    })
    .await
}

refusals!(AskEmailCodeRefusals: keyed, Unauthorized, SessionUnrestricted, EmailUnproven, SendLimited);

/// Mails a code to the account's proven address, by which this restricted sign-in is lifted
#[utoipa::path(tag = "sessions", security(("access_token" = [])), responses((status = 202, description = "Six digits are on their way; the address is not told", body = EmailAsked), AskEmailCodeRefusals))]
#[post("/v1/sessions/current/email-code")]
pub async fn ask_email_code(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    let (bearer, language) = (call.bearer.clone(), call.language.unwrap_or_default());
    once(&app, &call, b"", move |ctx, conn| {
        let who = authenticate_to_change(ctx, conn, bearer.as_ref())?;
        let expires_at = device::ask(ctx, conn, &who, language)?;
        Ok::<_, Refusal>(Answer::accepted(&EmailAsked { expires_at }))
    })
    .await
}

refusals!(CheckEmailCodeRefusals: keyed, Unauthorized, SessionUnrestricted, CodeExpired);

/// Hands that code in: five tries a mail. Once it is right, this sign-in is `full`
#[utoipa::path(tag = "sessions", request_body = CheckEmail, security(("access_token" = [])), responses((status = 200, description = "Compared; once it is right, earlier conversations show", body = EmailChecked), CheckEmailCodeRefusals))]
#[post("/v1/sessions/current/email-code/checks")]
pub async fn check_email_code(
    app: Data<App>,
    call: Call,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&app, &call, &canonical, move |ctx, conn| {
        let who = authenticate_to_change(ctx, conn, bearer.as_ref())?;
        let is_right = device::check(ctx, conn, &who, input.code.trim())?;
        Ok::<_, Refusal>(Answer::ok(&EmailChecked::of(is_right)))
    })
    .await
}
