//! Checks of fields that several resources have.

use validator::ValidationError;

use super::{Code, Problem};
use crate::kit::Email;

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
