//! The doors of signing in, staying signed in, and choosing a password.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{email, is_email};
use crate::app::App;
use crate::http::{Answer, Body, Call, Code, FieldError, Problem, once};
use crate::kit::{Secret, Timestamp};
use crate::printing;
use crate::refusals;
use crate::staff::session::{self, Refreshed, Session, Tokens};
use crate::staff::sign_in::{self, Attempt, Begun, Challenge, Finished};
use crate::staff::{self, Refusal, letter};

/// The first factor.
#[derive(Deserialize, Validate, ToSchema)]
pub struct BeginStaffSession {
    /// The address of the invitation.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ana@elm.example")]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery staple")]
    password: Secret,
    /// What an earlier sign-in left on this device: other people's failures do not slow it down.
    #[schema(example = "sd_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    device: Option<Secret>,
}

/// A second factor to be set up: shown once.
#[derive(Serialize, ToSchema)]
pub struct EnrolView {
    /// For an authenticator app (Key Uri Format).
    #[schema(
        example = "otpauth://totp/Messenger:ana%40elm.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Messenger&algorithm=SHA1&digits=6&period=30"
    )]
    otpauth_url: String,
    /// The same for typing, in base 32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same as a QR code, as SVG.
    #[schema(example = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\"></svg>")]
    qr_svg: String,
}

/// A sign-in between its two factors.
#[derive(Serialize, ToSchema)]
pub struct StaffChallenge {
    /// For the call with the code; it takes five codes.
    #[schema(example = "sch_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    challenge: Secret,
    /// Until when.
    expires_at: Timestamp,
    /// At the first sign-in: the second factor to be set up; the code is that of the app that scanned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    enrol: Option<EnrolView>,
}

impl StaffChallenge {
    /// A URL that no QR code can hold does not come about; typing works in any case.
    fn of(challenge: Challenge) -> Self {
        let enrol = challenge.enrol.map(|enrol| EnrolView {
            qr_svg: printing::qr_of_text(&enrol.otpauth_url).unwrap_or_default(),
            otpauth_url: enrol.otpauth_url,
            secret: enrol.secret,
        });
        Self { challenge: challenge.secret, expires_at: challenge.expires_at, enrol }
    }
}

refusals!(BeginStaffSessionRefusals: keyed, SignInRefused, SignInLimited);

/// Begins a sign-in: address and password
#[utoipa::path(tag = "staff", request_body = BeginStaffSession, responses((status = 201, description = "A code is wanted", body = StaffChallenge), BeginStaffSessionRefusals))]
#[post("/v1/staff/sessions")]
pub async fn begin_staff_session(
    app: Data<App>,
    call: Call,
    body: Body<BeginStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (email, network) = (email(&input.email)?, call.network.clone());
    let attempt = Attempt { email, password: input.password, device: input.device, network };
    let checked = sign_in::check(&app, attempt).await?;
    once(&app, &call, &canonical, move |ctx, conn| {
        Ok::<_, Refusal>(match sign_in::begin(ctx, conn, &checked)? {
            Begun::Challenge(challenge) => Answer::created(&StaffChallenge::of(challenge)),
            Begun::Refused => Answer::Refused(Problem::new(Code::SignInRefused, "Check both and try again.")),
        })
    })
    .await
}

/// The second factor: `code` or `recovery_code`.
#[derive(Deserialize, Validate, ToSchema)]
pub struct FinishStaffSession {
    /// What the first factor yielded.
    #[schema(example = "sch_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    challenge: Secret,
    /// Six digits from the authenticator app; each is good once.
    #[validate(length(max = 20))]
    #[schema(example = "123456")]
    code: Option<String>,
    /// In its place: one of the codes that the enrolment showed; each is good once.
    #[validate(length(max = 40))]
    #[schema(example = "7k2mq-x09ab")]
    recovery_code: Option<String>,
}

impl FinishStaffSession {
    fn code(&self) -> Result<sign_in::Code, Problem> {
        match (&self.code, &self.recovery_code) {
            (Some(code), None) => Ok(sign_in::Code::Totp(code.clone())),
            (None, Some(code)) => Ok(sign_in::Code::Recovery(code.clone())),
            _ => Err(Problem::fields(vec![FieldError {
                pointer: "/code".to_owned(),
                code: "required".to_owned(),
                detail: "Send either `code` or `recovery_code`.".to_owned(),
            }])),
        }
    }
}

/// A staff sign-in's tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSession)]
pub struct StaffSessionView {
    /// A JWT (EdDSA): `Authorization: Bearer` of every call to the practice's doors.
    #[schema(example = "eyJ0eXAiOiJzdGFmZitqd3QiLCJhbGciOiJFZERTQSJ9.e30.c2ln")]
    access_token: Secret,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    expires_in: u64,
    /// Opaque and rotating: each can be used once.
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

/// Signed in.
#[derive(Serialize, ToSchema)]
pub struct StaffSessionCreated {
    /// The sign-in.
    session: StaffSessionView,
    /// For the device to keep and to send with the next sign-in.
    #[schema(example = "sd_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    device: Secret,
    /// After an enrolment: ten codes for whoever loses the phone, shown this once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["7k2mq-x09ab"]))]
    recovery_codes: Vec<String>,
}

refusals!(FinishStaffSessionRefusals: keyed, ChallengeInvalid, SecondFactorWrong, SignInLimited);

/// Finishes a sign-in: a code, which also sets up the second factor the first time
#[utoipa::path(tag = "staff", request_body = FinishStaffSession, responses((status = 201, description = "Signed in", body = StaffSessionCreated), FinishStaffSessionRefusals))]
#[post("/v1/staff/sessions/totp")]
pub async fn finish_staff_session(
    app: Data<App>,
    call: Call,
    body: Body<FinishStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (code, network, agent) = (input.code()?, call.network.clone(), call.agent.clone());
    let call = call.held_by(&input.challenge);
    once(&app, &call, &canonical, move |ctx, conn| {
        let Finished::Proven(who) = sign_in::finish(ctx, conn, &input.challenge, &code, &network)? else {
            let detail = "Type the code that the app shows now; each is good once.";
            return Ok(Answer::Refused(Problem::field(Code::SecondFactorWrong, "/code", detail)));
        };
        let session = session::open_api(ctx, conn, &who.staff_id, &agent)?.into();
        let view = StaffSessionCreated { session, device: who.device, recovery_codes: who.recovery_codes };
        Ok::<_, Refusal>(Answer::created(&view))
    })
    .await
}

/// A staff refresh token.
#[derive(Deserialize, Validate, ToSchema)]
pub struct RefreshStaffSession {
    /// The latest one; it can be used once.
    #[schema(example = "srt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
}

/// Fresh tokens.
#[derive(Serialize, ToSchema)]
pub struct StaffSessionAnswer {
    /// The sign-in.
    session: StaffSessionView,
}

refusals!(RefreshStaffRefusals: keyed, RefreshTokenInvalid, RefreshTokenReused);

/// Turns a staff refresh token into fresh tokens
#[utoipa::path(tag = "staff", request_body = RefreshStaffSession, responses((status = 200, description = "Fresh tokens", body = StaffSessionAnswer), RefreshStaffRefusals))]
#[post("/v1/staff/sessions/refresh")]
pub async fn refresh_staff_session(
    app: Data<App>,
    call: Call,
    body: Body<RefreshStaffSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.refresh_token);
    once(&app, &call, &canonical, move |ctx, conn| {
        Ok::<_, Refusal>(match session::refresh(ctx, conn, &input.refresh_token)? {
            Refreshed::Tokens(tokens) => Answer::ok(&StaffSessionAnswer { session: tokens.into() }),
            Refreshed::Reused => {
                let detail = "Every token of this sign-in is revoked. Sign in again.";
                Answer::Refused(Problem::field(Code::RefreshTokenReused, "/refresh_token", detail))
            }
        })
    })
    .await
}

/// One of somebody's sign-ins.
#[derive(Serialize, ToSchema)]
pub struct StaffSessionItem {
    /// Its id.
    #[schema(example = "sts_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// `api` for an app, `console` for a browser.
    #[schema(example = "console")]
    kind: &'static str,
    /// Browser and system, as far as they told.
    #[schema(example = "Firefox, Windows")]
    label: String,
    /// When it began.
    created_at: Timestamp,
    /// When it was last used, to a few minutes.
    last_seen_at: Timestamp,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl StaffSessionItem {
    fn of(session: Session, current: Option<&str>) -> Self {
        Self {
            kind: session.kind().as_str(),
            is_current: current == Some(session.id.as_str()),
            id: session.id,
            label: session.label,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// Somebody's sign-ins.
#[derive(Serialize, ToSchema)]
pub struct StaffSessions {
    /// The latest first.
    items: Vec<StaffSessionItem>,
}

refusals!(StaffSessionsRefusals: plain, Unauthorized);

/// Lists one's own sign-ins
#[utoipa::path(tag = "staff", security(("staff_token" = [])), responses((status = 200, description = "Sign-ins that live", body = StaffSessions), StaffSessionsRefusals))]
#[get("/v1/staff/sessions")]
pub async fn list_staff_sessions(app: Data<App>, call: Call) -> Result<Json<StaffSessions>, Problem> {
    let found = app.read(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, call.bearer.as_ref())?;
        let sessions = session::list(ctx, conn, &who)?;
        let of = |session| StaffSessionItem::of(session, who.session_id.as_deref());
        Ok::<_, Refusal>(sessions.into_iter().map(of).collect())
    });
    Ok(Json(StaffSessions { items: found.await? }))
}

/// Signs out
#[utoipa::path(tag = "staff", security(("staff_token" = [])), responses((status = 204, description = "The sign-in has ended"), StaffSessionsRefusals))]
#[delete("/v1/staff/sessions/current")]
pub async fn delete_current_staff_session(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    app.write(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, call.bearer.as_ref())?;
        Ok::<_, Refusal>(session::sign_out(ctx, conn, &who)?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Signs out everywhere, here included
#[utoipa::path(tag = "staff", security(("staff_token" = [])), responses((status = 204, description = "Every sign-in has ended"), StaffSessionsRefusals))]
#[delete("/v1/staff/sessions")]
pub async fn delete_staff_sessions(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    app.write(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, call.bearer.as_ref())?;
        session::sign_out_everywhere(ctx, conn, &who)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// An address that has lost its password.
#[derive(Deserialize, Validate, ToSchema)]
pub struct AskPasswordReset {
    /// The address that one signs in with.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ana@elm.example")]
    email: String,
}

/// Nothing is told of the address.
#[derive(Serialize, ToSchema)]
pub struct PasswordResetAsked {
    /// Always `accepted`: an e-mail is on its way where the address is one of ours.
    #[schema(example = "accepted")]
    status: &'static str,
}

refusals!(AskPasswordResetRefusals: keyed, SignInLimited);

/// Mails a link that lets one choose a new password, where the address is somebody's
#[utoipa::path(tag = "staff", request_body = AskPasswordReset, responses((status = 202, description = "The same for every address", body = PasswordResetAsked), AskPasswordResetRefusals))]
#[post("/v1/staff/password-resets")]
pub async fn ask_password_reset(
    app: Data<App>,
    call: Call,
    body: Body<AskPasswordReset>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (email, network) = (email(&input.email)?, call.network.clone());
    once(&app, &call, &canonical, move |ctx, conn| {
        letter::ask_reset(ctx, conn, &email, &network)?;
        Ok::<_, Refusal>(Answer::accepted(&PasswordResetAsked { status: "accepted" }))
    })
    .await
}

/// A password by a letter's link.
#[derive(Deserialize, Validate, ToSchema)]
pub struct SetPassword {
    /// What stands behind the `#` of the link.
    #[schema(example = "slt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: Secret,
    /// 12 to 128 characters of any kind; not the address, not the practice's name.
    #[schema(example = "correct horse battery staple")]
    password: Secret,
}

/// The password is set.
#[derive(Serialize, ToSchema)]
pub struct PasswordSet {
    /// The address to sign in with.
    #[schema(example = "ana@elm.example")]
    email: String,
}

refusals!(SetPasswordRefusals: keyed, LetterExpired, PasswordRefused);

/// Sets a password by the link of an invitation or a reset, and ends every sign-in of that person
#[utoipa::path(tag = "staff", request_body = SetPassword, responses((status = 200, description = "The password is set", body = PasswordSet), SetPasswordRefusals))]
#[post("/v1/staff/passwords")]
pub async fn set_password(
    app: Data<App>,
    call: Call,
    body: Body<SetPassword>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.token);
    let chosen = letter::choose(&app, input.token, &input.password).await?;
    once(&app, &call, &canonical, move |ctx, conn| {
        let member = letter::set_password(ctx, conn, &chosen)?;
        Ok::<_, Refusal>(Answer::ok(&PasswordSet { email: member.email }))
    })
    .await
}
