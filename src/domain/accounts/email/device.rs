//! Lifting the restriction of a new device by the e-mail address that the account had proven before: a
//! phone number may have another owner by then, an address hardly ever. The practices' identity checks do
//! not change; they are notified.

use serde_json::json;

use super::{compare, enqueue_code};
use crate::domain::accounts::{Error, Principal, Scope, store as accounts};
use crate::domain::events::EventKind;
use crate::domain::pairing;
use crate::kit::{Email, Language, Timestamp};
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::{Tx, db};

/// Mails a code to the account's proven address, which the response does not name;
/// returns the code's expiry.
pub fn send_code(tx: &mut Tx, who: &Principal, language: Language) -> Result<Timestamp, Error> {
    let email = proven_email(tx, who)?;
    let limit = RateLimit::mails_about_devices(tx, &who.account_id);
    rate_limits::take(tx, &[limit])?.map_err(|at| Error::MailLimited(at.wait_from(tx.now)))?;
    Ok(enqueue_code(tx, who.session_id.as_str(), &who.account_id, &email, language)?)
}

fn proven_email(tx: &mut Tx, who: &Principal) -> Result<Email, Error> {
    if who.scope == Scope::Full {
        return Err(Error::Unrestricted);
    }
    let account = accounts::find_account(tx.conn, &who.account_id)?.ok_or(Error::Unauthorized)?;
    account.proven_email().and_then(Email::parse).ok_or(Error::EmailUnproven)
}

/// Compares a code and returns whether it was correct. If so, the session has full access from now on.
/// Sending the correct code again is the same success.
pub fn verify_code(tx: &mut Tx, who: &Principal, code: &str) -> Result<bool, Error> {
    let is_lifted = who.scope == Scope::Full;
    let found = match compare(tx, who.session_id.as_str(), code) {
        Err(Error::EmailCodeExpired) if is_lifted => return Err(Error::Unrestricted),
        found => found?,
    };
    let Some(row) = found else { return Ok(false) };
    if is_lifted {
        return Ok(true);
    }
    // The account may have moved to another address since, because a stranger reads the old one.
    if accounts::lift_session(tx.conn, &who.session_id, &row.email)? == 0 {
        return Err(Error::EmailCodeExpired);
    }
    lifted(tx, who)?;
    Ok(true)
}

fn lifted(tx: &mut Tx, who: &Principal) -> db::Result<()> {
    pairing::announce_known_device(tx, &who.account_id)?;
    let detail = json!({ "by": "email" });
    tx.emit(None, &who.account_id, EventKind::SessionLifted, &who.session_id, detail);
    Ok(())
}
