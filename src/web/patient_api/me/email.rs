//! HTTP handlers for the account's e-mail address.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts::{Error, Principal, Scope, email};
use crate::kit::Timestamp;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::fields::{self, is_email};
use crate::web::http::{Body, Problem, Reply, RequestContext};
use crate::web::patient_api::verifications::CheckResult;

/// An e-mail address to prove.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ProveEmail {
    /// The e-mail address that receives the code.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "alex@example.com")]
    email: String,
}

/// Reply to a request for a code by e-mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailAsked {
    /// Time at which the code expires.
    pub expires_at: Timestamp,
}

problems!(ProveEmailProblems: keyed, Unauthorized, SessionRestricted, SendLimited);

/// Send a code to a new e-mail address; the account keeps its address until the code is verified
#[utoipa::path(
    tag = "me", request_body = ProveEmail, security(("access_token" = [])),
    responses(
        (status = 202, description = "The e-mail with six digits is on its way", body = EmailAsked),
        ProveEmailProblems,
    ),
)]
#[post("/v1/me/email")]
pub(crate) async fn request_email_code(
    service: Data<Service>,
    call: RequestContext,
    body: Body<ProveEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let language = call.language.unwrap_or_default();
    let email = fields::email(&input.email)?;
    let rule = move |tx: &mut Tx, who: &Principal| -> Result<_, Error> {
        let expires_at = email::send_code(tx, who, &email, language)?;
        Ok(Reply::accepted(&EmailAsked { expires_at }))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Full, rule).await
}

/// The code from the e-mail.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CheckEmail {
    /// Six digits without spaces or dashes.
    #[schema(example = "123456")]
    pub code: String,
}

/// The outcome of a code check.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailChecked {
    /// The result of the comparison.
    #[schema(example = "approved")]
    result: CheckResult,
}

impl EmailChecked {
    pub(crate) fn of(is_correct: bool) -> Self {
        Self { result: CheckResult::of(is_correct) }
    }
}

problems!(CheckEmailProblems: keyed, Unauthorized, SessionRestricted, CodeExpired);

/// Verify the e-mail code, with five tries per e-mail
#[utoipa::path(
    tag = "me", request_body = CheckEmail, security(("access_token" = [])),
    responses(
        (
            status = 200,
            description = "The code was compared; if it is correct, the account has the address, and it is \
                proven",
            body = EmailChecked,
        ),
        CheckEmailProblems,
    ),
)]
#[post("/v1/me/email/checks")]
pub(crate) async fn verify_email_code(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let rule = move |tx: &mut Tx, who: &Principal| -> Result<_, Error> {
        let is_correct = email::verify_code(tx, who, input.code.trim())?;
        Ok(Reply::ok(&EmailChecked::of(is_correct)))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Full, rule).await
}
