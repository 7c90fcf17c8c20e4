//! HTTP handlers for patient accounts.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::entry_point;
use super::sessions::SessionView;
use super::view::AccountView;
use crate::domain::accounts::{self, Error, NewAccount, NewPatient, Patient, SignUp, SignUpOutcome};
use crate::domain::conversations::Conversation;
use crate::domain::pairing::Pairing;
use crate::kit::{Email, PendingPairingId, Secret};
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::is_email;
use crate::web::http::{Body, Code, Problem, Reply, RequestContext, idempotent};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::EntryPoint(error) => error.into(),
            Error::Proof(proof) => proof.into(),
            Error::AccountExists => {
                Self::new(Code::AccountExists, "Sign in with the same phone proof: POST /v1/sessions.")
            }
            Error::AccountNotFound => {
                Self::new(Code::AccountNotFound, "Sign up with the same phone proof: POST /v1/accounts.")
            }
            Error::ProofConsumed => {
                Self::field(Code::PhoneProofConsumed, "/phone_proof", "Verify the number again.")
            }
            Error::Unauthorized => Self::new(Code::Unauthorized, "Send a valid access token."),
            Error::RefreshInvalid => {
                Self::field(Code::RefreshTokenInvalid, "/refresh_token", "Verify the number again.")
            }
            Error::RefreshReused => {
                let detail = "All tokens of this session are revoked. Verify the number again.";
                Self::field(Code::RefreshTokenReused, "/refresh_token", detail)
            }
            Error::Restricted => Self::new(
                Code::SessionRestricted,
                "This session sees only what it created. Add the patient first: POST /v1/me/patients.",
            ),
            Error::Unrestricted => Self::new(Code::SessionUnrestricted, "This session has full access."),
            Error::EmailUnproven => Self::new(
                Code::EmailUnproven,
                "Call the practice to confirm this device, or enter the check-in code shown at reception.",
            ),
            Error::Pairing(pairing) => pairing.into(),
            Error::MailLimited(wait) => {
                Self::new(Code::SendLimited, format!("You can request another e-mail in {} s.", wait.seconds))
                    .retry(wait)
            }
            Error::EmailCodeExpired => Self::new(Code::CodeExpired, "Request another e-mail."),
            Error::PatientNotFound => Self::new(Code::PatientNotFound, "Check the patient's id."),
            Error::KeysMissing => Self::new(Code::Internal, "Nothing was changed. Try again."),
            Error::Db(error) => error.into(),
        }
    }
}

/// The input of a sign-up.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateAccount {
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
pub(crate) fn is_name(name: &str) -> Result<(), ValidationError> {
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
pub(crate) fn is_birth_date(date: &str) -> Result<(), ValidationError> {
    match date.parse::<jiff::civil::Date>() {
        Ok(parsed) if date.len() == 10 && (1880..=2200).contains(&parsed.year()) => Ok(()),
        _ => Err(ValidationError::new("date").with_message("Write the date as 1987-05-31.".into())),
    }
}

/// Everything that a sign-up creates.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountCreated {
    /// The account of the patient.
    account: AccountView,
    /// The first patient on the account.
    patient: Patient,
    /// The pairing of patient and practice.
    pairing: Pairing,
    /// The conversation of that pairing.
    conversation: Conversation,
    /// The first session, with full access.
    session: SessionView,
}

impl From<NewAccount> for AccountCreated {
    fn from(new: NewAccount) -> Self {
        Self {
            account: AccountView::of(&new.account),
            patient: new.patient,
            pairing: new.pairing.pairing,
            conversation: new.pairing.conversation,
            session: new.tokens.into(),
        }
    }
}

problems!(
    CreateAccountProblems: keyed,
    PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, LinkTokenInvalid, LinkPaused,
    PendingPairingGone, InviteGone, InviteEmailUnproven, PairingRefused, AccountExists, PatientNotFound
);

/// Create an account with its patient, pairing, conversation and session
#[utoipa::path(
    tag = "accounts", request_body = CreateAccount,
    responses(
        (status = 201, description = "The account was created", body = AccountCreated),
        CreateAccountProblems,
    ),
)]
#[post("/v1/accounts")]
pub(crate) async fn create_account(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateAccount>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let call = call.held_by(&input.phone_proof);
    let new = SignUp {
        proof: input.phone_proof,
        entry_point: entry_point::parse(
            &service,
            input.link_token,
            input.pending_pairing_id,
            input.invite_token,
        )?,
        patient: NewPatient::new(&input.given_name, &input.family_name, input.birth_date),
        email: input.email.as_deref().and_then(Email::parse),
    };
    idempotent(&service, &call, &canonical, move |tx| -> Result<_, Error> {
        Ok(match accounts::sign_up(tx, &new)? {
            SignUpOutcome::Created(new) => Reply::created(&AccountCreated::from(*new)),
            SignUpOutcome::Refused(error) => Reply::Refused(error.into()),
        })
    })
    .await
}
