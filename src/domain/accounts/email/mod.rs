//! The e-mail address of an account, proven by a code that was sent there.
//!
//! The address that is being proven is stored beside the account: until the code is correct, the address
//! that was proven before stays. Like the code of a phone number, the code is derived, not stored. A try is
//! counted before it is compared, and a wrong code is an `Ok`, so that the count commits. Restricted
//! sessions cannot change the address: the new owner of a recycled number must not put their own address on
//! another person's account. How a restricted session can use the proven address is in `device`.

pub mod device;
mod message;
mod store;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

pub use message::EmailCodeTopic;
pub use store::EmailCode;

use super::{Error, Principal, store as accounts};
use crate::domain::conversations::{self, Access};
use crate::domain::events::EventKind;
use crate::domain::pairing;
use crate::kit::{AccountId, Email, Language, Timestamp, numeric_code, secret};
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::{Tx, db};

/// Long, because e-mails are slow at times and read on another device.
const LIFE: Duration = Duration::from_mins(30);
const DIGITS: u32 = 6;
/// Number of tries per e-mail.
const TRIES: i32 = 5;

/// Mails a code to a new address of the account; returns the code's expiry.
pub fn send_code(
    tx: &mut Tx,
    who: &Principal,
    email: &Email,
    language: Language,
) -> Result<Timestamp, Error> {
    let limit = RateLimit::mails_to_account(tx, &who.account_id);
    rate_limits::take(tx, &[limit])?.map_err(|at| Error::MailLimited(at.wait_from(tx.now)))?;
    Ok(enqueue_code(tx, who.account_id.as_str(), &who.account_id, email, language)?)
}

/// Mails a code for the account or session `asked_by`; returns the code's expiry.
fn enqueue_code(
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
pub fn verify_code(tx: &mut Tx, who: &Principal, code: &str) -> Result<bool, Error> {
    let Some(row) = compare(tx, who.account_id.as_str(), code)? else { return Ok(false) };
    if accounts::prove_email(tx.conn, &who.account_id, &row.email, tx.now)? == 1 {
        email_proven(tx, &who.account_id)?;
    }
    Ok(true)
}

/// Returns the stored row if the code is correct. A correct code gives its try back.
fn compare(tx: &mut Tx, asked_by: &str, code: &str) -> Result<Option<EmailCode>, Error> {
    let row = store::take_try(tx.conn, asked_by, TRIES, tx.now)?.ok_or(Error::EmailCodeExpired)?;
    if !secret::is_equal(derive(tx, &row), code) {
        return Ok(None);
    }
    store::return_try(tx.conn, asked_by)?;
    Ok(Some(row))
}

/// Records the change in the audit log, and asks the practices to match their records again.
fn email_proven(tx: &mut Tx, account_id: &AccountId) -> db::Result<()> {
    tx.emit(None, account_id, EventKind::AccountEmailProven, account_id, json!({}));
    for details in pairing::list(tx, Access::full(account_id), "", i64::MAX)? {
        conversations::patient_changed(tx, &details.pairing.practice.id, &details.conversation.id);
    }
    Ok(())
}

fn derive(tx: &Tx, row: &EmailCode) -> String {
    let parts = [row.account_id.as_str().as_bytes(), row.email.as_bytes(), row.seed.as_bytes()];
    numeric_code::from_mac(&tx.keys.derive("email-code", &parts), DIGITS)
}

/// Deletes the pending codes of a deleted account and of its sessions.
pub fn forget(tx: &mut Tx, account_id: &AccountId) -> db::Result<usize> {
    store::delete(tx.conn, account_id)
}

/// Deletes expired codes, and with them addresses that were never proven.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}
