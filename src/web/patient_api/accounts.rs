//! HTTP handlers for patient accounts and sessions.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::accounts::{
    Account, Patient, Person, Refreshed, Refusal, Scope, SignUp, SignedUp, SigningUp, Tokens, own_phone,
};
use crate::domain::conversations::{self, Conversation, Pairing};
use crate::kit::ids::{AccountId, PatientId, PendingPairingId};
use crate::kit::{Email, Secret, Timestamp};
use crate::platform::keys::Jwk;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Code, Problem, once};
use crate::web::patient_api::entry_point::lead;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Lead(lead) => lead.into(),
            Refusal::Proof(proof) => proof.into(),
            Refusal::AccountExists => {
                Self::new(Code::AccountExists, "Sign in with the same phone proof: POST /v1/sessions.")
            }
            Refusal::AccountNotFound => {
                Self::new(Code::AccountNotFound, "Sign up with the same phone proof: POST /v1/accounts.")
            }
            Refusal::ProofConsumed => {
                Self::field(Code::PhoneProofConsumed, "/phone_proof", "Verify the number again.")
            }
            Refusal::Unauthorized => Self::new(Code::Unauthorized, "Send a valid access token."),
            Refusal::RefreshInvalid => {
                Self::field(Code::RefreshTokenInvalid, "/refresh_token", "Verify the number again.")
            }
            Refusal::RefreshReused => {
                let detail = "All tokens of this session are revoked. Verify the number again.";
                Self::field(Code::RefreshTokenReused, "/refresh_token", detail)
            }
            Refusal::Restricted => Self::new(
                Code::SessionRestricted,
                "This session sees only what it created. Add the patient first: POST /v1/me/patients.",
            ),
            Refusal::Unrestricted => Self::new(Code::SessionUnrestricted, "This session has full access."),
            Refusal::EmailUnproven => Self::new(
                Code::EmailUnproven,
                "Call the practice to confirm this device, or enter the check-in code shown at reception.",
            ),
            Refusal::Pairing(pairing) => pairing.into(),
            Refusal::EmailInvalid => {
                Self::field(Code::InvalidRequest, "/email", "Enter a valid e-mail address.")
            }
            Refusal::MailLimited(wait) => {
                Self::new(Code::SendLimited, format!("You can request another e-mail in {} s.", wait.seconds))
                    .retry(wait)
            }
            Refusal::EmailCodeExpired => Self::new(Code::CodeExpired, "Request another e-mail."),
            Refusal::PatientNotFound => Self::new(Code::PatientNotFound, "Check the patient's id."),
            Refusal::KeysMissing => Self::new(Code::Internal, "Nothing was changed. Try again."),
            Refusal::Db(error) => error.into(),
        }
    }
}

impl From<conversations::Refusal> for Problem {
    fn from(refusal: conversations::Refusal) -> Self {
        match refusal {
            // A stranger may read this: it reveals neither that a number is blocked nor why.
            conversations::Refusal::Blocked => {
                Self::new(Code::PairingRefused, "Call the practice if you have questions.")
            }
            conversations::Refusal::Db(error) => error.into(),
        }
    }
}

/// A patient account, as shown to its holder.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    /// Unique id of the account.
    id: AccountId,
    /// The proven phone number, masked.
    #[schema(required = true, example = "+1 •••••• 2671")]
    phone: Option<String>,
    /// Time at which the account was created.
    created_at: Timestamp,
}

impl AccountView {
    pub fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            phone: own_phone(account).map(|phone| phone.masked()),
            created_at: account.created_at,
        }
    }
}

/// A patient on an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Patient)]
pub struct PatientView {
    /// Unique id of the patient.
    id: PatientId,
    /// The patient's given name.
    #[schema(example = "Alex")]
    given_name: String,
    /// The patient's family name.
    #[schema(example = "Rivera")]
    family_name: String,
    /// Birth date, an ISO 8601 date.
    #[schema(required = true, example = "1987-05-31")]
    birth_date: Option<String>,
    /// Relation to the account holder: `self`, `child`, `parent`, `partner`, `ward` or `other`.
    #[schema(example = "self")]
    relation: String,
    /// Time at which the patient was added.
    created_at: Timestamp,
}

impl From<Patient> for PatientView {
    fn from(patient: Patient) -> Self {
        Self {
            id: patient.id,
            given_name: patient.given_name,
            family_name: patient.family_name,
            birth_date: patient.birth_date,
            relation: patient.relation,
            created_at: patient.created_at,
        }
    }
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// A JWT (EdDSA) for the `Authorization: Bearer` header of every signed-in request.
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

/// The input of a sign-up.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateAccount {
    /// The phone proof, issued when a correct code was checked.
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Secret,
    /// The link token of the practice's link.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Option<Secret>,
    /// Instead of `link_token`: a pending pairing of this number, as listed by the code check.
    pending_pairing_id: Option<PendingPairingId>,
    /// Instead of `link_token`: the last part of the link in an invite's text.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Option<Secret>,
    /// The patient's given name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Alex")]
    given_name: String,
    /// The patient's family name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Rivera")]
    family_name: String,
    /// E-mail address, not used for anything until it is proven.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "alex@example.com")]
    email: Option<String>,
    /// Birth date, an ISO 8601 date.
    #[validate(custom(function = "is_birth_date"))]
    #[schema(example = "1987-05-31")]
    birth_date: Option<String>,
}

/// Validates a person's name: any script, but something visible and no control characters.
pub fn is_name(name: &str) -> Result<(), ValidationError> {
    let length = name.trim().chars().count();
    if !(1..=100).contains(&length) || !name.chars().any(char::is_alphanumeric) {
        return Err(ValidationError::new("length").with_message("A name has 1 to 100 characters.".into()));
    }
    if name.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }) {
        let message = "A name must not contain control characters.";
        return Err(ValidationError::new("control_characters").with_message(message.into()));
    }
    Ok(())
}

/// Validates a calendar date from 1880 to 2200.
pub fn is_birth_date(date: &str) -> Result<(), ValidationError> {
    match date.parse::<jiff::civil::Date>() {
        Ok(parsed) if date.len() == 10 && (1880..=2200).contains(&parsed.year()) => Ok(()),
        _ => Err(ValidationError::new("date").with_message("Write the date as 1987-05-31.".into())),
    }
}

/// Validates the form of an e-mail address only; the mailbox may not exist.
pub fn is_email(address: &str) -> Result<(), ValidationError> {
    match Email::parse(address) {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("email").with_message("Enter a valid e-mail address.".into())),
    }
}

/// Everything that a sign-up creates.
#[derive(Serialize, ToSchema)]
pub struct AccountCreated {
    /// The account of the patient.
    account: AccountView,
    /// The first patient on the account.
    patient: PatientView,
    /// The pairing of patient and practice.
    pairing: Pairing,
    /// The conversation of that pairing.
    conversation: Conversation,
    /// The first session, with full access.
    session: SessionView,
}

impl From<SignedUp> for AccountCreated {
    fn from(made: SignedUp) -> Self {
        Self {
            account: AccountView::of(&made.account),
            patient: made.patient.into(),
            pairing: made.paired.pairing,
            conversation: made.paired.conversation,
            session: made.tokens.into(),
        }
    }
}

refusals!(
    CreateAccountRefusals: keyed,
    PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, LinkTokenInvalid, LinkPaused, PendingPairingGone, InviteGone, InviteEmailUnproven, PairingRefused, AccountExists, PatientNotFound
);

/// Create an account with its patient, pairing, conversation and session
#[utoipa::path(tag = "accounts", request_body = CreateAccount, responses((status = 201, description = "The account was created", body = AccountCreated), CreateAccountRefusals))]
#[post("/v1/accounts")]
pub async fn create_account(
    service: Data<Service>,
    call: Call,
    body: Body<CreateAccount>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.phone_proof);
    let new = SignUp {
        proof: input.phone_proof,
        lead: lead(input.link_token, input.pending_pairing_id, input.invite_token)?,
        person: Person::new(&input.given_name, &input.family_name, input.birth_date),
        email: input.email.as_deref().and_then(Email::parse),
    };
    once(&service, &call, &canonical, move |tx| {
        Ok::<_, Refusal>(match crate::domain::accounts::sign_up(tx, &new)? {
            SigningUp::Done(made) => Answer::created(&AccountCreated::from(*made)),
            SigningUp::Refused(refusal) => Answer::Refused(refusal.into()),
        })
    })
    .await
}

/// The input for signing in on a new device.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateSession {
    /// The phone proof, issued when a correct code was checked.
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Secret,
}

/// A new restricted session and its account.
#[derive(Serialize, ToSchema)]
pub struct SessionCreated {
    /// The account of the patient.
    account: AccountView,
    /// The session and its tokens.
    session: SessionView,
}

refusals!(
    CreateSessionRefusals: keyed,
    PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, AccountNotFound
);

/// Sign in on a new device; earlier conversations stay hidden
#[utoipa::path(tag = "sessions", request_body = CreateSession, responses((status = 201, description = "A restricted session", body = SessionCreated), CreateSessionRefusals))]
#[post("/v1/sessions")]
pub async fn create_session(
    service: Data<Service>,
    call: Call,
    body: Body<CreateSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.phone_proof);
    once(&service, &call, &canonical, move |tx| {
        let (account, tokens) = crate::domain::accounts::sign_in(tx, &input.phone_proof)?;
        let view = SessionCreated { account: AccountView::of(&account), session: tokens.into() };
        Ok::<_, Refusal>(Answer::created(&view))
    })
    .await
}

/// A refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
pub struct RefreshSession {
    /// The latest refresh token; it can be used once.
    #[schema(example = "rt_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    refresh_token: Secret,
}

/// The session with fresh tokens.
#[derive(Serialize, ToSchema)]
pub struct SessionAnswer {
    /// The session and its tokens.
    session: SessionView,
}

refusals!(RefreshRefusals: keyed, RefreshTokenInvalid, RefreshTokenReused);

/// Exchange a refresh token for fresh tokens
#[utoipa::path(tag = "sessions", request_body = RefreshSession, responses((status = 200, description = "Fresh tokens", body = SessionAnswer), RefreshRefusals))]
#[post("/v1/sessions/refresh")]
pub async fn refresh_session(
    service: Data<Service>,
    call: Call,
    body: Body<RefreshSession>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.refresh_token);
    once(&service, &call, &canonical, move |tx| {
        Ok::<_, Refusal>(match crate::domain::accounts::refresh(tx, &input.refresh_token)? {
            Refreshed::Tokens(tokens) => Answer::ok(&SessionAnswer { session: tokens.into() }),
            Refreshed::Reused => Answer::Refused(Refusal::RefreshReused.into()),
        })
    })
    .await
}

refusals!(SignOutRefusals: plain, Unauthorized);

/// Sign out of the current session
#[utoipa::path(tag = "sessions", security(("access_token" = [])), responses((status = 204, description = "The session has ended"), SignOutRefusals))]
#[delete("/v1/sessions/current")]
pub async fn delete_current_session(service: Data<Service>, call: Call) -> Result<HttpResponse, Problem> {
    service
        .write(move |tx| {
            let who = crate::domain::accounts::authenticate(tx, call.bearer.as_ref())?;
            Ok::<_, Refusal>(crate::domain::accounts::sign_out(tx, &who)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A JWK Set (RFC 7517) of the access tokens' public keys.
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    /// The keys, newest first.
    keys: Vec<Jwk>,
}

/// Get the public keys of the access tokens
#[utoipa::path(tag = "sessions", responses((status = 200, description = "A JWK Set", body = Jwks)))]
#[get("/.well-known/jwks.json")]
pub async fn get_jwks(service: Data<Service>) -> Json<Jwks> {
    Json(Jwks { keys: service.keys.jwks() })
}
