//! HTTP handlers for the staff's own sign-in and account.

pub(super) mod me;
pub(super) mod passwords;
pub(super) mod sessions;

use crate::domain::staff::Error;
use crate::web::http::{Code, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthorized => Self::new(Code::Unauthorized, "Send a valid staff token."),
            Error::Forbidden => Self::new(Code::StaffForbidden, "Ask an admin of your practice."),
            Error::Limited(wait) => {
                let detail = "Wait as long as `Retry-After` says, or reset your password.";
                Self::new(Code::SignInLimited, detail).retry(wait)
            }
            Error::UnknownId(field) => {
                Self::wrong_field(field, "unknown_id", "Your practice has no such id.")
            }
            Error::ChallengeInvalid => {
                Self::field(Code::ChallengeInvalid, "/challenge", "Start again with e-mail and password.")
            }
            Error::RefreshInvalid => {
                Self::field(Code::RefreshTokenInvalid, "/refresh_token", "Sign in again.")
            }
            Error::PasswordLinkExpired => Self::field(
                Code::LetterExpired,
                "/token",
                "Request a new password, or ask an admin to invite you again.",
            ),
            Error::Weak(why) => Self::field(Code::PasswordRefused, "/password", why.to_string()),
            Error::WeakNew(why) => Self::field(Code::PasswordRefused, "/new_password", why.to_string()),
            Error::SessionNotFound => Self::new(Code::SessionNotFound, "Check the session id."),
            Error::Busy(_) => Self::new(Code::Unavailable, "Nothing is lost. Try again in a moment."),
            Error::StaffNotFound => Self::new(Code::StaffNotFound, "Check the staff member's id."),
            Error::StaffExists => {
                Self::field(Code::StaffExists, "/email", "Each staff member needs their own e-mail address.")
            }
            Error::LastAdmin => Self::new(Code::LastAdmin, "Make another staff member an admin first."),
            Error::TeamNotFound => Self::new(Code::TeamNotFound, "Check the team id."),
            Error::TeamExists => Self::field(Code::TeamExists, "/name", "Choose another name."),
            Error::UnknownTeamMember => {
                Self::wrong_field("/members", "unknown_id", "Your practice has no staff member with this id.")
            }
            Error::KeysMissing => Self::new(Code::Internal, "Nothing was changed. Try again."),
            Error::Db(error) => error.into(),
        }
    }
}
