//! The e-mail address of an account, proven by a code that was sent there.
//!
//! The address that is being proven is stored beside the account: until the code is correct, the address
//! that was proven before stays. Like the code of a phone number, the code is derived, not stored. A try is
//! counted before it is compared, and a wrong code is an `Ok`, so that the count commits. Restricted
//! sessions cannot change the address: the new owner of a recycled number must not put their own address on
//! another person's account. How a restricted session can use the proven address is in `device`.

pub mod device;
pub mod message;
pub mod store;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

pub use message::EmailCodeTopic;

use super::{Principal, Refusal, Scope, store as accounts};
use crate::domain::conversations::{self, Sight};
use crate::kit::ids::AccountId;
use crate::kit::{Email, Language, Timestamp};
use crate::platform::audit;
use crate::platform::db::{self};
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// Long, because e-mails are slow at times and read on another device.
const LIFE: Duration = Duration::from_mins(30);
/// Number of tries per e-mail.
const TRIES: i32 = 5;

/// Mails a code to a new address of the account; returns the code's expiry.
pub fn ask(tx: &mut Tx, who: &Principal, email: &Email, language: Language) -> Result<Timestamp, Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    let budget = Budget::mails_to_account(tx, &who.account_id);
    rate_limits::take(tx, &[budget])?.map_err(|at| Refusal::MailLimited(at.wait_from(tx.now)))?;
    Ok(send(tx, who.account_id.as_str(), &who.account_id, email, language)?)
}

/// Mails a code for the account or session `asked_by`; returns the code's expiry.
fn send(
    tx: &mut Tx,
    asked_by: &str,
    account_id: &AccountId,
    email: &Email,
    language: Language,
) -> db::Result<Timestamp> {
    let seed = URL_SAFE_NO_PAD.encode(tx.random::<16>());
    store::upsert(tx.conn, asked_by, account_id, email, &seed, tx.now, tx.now + LIFE)?;
    message::enqueue(tx, asked_by, &seed, language, tx.now + LIFE)?;
    Ok(tx.now + LIFE)
}

/// Compares a code and returns whether it was correct. Sending the correct code again is the same success.
pub fn check(tx: &mut Tx, who: &Principal, code: &str) -> Result<bool, Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    let Some(row) = compare(tx, who.account_id.as_str(), code)? else { return Ok(false) };
    if accounts::prove_email(tx.conn, &who.account_id, &row.email, tx.now)? == 1 {
        proven(tx, &who.account_id)?;
    }
    Ok(true)
}

/// Returns the stored row if the code is correct. A correct code gives its try back.
fn compare(tx: &mut Tx, asked_by: &str, code: &str) -> Result<Option<store::Row>, Refusal> {
    let row = store::take_try(tx.conn, asked_by, TRIES, tx.now)?.ok_or(Refusal::EmailCodeExpired)?;
    let ours = self::code(tx, &row);
    if tx.keys.blind("email-code", &ours) != tx.keys.blind("email-code", code) {
        return Ok(None);
    }
    store::return_try(tx.conn, asked_by)?;
    Ok(Some(row))
}

/// Records the change in the audit log, and asks the practices to match their records again.
fn proven(tx: &mut Tx, account_id: &AccountId) -> db::Result<()> {
    let (action, actor, detail) = ("account.email_proven", account_id.as_str(), json!({}));
    tx.audit(&audit::Event { practice_id: None, actor, action, subject: actor, detail })?;
    for paired in conversations::list(tx, account_id, Sight::Confirmed, "", i64::MAX)? {
        conversations::ask_grade(tx, &paired.conversation.id)?;
    }
    Ok(())
}

/// Six digits out of 64 bits: no digit is likelier than another by more than one in 10^13.
fn code(tx: &Tx, row: &store::Row) -> String {
    let parts = [row.account_id.as_str().as_bytes(), row.email.as_bytes(), row.seed.as_bytes()];
    let key = tx.keys.derive("email-code", &parts);
    let number = key.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).unwrap_or_default();
    format!("{:06}", number % 1_000_000)
}

/// Deletes the pending codes of a deleted account and of its sessions.
pub fn forget(tx: &mut Tx, account_id: &AccountId) -> db::Result<usize> {
    store::delete(tx.conn, account_id)
}

/// Deletes expired codes, and with them addresses that were never proven.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}
