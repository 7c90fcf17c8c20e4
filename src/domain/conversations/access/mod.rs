//! Which part of an account a session sees.

pub mod store;

use crate::kit::{AccountId, SessionId, Timestamp};

/// An account with the part of it that is seen.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub account_id: &'a AccountId,
    pub scope: SessionScope<'a>,
}

/// Which of an account's patients and pairings are seen.
#[derive(Clone, Copy)]
pub enum SessionScope<'a> {
    /// All; for changes that concern the whole account.
    All,
    /// What no restricted session made; that may belong to the number's new owner.
    Full,
    /// What this session made, and pairings whose practice has since spoken to the patient or seen them:
    /// numbers are recycled, and a verified number never reopens the previous owner's messages.
    Restricted {
        session: &'a SessionId,
        /// When the session began.
        since: Timestamp,
    },
}

impl<'a> Access<'a> {
    /// All of an account, for changes that concern all of it.
    pub fn all(account_id: &'a AccountId) -> Self {
        Self { account_id, scope: SessionScope::All }
    }

    /// What every session with full access sees.
    pub fn full(account_id: &'a AccountId) -> Self {
        Self { account_id, scope: SessionScope::Full }
    }
}

/// Returns the e-mail address shown to staff, and whether it is verified. It belongs to the account holder,
/// so it is hidden when a restricted session, perhaps the number's new owner, made the pairing.
pub fn visible_email(
    email: Option<String>,
    is_verified: bool,
    paired_by_restricted_session: bool,
) -> (Option<String>, bool) {
    let email = email.filter(|_| !paired_by_restricted_session);
    let is_verified = email.is_some() && is_verified;
    (email, is_verified)
}
