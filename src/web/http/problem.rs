//! Problem details (RFC 9457), from one table of codes for the handlers, the OpenAPI document and a test.
//!
//! `problem_details` 0.11 would write the body and save about thirty lines; the table is what matters here.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::kit::{RequestId, Timestamp, Wait};
use crate::platform::db;

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal)+) => {
        /// Every code that a problem can carry. Codes are stable; titles and details may be reworded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($name),+ }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The value of the `code` member.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The HTTP status of the response.
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
    IdempotencyKeyInvalid  "idempotency_key_invalid"  400 "Invalid Idempotency-Key"
    Unauthorized           "unauthorized"             401 "Sign in first"
    RefreshTokenInvalid    "refresh_token_invalid"    401 "Invalid refresh token"
    RefreshTokenReused     "refresh_token_reused"     401 "The refresh token was already used"
    SignInRefused          "sign_in_refused"          401 "Wrong e-mail or password"
    ChallengeInvalid       "challenge_invalid"        401 "The sign-in has expired; start again"
    SecondFactorWrong      "second_factor_wrong"      401 "Incorrect second-factor code"
    NumberLocked           "number_locked"            403 "This number is locked"
    PlanRequired           "plan_required"            403 "The practice's plan does not include this"
    StaffForbidden         "staff_forbidden"          403 "Your role does not allow this"
    SessionRestricted      "session_restricted"       403 "This session is restricted"
    PairingRefused         "pairing_refused"          403 "You cannot connect with this practice here"
    SignatureInvalid       "signature_invalid"        403 "Invalid signature"
    NotFound               "not_found"                404 "Not found"
    LinkNotFound           "link_not_found"           404 "This link is not in use"
    VerificationNotFound   "verification_not_found"   404 "Verification not found"
    AccountNotFound        "account_not_found"        404 "This number has no account"
    PatientNotFound        "patient_not_found"        404 "Patient not found"
    PairingNotFound        "pairing_not_found"        404 "Pairing not found"
    ConversationNotFound   "conversation_not_found"   404 "Conversation not found"
    RecordNotFound         "record_not_found"         404 "Record not found"
    ImportNotFound         "import_not_found"         404 "Import not found"
    InviteNotFound         "invite_not_found"         404 "Invite not found"
    WebhookNotFound        "webhook_not_found"        404 "Webhook not found"
    StaffNotFound          "staff_not_found"          404 "Staff member not found"
    SessionNotFound        "session_not_found"        404 "Session not found"
    TeamNotFound           "team_not_found"           404 "Team not found"
    MethodNotAllowed       "method_not_allowed"       405 "Method not allowed"
    RequestTimeout         "request_timeout"          408 "The request took too long to arrive"
    AccountExists          "account_exists"           409 "This number already has an account"
    EmailUnproven          "email_unproven"           409 "The account has no verified e-mail address"
    SessionUnrestricted    "session_unrestricted"     409 "This session is not restricted"
    AlreadyVerified        "already_verified"         409 "This number is already verified"
    PhoneProofConsumed     "phone_proof_consumed"     409 "The phone proof was already used"
    LinkPaused             "link_paused"              409 "This link is not accepting new patients"
    LinkStateFixed         "link_state_fixed"         409 "The link cannot change to this state"
    PendingPairingGone     "pending_pairing_gone"     409 "Pending pairing expired"
    InviteGone             "invite_gone"              409 "This invite is no longer valid"
    InviteEmailUnproven    "invite_email_unproven"    409 "The e-mail address is not verified yet"
    InviteFixed            "invite_fixed"             409 "This invite can no longer be changed"
    OptedOut               "opted_out"                409 "This number opted out of texts"
    ConversationClosed     "conversation_closed"      409 "This conversation is closed"
    IdentityUnverified     "identity_unverified"      409 "Patient identity not verified"
    IdentityDecided        "identity_decided"         409 "Patient identity already decided"
    NothingToUndo          "nothing_to_undo"          409 "There is no decision to undo"
    ImportRunning          "import_running"           409 "Another import is running"
    ImportOver             "import_over"              409 "This import has ended"
    WebhookLimit           "webhook_limit"            409 "The practice has reached its webhook limit"
    WebhookDisabled        "webhook_disabled"         409 "This webhook is disabled"
    LastRecipient          "last_recipient"           409 "At least one notification recipient is required"
    StaffExists            "staff_exists"             409 "This e-mail address is already in use"
    TeamExists             "team_exists"              409 "The practice already has a team with this name"
    LastAdmin              "last_admin"               409 "The practice needs at least one administrator"
    RequestInProgress      "request_in_progress"      409 "The first request with this key is still running"
    CodeExpired            "code_expired"             410 "This code has expired"
    VerificationExpired    "verification_expired"     410 "This verification has expired"
    PhoneProofExpired      "phone_proof_expired"      410 "The phone proof has expired"
    LetterExpired          "letter_expired"           410 "This link has been used or has expired"
    BodyTooLarge           "body_too_large"           413 "The body is too large"
    UnsupportedMediaType   "unsupported_media_type"   415 "Unsupported media type"
    InvalidRequest         "invalid_request"          422 "Some fields are invalid"
    FileUnreadable         "file_unreadable"          422 "This file cannot be read"
    CodeMistyped           "code_mistyped"            422 "That number looks mistyped"
    LinkTokenInvalid       "link_token_invalid"       422 "Invalid link token"
    PhoneInvalid           "phone_invalid"            422 "Invalid phone number"
    PhoneTypeRefused       "phone_type_refused"       422 "Numbers of this type are not supported"
    CountryNotSupported    "country_not_supported"    422 "Numbers from this country are not supported"
    ChannelUnavailable     "channel_unavailable"      422 "This number cannot be reached on this channel"
    PhoneProofInvalid      "phone_proof_invalid"      422 "Invalid phone proof"
    PasswordRefused        "password_refused"         422 "This password cannot be used"
    CurrentPasswordWrong   "current_password_wrong"   422 "The current password is wrong"
    IdempotencyKeyReused   "idempotency_key_reused"   422 "This Idempotency-Key was used for another request"
    CheckInCodeWrong       "desk_code_wrong"          422 "Incorrect check-in code"
    SendLimited            "send_limited"             429 "Too many messages"
    InviteLimited          "invite_limited"           429 "Only one invite per day"
    CodeLimited            "code_limited"             429 "Too many unknown link codes"
    CheckLimited           "check_limited"            429 "Too many wrong codes"
    ChecksExhausted        "checks_exhausted"         429 "This verification has no checks left"
    SignInLimited          "sign_in_limited"          429 "Too many failed attempts"
    Internal               "internal"                 500 "Something went wrong on our side"
    Unavailable            "unavailable"              503 "The service is temporarily unavailable"
}

/// Every response carries its request id in this header.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One invalid field of a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer to the field in the request (RFC 6901).
    #[schema(example = "/phone")]
    pub pointer: String,
    /// The reason for machines, as a stable code.
    #[schema(example = "phone_invalid")]
    pub code: String,
    /// The reason for people, as a sentence.
    #[schema(example = "This number has too few digits.")]
    pub detail: String,
}

/// The body of every error response (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI reference that identifies the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs#code_mistyped")]
    kind: String,
    /// A short sentence that describes the code.
    #[schema(example = "That number looks mistyped")]
    title: &'static str,
    /// The HTTP status of this response.
    #[schema(example = 422)]
    status: u16,
    /// What happened and what to do about it.
    #[schema(example = "Compare it with the card or page it came from.")]
    detail: String,
    /// The request id, as in `x-request-id`.
    instance: RequestId,
    /// The stable, machine-readable code of the problem.
    #[schema(example = "code_mistyped")]
    code: &'static str,
    /// The invalid fields; absent where no field is to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// The time from which the same call can succeed; absent where waiting does not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    /// The current state of the resource that the problem is about.
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

/// An error response before it is sent.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry: Option<Retry>,
    /// Boxed, because most problems have none: a small error keeps every `Result` small.
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

    /// A problem with one invalid field.
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

    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// A file that cannot be parsed, and why.
    pub fn unreadable(detail: &str, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::FileUnreadable, detail) }
    }

    /// Reports one field of the request that was refused, with a code of its own.
    pub fn wrong_field(pointer: &str, code: &str, detail: &str) -> Self {
        let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
        Self::fields(vec![FieldError { pointer, code, detail }])
    }

    /// A problem with several invalid fields.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidRequest, "Correct the fields named in `errors`.") }
    }

    /// Adds the time from which the same call can succeed.
    #[must_use]
    pub fn retry(mut self, wait: Wait) -> Self {
        self.retry = Some(Retry { seconds: wait.seconds, at: Some(wait.at) });
        self
    }

    /// The time from which the same call can succeed.
    pub fn wait(&self) -> Option<Wait> {
        let Retry { seconds, at } = self.retry?;
        Some(Wait { at: at?, seconds })
    }

    /// Adds the number of seconds to wait before the next attempt.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry = Some(Retry { seconds, at: None });
        self
    }

    /// Adds the current state of the resource.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// Adds the `Allow` header (RFC 9110 10.2.1).
    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Renders the response, with the request id as the instance.
    pub fn respond(&self, request_id: &RequestId) -> HttpResponse {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody {
            kind: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: self.detail.clone(),
            instance: request_id.clone(),
            code: self.code.as_str(),
            errors: self.errors.clone(),
            retry_at: self.retry.and_then(|retry| retry.at),
            extra: self.extra.as_deref().cloned().unwrap_or_default(),
        };
        let mut response = HttpResponse::build(status).json(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
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

    /// The middleware answers with the request id; this is for the paths that do not pass it.
    fn error_response(&self) -> HttpResponse {
        self.respond(&RequestId::from(""))
    }
}

/// The only place where a failing database is logged.
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
