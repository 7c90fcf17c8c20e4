//! HTTP handlers for phone number verifications.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::links::ReadToken;
use crate::domain::verification::{
    self, Channel, CheckOutcome, Delivery, Error, NewSession, Status, Verification, code,
};
use crate::kit::phone::PhoneError;
use crate::kit::{Language, Phone, Secret, Timestamp, VerificationId, Wait};
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Body, Code, PathId, Problem, Reply, RequestContext, idempotent};
use crate::web::patient_api::entry_point::PendingPairingView;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Code::VerificationNotFound, "Check the id and the client secret."),
            Error::Link(link) => link.into(),
            Error::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We cannot text or call this country.")
            }
            Error::ChannelUnavailable => {
                Self::field(Code::ChannelUnavailable, "/channel", "Choose the other channel.")
            }
            Error::SendLimited(wait, current) => {
                limited(Code::SendLimited, "You can request another code", wait, current)
            }
            Error::CheckLimited(wait, current) => {
                limited(Code::CheckLimited, "You can enter another code", wait, Some(current))
            }
            Error::ChecksExhausted(wait, current) => {
                limited(Code::ChecksExhausted, "You can start a new verification", wait, Some(current))
            }
            Error::NumberLocked => Self::new(Code::NumberLocked, "Ask the practice for help."),
            Error::CodeExpired => Self::new(Code::CodeExpired, "Request a new code."),
            Error::Expired => Self::new(Code::VerificationExpired, "Start a new verification."),
            Error::AlreadyVerified => Self::new(Code::AlreadyVerified, "Continue with the phone proof."),
            Error::ProofExpired => {
                Self::field(Code::PhoneProofExpired, "/phone_proof", "Verify the number again.")
            }
            Error::ProofInvalid => {
                Self::field(Code::PhoneProofInvalid, "/phone_proof", "Verify the number again.")
            }
            Error::KeysMissing => Self::new(Code::Internal, "Start a new verification."),
            Error::Db(error) => error.into(),
        }
    }
}

fn limited(code: Code, what: &str, wait: Wait, current: Option<Box<Verification>>) -> Problem {
    let problem = Problem::new(code, format!("{what} in {} s.", wait.seconds)).retry(wait);
    match current {
        Some(current) => problem.with("verification", json!(VerificationView::from(*current))),
        None => problem,
    }
}

impl From<PhoneError> for Problem {
    fn from(error: PhoneError) -> Self {
        let code = match error {
            PhoneError::TypeRefused(_) => Code::PhoneTypeRefused,
            _ => Code::PhoneInvalid,
        };
        Self::field(code, "/phone", error.to_string())
    }
}

/// A verification, as shown to its client.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(crate) struct VerificationView {
    /// Unique id of the verification.
    id: VerificationId,
    /// Status of the verification.
    #[schema(example = "pending")]
    status: Status,
    /// The phone number, masked; `null` a day after the start.
    #[schema(required = true, example = "+1 •••••• 2671")]
    phone: Option<String>,
    /// Channel of the latest message.
    #[schema(example = "sms")]
    channel: Channel,
    /// Delivery status of the latest message.
    #[schema(example = "queued")]
    delivery: Delivery,
    /// Number of digits of a code.
    #[schema(example = 6)]
    code_length: u8,
    /// Time at which the verification was created.
    created_at: Timestamp,
    /// Time at which the verification expires.
    expires_at: Timestamp,
    /// Seconds until an SMS can be requested; `null` if waiting will not help.
    #[schema(required = true, example = 30)]
    next_sms: Option<u64>,
    /// Seconds until a voice call can be requested; `null` if waiting will not help.
    #[schema(required = true, example = 60)]
    next_call: Option<u64>,
    /// Seconds until a code can be checked; `null` if waiting will not help.
    #[schema(required = true, example = 0)]
    next_check: Option<u64>,
    /// Number of checks left in this verification.
    #[schema(example = 5)]
    checks_left: i32,
    /// Further information that is required before a code is sent; always empty so far.
    requested_information: Vec<String>,
}

impl From<Verification> for VerificationView {
    fn from(Verification { session, timers }: Verification) -> Self {
        Self {
            status: timers.status,
            phone: session.number().map(|phone| phone.masked()),
            id: session.id,
            channel: session.channel,
            delivery: session.delivery,
            code_length: code::LENGTH,
            created_at: session.created_at,
            expires_at: session.expires_at,
            next_sms: timers.next_sms,
            next_call: timers.next_call,
            next_check: timers.next_check,
            checks_left: timers.checks_left,
            requested_information: Vec::new(),
        }
    }
}

/// A verification and its timers.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerificationAnswer {
    /// The verification with its current timers.
    verification: VerificationView,
}

impl From<Verification> for VerificationAnswer {
    fn from(verification: Verification) -> Self {
        Self { verification: verification.into() }
    }
}

/// A phone number to verify.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateVerification {
    /// The mobile number, international or national; spaces and punctuation are ignored.
    #[schema(example = "+1 415 555 2671")]
    phone: String,
    /// The link token, if the app has one.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Option<Secret>,
    /// Channel of the first code; by default SMS, if the number takes texts.
    #[schema(example = "sms")]
    channel: Option<Channel>,
    /// Language of the messages, a BCP 47 tag; by default `Accept-Language`, then the practice's.
    #[validate(length(max = 35, message = "A language tag has at most 35 characters."))]
    #[schema(example = "en-US")]
    locale: Option<String>,
    /// Platform of the app: `ios` or `android`.
    #[schema(example = "android")]
    platform: Option<Platform>,
    /// SMS Retriever hash of the Android app, 11 characters; the text message ends with it.
    #[validate(custom(function = "is_app_hash"))]
    #[schema(example = "FA+9qCX9VSu", pattern = "^[A-Za-z0-9+/]{11}$")]
    app_hash: Option<String>,
}

/// Operating system of the app.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Platform {
    /// The app for iOS or iPadOS.
    Ios,
    /// The app for Android devices.
    Android,
}

fn is_app_hash(hash: &str) -> Result<(), ValidationError> {
    if hash.len() == 11 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/') {
        return Ok(());
    }
    Err(ValidationError::new("app_hash_format").with_message("An app hash has 11 base64 characters.".into()))
}

/// A new verification, and the secret that later requests about it need.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerificationCreated {
    /// The verification with its current timers.
    verification: VerificationView,
    /// Secret for the `Authorization: Bearer` header of every request about this verification.
    #[schema(example = "vs_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    client_secret: Secret,
}

problems!(
    CreateProblems: keyed,
    LinkTokenInvalid, LinkPaused, PhoneInvalid, PhoneTypeRefused, CountryNotSupported, ChannelUnavailable,
    SendLimited
);

/// Start a verification and send the first code
#[utoipa::path(
    tag = "verifications", request_body = CreateVerification,
    responses(
        (status = 201, description = "The first message was queued", body = VerificationCreated),
        CreateProblems,
    ),
)]
#[post("/v1/verifications")]
pub(crate) async fn create_verification(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateVerification>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let region = service.settings.verification.default_region.as_str();
    let new = NewSession {
        phone: Phone::parse(&input.phone, Some(region))?,
        link_token: input.link_token.map(|token| ReadToken::read(&service, &token)),
        channel: input.channel,
        language: input.locale.as_deref().and_then(Language::from_tag).or(call.language),
        // The hash is for Android's SMS Retriever; on iOS it would only be noise at the end of the text.
        app_hash: input.app_hash.filter(|_| !matches!(input.platform, Some(Platform::Ios))),
        network: call.network.clone(),
    };
    idempotent(&service, &call, &canonical, move |tx| -> Result<_, Error> {
        let (verification, client_secret) = verification::create(tx, new)?;
        let verification = verification.into();
        Ok(Reply::created(&VerificationCreated { verification, client_secret }))
    })
    .await
}

problems!(GetProblems: plain, VerificationNotFound);

/// Get a verification with all its timers, for example for a screen that was restored
#[utoipa::path(
    tag = "verifications", security(("client_secret" = [])), params(PathId<VerificationId>),
    responses(
        (status = 200, description = "The verification with its current timers", body = VerificationAnswer),
        GetProblems,
    ),
)]
#[get("/v1/verifications/{id}")]
pub(crate) async fn get_verification(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<VerificationId>,
) -> Result<HttpResponse, Problem> {
    let found = service.read(move |tx| verification::find(tx, &id.0, &call.secret())).await?;
    Ok(HttpResponse::Ok().json(VerificationAnswer::from(found)))
}

/// The channel to send the code again.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateSend {
    /// The channel, `sms` or `voice`.
    #[schema(example = "sms")]
    channel: Channel,
}

problems!(
    SendProblems: keyed,
    VerificationNotFound, AlreadyVerified, VerificationExpired, ChannelUnavailable, SendLimited,
    ChecksExhausted
);

/// Send the code again, by SMS or voice call
#[utoipa::path(
    tag = "verifications", request_body = CreateSend, security(("client_secret" = [])),
    params(PathId<VerificationId>),
    responses(
        (status = 202, description = "The message was queued", body = VerificationAnswer),
        SendProblems,
    ),
)]
#[post("/v1/verifications/{id}/sends")]
pub(crate) async fn send_verification_code(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<VerificationId>,
    body: Body<CreateSend>,
) -> Result<HttpResponse, Problem> {
    let (secret, channel) = (call.secret(), body.value.channel);
    idempotent(&service, &call, &body.canonical, move |tx| -> Result<_, Error> {
        let verification = verification::send(tx, &id.0, &secret, channel)?;
        Ok(Reply::accepted(&VerificationAnswer::from(verification)))
    })
    .await
}

/// A code that the patient entered.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateCheck {
    /// Six digits; spaces and dashes between them are ignored.
    #[schema(example = "123456")]
    code: String,
}

/// The result of comparing a code.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckResult {
    /// The code is correct.
    Approved,
    /// The code is wrong.
    Wrong,
}

impl CheckResult {
    pub(crate) fn of(is_correct: bool) -> Self {
        if is_correct { Self::Approved } else { Self::Wrong }
    }
}

/// The outcome of a code check.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// The result of the comparison.
    #[schema(example = "approved")]
    result: CheckResult,
    /// The verification with its current timers.
    verification: VerificationView,
    /// The phone proof, valid for 10 minutes, for one account or session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Option<Secret>,
    /// Pending pairings of this number, the newest first: send `pending_pairing_id` instead of a link
    /// token. Present only with the proof: without it, no client learns which pairings a number has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_pairings: Option<Vec<PendingPairingView>>,
}

impl From<CheckOutcome> for CheckAnswer {
    fn from(outcome: CheckOutcome) -> Self {
        let pending = outcome.pending.into_iter().map(PendingPairingView::from).collect();
        Self {
            result: CheckResult::of(outcome.proof.is_some()),
            verification: outcome.verification.into(),
            pending_pairings: outcome.proof.is_some().then_some(pending),
            phone_proof: outcome.proof,
        }
    }
}

problems!(
    CheckProblems: keyed,
    VerificationNotFound, VerificationExpired, CodeExpired, PhoneProofExpired, NumberLocked, CheckLimited,
    ChecksExhausted
);

/// Check a code that the patient entered
#[utoipa::path(
    tag = "verifications", request_body = CreateCheck, security(("client_secret" = [])),
    params(PathId<VerificationId>),
    responses((status = 200, description = "The code was compared", body = CheckAnswer), CheckProblems),
)]
#[post("/v1/verifications/{id}/checks")]
pub(crate) async fn check_verification_code(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<VerificationId>,
    body: Body<CreateCheck>,
) -> Result<HttpResponse, Problem> {
    let secret = call.secret();
    let digits = plain_digits(&body.value.code)?;
    idempotent(&service, &call, &body.canonical, move |tx| -> Result<_, Error> {
        let outcome = verification::check(tx, &id.0, &secret, &digits)?;
        Ok(Reply::ok(&CheckAnswer::from(outcome)))
    })
    .await
}

/// Extracts six digits, however a keyboard or a paste wrote them: a correct code must not fail because of a
/// space. Anything else is a typing error and costs no check.
fn plain_digits(code: &str) -> Result<String, Problem> {
    let digits: Option<String> = code
        .chars()
        .filter(|c| !is_filler(*c))
        .map(|c| match c {
            '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
            c => Some(c).filter(char::is_ascii_digit),
        })
        .collect();
    digits
        .filter(|digits| digits.len() == usize::from(code::LENGTH))
        .ok_or_else(|| Problem::field(Code::InvalidRequest, "/code", "A code has six digits."))
}

/// White space, dashes, and invisible characters that a paste brings along.
fn is_filler(c: char) -> bool {
    let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}');
    let is_invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2066}'..='\u{2069}');
    c.is_whitespace() || c.is_control() || is_dash || is_invisible
}
