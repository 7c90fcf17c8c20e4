//! Problem details (RFC 9457), from one table of codes that feeds the handlers, the OpenAPI document and a
//! test.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::db;
use crate::kit::{Timestamp, Wait};

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal)+) => {
        /// Every code that a problem can carry. Codes are stable; titles and details may be reworded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each carries its title in the table below")]
        pub enum Code { $($name),+ }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in the `code` member.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// A short sentence for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

codes! {
    MalformedRequest       "malformed_request"        400 "The request cannot be read"
    IdempotencyKeyInvalid  "idempotency_key_invalid"  400 "The Idempotency-Key cannot be used"
    Unauthorized           "unauthorized"             401 "Sign in first"
    RefreshTokenInvalid    "refresh_token_invalid"    401 "The refresh token is not good"
    RefreshTokenReused     "refresh_token_reused"     401 "The refresh token was used before"
    SignInRefused          "sign_in_refused"          401 "Address or password is wrong"
    ChallengeInvalid       "challenge_invalid"        401 "This sign-in must begin again"
    SecondFactorWrong      "second_factor_wrong"      401 "That code is not good"
    NumberLocked           "number_locked"            403 "This number is not checked any more"
    PlanRequired           "plan_required"            403 "The practice's plan does not include this"
    StaffForbidden         "staff_forbidden"          403 "Your role may not do that"
    SessionRestricted      "session_restricted"       403 "This sign-in may not do that yet"
    PairingRefused         "pairing_refused"          403 "This practice cannot be connected to here"
    SignatureInvalid       "signature_invalid"        403 "The signature is not good"
    NotFound               "not_found"                404 "There is nothing here"
    LinkNotFound           "link_not_found"           404 "This link is not in use"
    VerificationNotFound   "verification_not_found"   404 "There is no such verification"
    AccountNotFound        "account_not_found"        404 "This number has no account"
    PatientNotFound        "patient_not_found"        404 "There is no such patient"
    PairingNotFound        "pairing_not_found"        404 "There is no such pairing"
    ConversationNotFound   "conversation_not_found"   404 "There is no such conversation"
    RecordNotFound         "record_not_found"         404 "There is no such record"
    ImportNotFound         "import_not_found"         404 "There is no such import"
    InviteNotFound         "invite_not_found"         404 "There is no such invite"
    WebhookNotFound        "webhook_not_found"        404 "There is no such webhook"
    StaffNotFound          "staff_not_found"          404 "There is no such colleague"
    SessionNotFound        "session_not_found"        404 "There is no such sign-in"
    TeamNotFound           "team_not_found"           404 "There is no such team"
    MethodNotAllowed       "method_not_allowed"       405 "This method does not exist here"
    RequestTimeout         "request_timeout"          408 "The request did not arrive in time"
    AccountExists          "account_exists"           409 "This number has an account"
    EmailUnproven          "email_unproven"           409 "The account has no proven e-mail address"
    SessionUnrestricted    "session_unrestricted"     409 "This sign-in sees everything already"
    AlreadyVerified        "already_verified"         409 "This number is proven already"
    PhoneProofConsumed     "phone_proof_consumed"     409 "The phone proof was used for something else"
    LinkPaused             "link_paused"              409 "The practice takes nobody in through this link for now"
    LinkStateFixed         "link_state_fixed"         409 "A link cannot change its state that way"
    PendingPairingGone     "pending_pairing_gone"     409 "This pairing waits no more"
    InviteGone             "invite_gone"              409 "This invite is not good any more"
    InviteEmailUnproven    "invite_email_unproven"    409 "The e-mail address is not proven yet"
    InviteFixed            "invite_fixed"             409 "This invite stays as it is"
    OptedOut               "opted_out"                409 "This number wants no texts"
    ConversationClosed     "conversation_closed"      409 "This conversation is closed"
    IdentityUnverified     "identity_unverified"      409 "It is not known who this is"
    IdentityDecided        "identity_decided"         409 "It was decided already who this is"
    NothingToUndo          "nothing_to_undo"          409 "There is no decision to take back"
    ImportRunning          "import_running"           409 "Another import is running"
    ImportOver             "import_over"              409 "This import is over"
    WebhookLimit           "webhook_limit"            409 "The practice has as many webhooks as it may have"
    WebhookDisabled        "webhook_disabled"         409 "This webhook is not called"
    LastRecipient          "last_recipient"           409 "Somebody must still be told"
    StaffExists            "staff_exists"             409 "This address belongs to somebody already"
    TeamExists             "team_exists"              409 "The practice has a team of this name"
    LastAdmin              "last_admin"               409 "Somebody must administer the practice"
    RequestInProgress      "request_in_progress"      409 "The first request with this key is still running"
    CodeExpired            "code_expired"             410 "This code has expired"
    VerificationExpired    "verification_expired"     410 "This verification has expired"
    PhoneProofExpired      "phone_proof_expired"      410 "The phone proof has expired"
    LetterExpired          "letter_expired"           410 "This link has been used or has expired"
    BodyTooLarge           "body_too_large"           413 "The body is too large"
    UnsupportedMediaType   "unsupported_media_type"   415 "The body must be JSON"
    InvalidRequest         "invalid_request"          422 "Some fields are wrong"
    FileUnreadable         "file_unreadable"          422 "This file cannot be read as records"
    CodeMistyped           "code_mistyped"            422 "That number looks mistyped"
    LinkTokenInvalid       "link_token_invalid"       422 "The link token is not good"
    PhoneInvalid           "phone_invalid"            422 "That is not a phone number that we can use"
    PhoneTypeRefused       "phone_type_refused"       422 "Numbers of this kind cannot be used"
    CountryNotSupported    "country_not_supported"    422 "Numbers of this country cannot be used"
    ChannelUnavailable     "channel_unavailable"      422 "This number cannot be reached that way"
    PhoneProofInvalid      "phone_proof_invalid"      422 "The phone proof is not good"
    PasswordRefused        "password_refused"         422 "This password cannot be used"
    CurrentPasswordWrong   "current_password_wrong"   422 "That is not the current password"
    IdempotencyKeyReused   "idempotency_key_reused"   422 "This Idempotency-Key belongs to another request"
    DeskCodeWrong          "desk_code_wrong"          422 "This code is on no screen of this practice"
    SendLimited            "send_limited"             429 "Too many messages"
    InviteLimited          "invite_limited"           429 "One invite a day"
    CodeLimited            "code_limited"             429 "Too many codes that lead nowhere"
    CheckLimited           "check_limited"            429 "Too many wrong codes"
    ChecksExhausted        "checks_exhausted"         429 "This verification has no checks left"
    SignInLimited          "sign_in_limited"          429 "Too many failed attempts"
    Internal               "internal"                 500 "Something went wrong on our side"
    Unavailable            "unavailable"              503 "The service is busy for a moment"
}

/// Every response carries its request's id under this name.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One field that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer into the request (RFC 6901).
    #[schema(example = "/phone")]
    pub pointer: String,
    /// What is wrong, for machines.
    #[schema(example = "phone_invalid")]
    pub code: String,
    /// What is wrong, for people.
    #[schema(example = "This number has too few digits.")]
    pub detail: String,
}

/// The body of every refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI reference that names the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs#code_mistyped")]
    kind: String,
    /// A short sentence.
    #[schema(example = "That number looks mistyped")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened and what to do.
    #[schema(example = "Compare it with the card or page that it came from.")]
    detail: String,
    /// The request id, as in `x-request-id`.
    #[schema(example = "req_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    instance: String,
    /// The stable code.
    #[schema(example = "code_mistyped")]
    code: &'static str,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// When the same call succeeds, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    /// The resource as it stands, where the refusal is about one.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// A refusal on its way out.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its code.
    pub code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry: Option<Retry>,
    /// Boxed, as most problems have none: a small error keeps every `Result` small.
    extra: Option<Box<Map<String, Value>>>,
    allow: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    seconds: u64,
    at: Option<Timestamp>,
}

impl Problem {
    /// A problem with a sentence that says what to do.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry = (code.status() == 503).then_some(Retry { seconds: 1, at: None });
        Self { code, detail: detail.into(), errors: Vec::new(), retry, extra: None, allow: None }
    }

    /// A problem with one field.
    pub fn field(code: Code, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError {
            pointer: pointer.to_owned(),
            code: code.as_str().to_owned(),
            detail: detail.clone(),
        };
        Self { errors: vec![error], ..Self::new(code, detail) }
    }

    /// The sentence that says what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// A file that cannot be read, and what about it.
    pub fn unreadable(detail: &str, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::FileUnreadable, detail) }
    }

    /// Several fields at once.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidRequest, "Correct the fields named in `errors`.") }
    }

    /// Says when the same call succeeds.
    #[must_use]
    pub fn retry(mut self, wait: Wait) -> Self {
        self.retry = Some(Retry { seconds: wait.seconds, at: Some(wait.at) });
        self
    }

    /// Says in how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry = Some(Retry { seconds, at: None });
        self
    }

    /// Adds the resource as it stands.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// The methods that do exist (RFC 9110 10.2.1).
    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// The response, with the request's id as the instance.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody {
            kind: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: self.detail.clone(),
            instance: request_id.to_owned(),
            code: self.code.as_str(),
            errors: self.errors.clone(),
            retry_at: self.retry.and_then(|retry| retry.at),
            extra: self.extra.as_deref().cloned().unwrap_or_default(),
        };
        let mut response = HttpResponse::build(status).json(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        if self.code.status() == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(retry) = self.retry {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry.seconds));
        }
        if let Some(Ok(methods)) = self.allow.as_deref().map(HeaderValue::from_str) {
            headers.insert(actix_web::http::header::ALLOW, methods);
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The door answers with the request's id; this is for the paths that do not pass it.
    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}

/// The one place where a failing database is logged.
impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        metrics::counter!("database_failures_total").increment(1);
        tracing::error!(%error, "the database gave no answer");
        match error {
            db::Error::Panicked => Self::new(Code::Internal, "Nothing was changed. Try again."),
            _ => Self::new(Code::Unavailable, "Nothing is lost. Try again in a moment."),
        }
    }
}
