//! HTTP handlers for the sessions of staff: signing in, refreshing, listing and signing out.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::me::wrong_code;
use crate::domain::printing;
use crate::domain::staff::session::{self, Kind, Refresh, Session, Tokens};
use crate::domain::staff::sign_in::{self, Attempt, SignInChallenge};
use crate::domain::staff::{Error, PasswordHasher, Permission};
use crate::kit::{Secret, StaffSessionId, Timestamp};
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::{email, is_email};
use crate::web::http::{Body, Code, PathId, Problem, Reply, RequestContext, idempotent};

/// The first step of a sign-in: e-mail and password.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct BeginStaffSession {
    /// The e-mail address that was invited.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ana@elm.example")]
    email: String,
    /// The password of the account.
    #[schema(example = "correct horse battery staple")]
    password: Secret,
    /// The device token from an earlier sign-in, which protects this device from other people's failures.
    #[schema(example = "sd_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    device: Option<Secret>,
}

/// A second factor to be set up, shown only once.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolView {
    /// The setup URL for an authenticator app (Key Uri Format).
    #[schema(example = "otpauth://totp/Messenger:ana%40elm.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\
                   &issuer=Messenger&algorithm=SHA1&digits=6&period=30")]
    otpauth_url: String,
    /// The same secret for typing, in base 32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same URL as a QR code in SVG.
    #[schema(example = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\"></svg>")]
    qr_svg: String,
}

/// A sign-in that still needs its second factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffChallenge {
    /// The token to send with the code; it accepts five attempts.
    #[schema(example = "sch_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    challenge: Secret,
    /// The time when the challenge expires.
    expires_at: Timestamp,
    /// Only at the first sign-in: the second factor to set up, which then produces the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    enrol: Option<EnrolView>,
}

impl StaffChallenge {
    /// `qr_svg` is empty if the URL is too long for a QR code (it never is); typing the secret still works.
    fn of(challenge: SignInChallenge) -> Self {
        let enrol = challenge.enrol.map(|enrol| EnrolView {
            qr_svg: printing::qr_of_text(&enrol.otpauth_url).unwrap_or_default(),
            otpauth_url: enrol.otpauth_url,
            secret: enrol.secret,
        });
        Self { challenge: challenge.secret, expires_at: challenge.expires_at, enrol }
    }
}

problems!(BeginStaffSessionProblems: keyed, SignInRefused, SignInLimited);

/// Start a sign-in with e-mail and password
#[utoipa::path(
    tag = "staff", request_body = BeginStaffSession,
    responses(
        (status = 201, description = "The password is right; a code is required", body = StaffChallenge),
        BeginStaffSessionProblems,
    ),
)]
#[post("/v1/staff/sessions")]
pub(crate) async fn begin_staff_session(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    call: RequestContext,
    body: Body<BeginStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (email, network) = (email(&input.email)?, call.network.clone());
    let attempt = Attempt { email, password: input.password, device: input.device, network };
    let checked = sign_in::check(&service, &hasher, attempt).await?;
    idempotent(&service, &call, &canonical, move |tx| {
        sign_in::begin(tx, &checked).map(|challenge| match challenge {
            Some(challenge) => Reply::created(&StaffChallenge::of(challenge)),
            None => Reply::Refused(Problem::new(Code::SignInRefused, "Check both and try again.")),
        })
    })
    .await
}

/// The second factor: `code` or `recovery_code`.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct FinishStaffSession {
    /// The challenge from the first step.
    #[schema(example = "sch_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    challenge: Secret,
    /// Six digits from the authenticator app; each code works once.
    #[validate(length(max = 20))]
    #[schema(example = "123456")]
    code: Option<String>,
    /// Alternatively, one of the recovery codes shown at enrollment; each works once.
    #[validate(length(max = 40))]
    #[schema(example = "7k2mq-x09ab")]
    recovery_code: Option<String>,
}

impl FinishStaffSession {
    fn code(&self) -> Result<sign_in::Code, Problem> {
        match (&self.code, &self.recovery_code) {
            (Some(code), None) => Ok(sign_in::Code::Totp(code.clone())),
            (None, Some(code)) => Ok(sign_in::Code::Recovery(code.clone())),
            _ => Err(Problem::wrong_field("/code", "required", "Send either `code` or `recovery_code`.")),
        }
    }
}

/// The tokens of a staff session.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSession)]
pub(crate) struct StaffSessionView {
    /// A JWT (`EdDSA`), sent as `Authorization: Bearer` with every staff call.
    #[schema(example = "eyJ0eXAiOiJzdGFmZitqd3QiLCJhbGciOiJFZERTQSJ9.e30.c2ln")]
    access_token: Secret,
    /// The token type, which is always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u64,
    /// An opaque, rotating token: each can be used once.
    #[schema(example = "srt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
}

impl From<Tokens> for StaffSessionView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh,
        }
    }
}

/// A new staff session, with what to keep for the next sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffSessionCreated {
    /// The tokens of the session.
    session: StaffSessionView,
    /// A token for the device to keep and to send with the next sign-in.
    #[schema(example = "sd_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    device: Secret,
    /// Only after enrollment: ten recovery codes for a lost phone, shown only once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["7k2mq-x09ab"]))]
    recovery_codes: Vec<String>,
}

problems!(FinishStaffSessionProblems: keyed, ChallengeInvalid, SecondFactorWrong, SignInLimited);

/// Finish a sign-in with a code
///
/// At the first sign-in, the code also sets up the second factor.
#[utoipa::path(
    tag = "staff", request_body = FinishStaffSession,
    responses(
        (status = 201, description = "The new session", body = StaffSessionCreated),
        FinishStaffSessionProblems,
    ),
)]
#[post("/v1/staff/sessions/totp")]
pub(crate) async fn finish_staff_session(
    service: Data<Service>,
    call: RequestContext,
    body: Body<FinishStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (code, network, agent) = (input.code()?, call.network.clone(), call.agent.clone());
    let call = call.held_by(&input.challenge);
    idempotent(&service, &call, &canonical, move |tx| -> Result<_, Error> {
        let Some(staff) = sign_in::finish(tx, &input.challenge, &code, &network)? else {
            return Ok(Reply::Refused(wrong_code()));
        };
        let session = session::open_api(tx, &staff, &agent)?.into();
        let (device, recovery_codes) = (staff.device, staff.recovery_codes);
        Ok(Reply::created(&StaffSessionCreated { session, device, recovery_codes }))
    })
    .await
}

/// A staff refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct RefreshStaffSession {
    /// The latest refresh token; it can be used once.
    #[schema(example = "srt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
}

/// Response with fresh session tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffSessionAnswer {
    /// The tokens of the session.
    session: StaffSessionView,
}

problems!(RefreshStaffProblems: keyed, RefreshTokenInvalid, RefreshTokenReused);

/// Exchange a refresh token for new staff tokens
#[utoipa::path(
    tag = "staff", request_body = RefreshStaffSession,
    responses((status = 200, description = "Fresh tokens", body = StaffSessionAnswer), RefreshStaffProblems),
)]
#[post("/v1/staff/sessions/refresh")]
pub(crate) async fn refresh_staff_session(
    service: Data<Service>,
    call: RequestContext,
    body: Body<RefreshStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.refresh_token);
    idempotent(&service, &call, &canonical, move |tx| {
        session::refresh(tx, &input.refresh_token).map(|refresh| match refresh {
            Refresh::Tokens(tokens) => Reply::ok(&StaffSessionAnswer { session: tokens.into() }),
            Refresh::Reused => {
                let detail = "All tokens of this session are revoked. Sign in again.";
                Reply::Refused(Problem::field(Code::RefreshTokenReused, "/refresh_token", detail))
            }
        })
    })
    .await
}

/// One session of a staff member.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffSessionItem {
    /// The id of the session.
    id: StaffSessionId,
    /// The kind of session: `api` for an app, `console` for a browser.
    #[schema(value_type = String, example = "console")]
    kind: Kind,
    /// Browser and operating system, from the `User-Agent`.
    #[schema(example = "Firefox, Windows")]
    label: String,
    /// The time of the sign-in.
    created_at: Timestamp,
    /// The time of the last use, accurate to a few minutes.
    last_seen_at: Timestamp,
    /// Whether this session made the request.
    is_current: bool,
}

impl StaffSessionItem {
    fn of(session: Session, current: Option<&StaffSessionId>) -> Self {
        Self {
            kind: session.kind,
            is_current: current == Some(&session.id),
            id: session.id,
            label: session.label,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// The active sessions of a staff member.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffSessions {
    /// The sessions, most recently used first.
    items: Vec<StaffSessionItem>,
}

problems!(StaffSessionsProblems: plain, Unauthorized);

/// List your own sessions
#[utoipa::path(
    tag = "staff", security(("staff_token" = [])),
    responses((status = 200, description = "Active sessions", body = StaffSessions), StaffSessionsProblems),
)]
#[get("/v1/staff/sessions")]
pub(crate) async fn list_staff_sessions(
    service: Data<Service>,
    call: RequestContext,
) -> Result<Json<StaffSessions>, Problem> {
    let items = service.read_as_staff(&call, Permission::ViewPractice, |tx, staff| {
        let of = |session| StaffSessionItem::of(session, staff.session_id.as_ref());
        session::list(tx, staff).map(|sessions| sessions.into_iter().map(of).collect())
    });
    Ok(Json(StaffSessions { items: items.await? }))
}

/// Sign out of the current session
#[utoipa::path(
    tag = "staff", security(("staff_token" = [])),
    responses((status = 204, description = "The session has ended"), StaffSessionsProblems),
)]
#[delete("/v1/staff/sessions/current")]
pub(crate) async fn delete_current_staff_session(
    service: Data<Service>,
    call: RequestContext,
) -> Result<HttpResponse, Problem> {
    service.write_as_staff(&call, Permission::ViewPractice, session::sign_out).await?;
    Ok(HttpResponse::NoContent().finish())
}

problems!(DeleteStaffSessionProblems: plain, Unauthorized, SessionNotFound);

/// End one of your own sessions
#[utoipa::path(
    tag = "staff", security(("staff_token" = [])), params(PathId<StaffSessionId>),
    responses((status = 204, description = "The session has ended"), DeleteStaffSessionProblems),
)]
#[delete("/v1/staff/sessions/{id}")]
pub(crate) async fn delete_staff_session(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<StaffSessionId>,
) -> Result<HttpResponse, Problem> {
    service
        .write_as_staff(&call, Permission::ViewPractice, move |tx, staff| session::end(tx, staff, &id.0))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sign out of all sessions, including this one
#[utoipa::path(
    tag = "staff", security(("staff_token" = [])),
    responses((status = 204, description = "All sessions have ended"), StaffSessionsProblems),
)]
#[delete("/v1/staff/sessions")]
pub(crate) async fn delete_staff_sessions(
    service: Data<Service>,
    call: RequestContext,
) -> Result<HttpResponse, Problem> {
    service.write_as_staff(&call, Permission::ViewPractice, session::sign_out_everywhere).await?;
    Ok(HttpResponse::NoContent().finish())
}
