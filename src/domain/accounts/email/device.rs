//! Lifting the restriction of a new device by the e-mail address that the account had proven before: a
//! phone number may have another owner by then, an address hardly ever. The practices' identity checks do
//! not change; they are notified.

use serde_json::json;

use super::{compare, send};
use crate::domain::accounts::{Principal, Refusal, Scope, store as accounts};
use crate::domain::conversations;
use crate::kit::{Email, Language, Timestamp};
use crate::platform::audit;
use crate::platform::db::{self};
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// Mails a code to the account's proven address, which the response does not name;
/// returns the code's expiry.
pub fn ask(tx: &mut Tx, who: &Principal, language: Language) -> Result<Timestamp, Refusal> {
    let email = address(tx, who)?;
    let budget = Budget::mails_about_devices(tx, &who.account_id);
    rate_limits::take(tx, &[budget])?.map_err(|at| Refusal::MailLimited(at.wait_from(tx.now)))?;
    Ok(send(tx, who.session_id.as_str(), &who.account_id, &email, language)?)
}

fn address(tx: &mut Tx, who: &Principal) -> Result<Email, Refusal> {
    if who.scope == Scope::Full {
        return Err(Refusal::Unrestricted);
    }
    let account = accounts::find_account(tx.conn, &who.account_id)?.ok_or(Refusal::Unauthorized)?;
    account.proven_email().and_then(Email::parse).ok_or(Refusal::EmailUnproven)
}

/// Compares a code and returns whether it was correct. If so, the session has full access from now on.
/// Sending the correct code again is the same success.
pub fn check(tx: &mut Tx, who: &Principal, code: &str) -> Result<bool, Refusal> {
    let is_lifted = who.scope == Scope::Full;
    let found = match compare(tx, who.session_id.as_str(), code) {
        Err(Refusal::EmailCodeExpired) if is_lifted => return Err(Refusal::Unrestricted),
        found => found?,
    };
    let Some(row) = found else { return Ok(false) };
    if is_lifted {
        return Ok(true);
    }
    // The account may have moved to another address since, because a stranger reads the old one.
    if accounts::lift_session(tx.conn, &who.session_id, &row.email)? == 0 {
        return Err(Refusal::EmailCodeExpired);
    }
    lifted(tx, who)?;
    Ok(true)
}

fn lifted(tx: &mut Tx, who: &Principal) -> db::Result<()> {
    conversations::announce_known_device(tx, &who.account_id)?;
    let (action, detail) = ("session.lifted", json!({ "by": "email" }));
    let (actor, subject) = (who.account_id.as_str(), who.session_id.as_str());
    tx.audit(&audit::Event { practice_id: None, actor, action, subject, detail })
}
