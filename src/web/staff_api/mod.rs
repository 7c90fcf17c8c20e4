//! HTTP handlers for staff: sign-in, staff members and teams.

pub mod account;
pub mod sessions;

use validator::ValidationError;

use crate::domain::staff::Refusal;
use crate::kit::Email;
use crate::web::http::{Code, FieldError, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::new(Code::Unauthorized, "Send a valid staff token."),
            Refusal::Forbidden => Self::new(Code::StaffForbidden, "Ask an admin of your practice."),
            Refusal::Limited(wait) => {
                let detail = "Wait as long as `Retry-After` says, or reset your password.";
                Self::new(Code::SignInLimited, detail).retry(wait)
            }
            Refusal::UnknownId(field) => {
                Self::wrong_field(field, "unknown_id", "Your practice has no such id.")
            }
            Refusal::ChallengeInvalid => {
                Self::field(Code::ChallengeInvalid, "/challenge", "Start again with e-mail and password.")
            }
            Refusal::RefreshInvalid => {
                Self::field(Code::RefreshTokenInvalid, "/refresh_token", "Sign in again.")
            }
            Refusal::LetterExpired => Self::field(
                Code::LetterExpired,
                "/token",
                "Request a new password, or ask an admin to invite you again.",
            ),
            Refusal::Weak(why) => Self::field(Code::PasswordRefused, "/password", why.to_string()),
            Refusal::WeakNew(why) => Self::field(Code::PasswordRefused, "/new_password", why.to_string()),
            Refusal::SessionNotFound => Self::new(Code::SessionNotFound, "Check the session id."),
            Refusal::Busy(_) => Self::new(Code::Unavailable, "Nothing is lost. Try again in a moment."),
            Refusal::StaffNotFound => Self::new(Code::StaffNotFound, "Check the staff member's id."),
            Refusal::StaffExists => {
                Self::field(Code::StaffExists, "/email", "Each staff member needs their own e-mail address.")
            }
            Refusal::LastAdmin => Self::new(Code::LastAdmin, "Make another staff member an admin first."),
            Refusal::TeamNotFound => Self::new(Code::TeamNotFound, "Check the team id."),
            Refusal::TeamExists => Self::field(Code::TeamExists, "/name", "Choose another name."),
            Refusal::Stranger => stranger(),
            Refusal::KeysMissing => Self::new(Code::Internal, "Nothing was changed. Try again."),
            Refusal::Db(error) => error.into(),
        }
    }
}

pub fn stranger() -> Problem {
    Problem::fields(vec![FieldError {
        pointer: "/members".to_owned(),
        code: "unknown_id".to_owned(),
        detail: "Your practice has no staff member with this id.".to_owned(),
    }])
}

pub fn is_email(address: &str) -> Result<(), ValidationError> {
    match Email::parse(address) {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("email").with_message("Enter a valid e-mail address.".into())),
    }
}

/// Accepts a name of 1 to 100 visible characters on one line.
pub fn is_name(name: &str) -> Result<(), ValidationError> {
    let length = name.trim().chars().count();
    if (1..=100).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message = "Enter 1 to 100 characters on one line.";
    Err(ValidationError::new("length").with_message(message.into()))
}

/// Parses an address that the validator has already checked.
pub fn email(address: &str) -> Result<Email, Problem> {
    Email::parse(address)
        .ok_or_else(|| Problem::field(Code::InvalidRequest, "/email", "Enter a valid e-mail address."))
}
