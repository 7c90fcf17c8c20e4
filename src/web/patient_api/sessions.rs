//! HTTP handlers for the sessions of patients.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::me::email::{CheckEmail, EmailAsked, EmailChecked};
use super::view::AccountView;
use crate::domain::accounts::email::device;
use crate::domain::accounts::{self, Error, Principal, RefreshOutcome, Scope, Tokens};
use crate::kit::Secret;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Problem, Reply, RequestContext, idempotent};

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    /// A JWT (`EdDSA`) for the `Authorization: Bearer` header of every signed-in request.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.e30.c2ln")]
    access_token: Secret,
    /// The token type, always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u64,
    /// Opaque and rotating: each refresh token can be used once.
    #[schema(example = "rt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
    /// Access scope: `full`, or `restricted` on a new device.
    scope: Scope,
}

impl From<Tokens> for SessionView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access.token,
            token_type: "Bearer",
            expires_in: tokens.access.expires_in,
            refresh_token: tokens.refresh,
            scope: tokens.scope,
        }
    }
}

/// The input for signing in on a new device.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateSession {
    /// The phone proof, issued when a correct code was checked.
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Secret,
}

/// A new restricted session and its account.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionCreated {
    /// The account of the patient.
    account: AccountView,
    /// The session and its tokens.
    session: SessionView,
}

problems!(
    CreateSessionProblems: keyed,
    PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, AccountNotFound
);

/// Sign in on a new device; earlier conversations stay hidden
#[utoipa::path(
    tag = "sessions", request_body = CreateSession,
    responses(
        (status = 201, description = "A restricted session", body = SessionCreated),
        CreateSessionProblems,
    ),
)]
#[post("/v1/sessions")]
pub(crate) async fn create_session(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.phone_proof);
    idempotent(&service, &call, &canonical, move |tx| -> Result<_, Error> {
        let (account, tokens) = accounts::sign_in(tx, &input.phone_proof)?;
        let view = SessionCreated { account: AccountView::of(&account), session: tokens.into() };
        Ok(Reply::created(&view))
    })
    .await
}

/// A refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct RefreshSession {
    /// The latest refresh token; it can be used once.
    #[schema(example = "rt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
}

/// The session with fresh tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// The session and its tokens.
    session: SessionView,
}

problems!(RefreshProblems: keyed, RefreshTokenInvalid, RefreshTokenReused);

/// Exchange a refresh token for fresh tokens
#[utoipa::path(
    tag = "sessions", request_body = RefreshSession,
    responses((status = 200, description = "Fresh tokens", body = SessionAnswer), RefreshProblems),
)]
#[post("/v1/sessions/refresh")]
pub(crate) async fn refresh_session(
    service: Data<Service>,
    call: RequestContext,
    body: Body<RefreshSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.refresh_token);
    idempotent(&service, &call, &canonical, move |tx| -> Result<_, Error> {
        Ok(match accounts::refresh(tx, &input.refresh_token)? {
            RefreshOutcome::Tokens(tokens) => Reply::ok(&SessionAnswer { session: tokens.into() }),
            RefreshOutcome::Reused => Reply::Refused(Error::RefreshReused.into()),
        })
    })
    .await
}

problems!(SignOutProblems: plain, Unauthorized);

/// Sign out of the current session
#[utoipa::path(
    tag = "sessions", security(("access_token" = [])),
    responses((status = 204, description = "The session has ended"), SignOutProblems),
)]
#[delete("/v1/sessions/current")]
pub(crate) async fn delete_current_session(
    service: Data<Service>,
    call: RequestContext,
) -> Result<HttpResponse, Problem> {
    service.write_as_patient(&call, Scope::Restricted, accounts::sign_out).await?;
    Ok(HttpResponse::NoContent().finish())
}

problems!(AskEmailCodeProblems: keyed, Unauthorized, SessionUnrestricted, EmailUnproven, SendLimited);

/// Send a code to the account's proven e-mail address, to lift the restriction of this session
#[utoipa::path(
    tag = "sessions", security(("access_token" = [])),
    responses(
        (
            status = 202,
            description = "The e-mail with six digits is on its way; the response does not reveal the \
                address",
            body = EmailAsked,
        ),
        AskEmailCodeProblems,
    ),
)]
#[post("/v1/sessions/current/email-code")]
pub(crate) async fn request_session_email_code(
    service: Data<Service>,
    call: RequestContext,
) -> Result<HttpResponse, Problem> {
    let language = call.language.unwrap_or_default();
    let rule = move |tx: &mut Tx, who: &Principal| -> Result<_, Error> {
        let expires_at = device::send_code(tx, who, language)?;
        Ok(Reply::accepted(&EmailAsked { expires_at }))
    };
    service.idempotent_as_patient(&call, b"", Scope::Restricted, rule).await
}

problems!(CheckEmailCodeProblems: keyed, Unauthorized, SessionUnrestricted, CodeExpired);

/// Verify the session's e-mail code, with five tries per e-mail; the session then has full access
#[utoipa::path(
    tag = "sessions", request_body = CheckEmail, security(("access_token" = [])),
    responses(
        (
            status = 200,
            description = "The code was compared; if it is correct, the session sees earlier conversations",
            body = EmailChecked,
        ),
        CheckEmailCodeProblems,
    ),
)]
#[post("/v1/sessions/current/email-code/checks")]
pub(crate) async fn verify_session_email_code(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CheckEmail>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let rule = move |tx: &mut Tx, who: &Principal| -> Result<_, Error> {
        let is_correct = device::verify_code(tx, who, input.code.trim())?;
        Ok(Reply::ok(&EmailChecked::of(is_correct)))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}
