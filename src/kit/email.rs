//! E-mail addresses: trimmed, in lower case, and never written to logs.

use std::fmt;

use validator::ValidateEmail as _;

/// A syntactically valid address (the HTML living standard's rule, at most 254 octets, RFC 5321 4.5.3.1.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// `None` when the text is not an address.
    pub fn parse(input: &str) -> Option<Self> {
        let address = input.trim().to_lowercase();
        (address.len() <= 254 && address.validate_email()).then_some(Self(address))
    }

    /// The whole address: only for the database and for mail.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}
