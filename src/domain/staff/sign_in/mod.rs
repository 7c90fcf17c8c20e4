//! Signing in: the password yields a challenge; the challenge and a code yield a verified staff member.
//!
//! The password is checked between two transactions, since that takes long and must hold no lock. The hash
//! it was checked against is compared again when the challenge is created. A wrong password, an unknown
//! address, an unaccepted invitation and a disabled account get the same answer after the same work.

pub mod store;
pub mod throttle;
pub mod totp;

use std::time::Duration;

use serde_json::{Value, json};

use self::store::Challenge as Row;
use self::throttle::{Caller, Try};
use super::store::Credentials;
use super::{Member, Refusal};
use crate::domain::practices;
use crate::domain::staff::PasswordHasher;
use crate::kit::ids::StaffId;
use crate::kit::{Email, Secret, Timestamp};
use crate::platform::audit::Event;
use crate::platform::db::{self};
use crate::platform::tx::{Service, Tx};

/// Time to fetch the phone and type a code.
const CHALLENGE_LIFE: Duration = Duration::from_mins(5);
/// Number of codes that a challenge accepts.
const CODES: i32 = 5;

/// A sign-in attempt with e-mail and password.
pub struct Attempt {
    pub email: Email,
    pub password: Secret,
    /// The device token from an earlier sign-in.
    pub device: Option<Secret>,
    /// The network of the client, for the rate limit.
    pub network: String,
}

impl Attempt {
    fn caller(&self) -> Caller<'_> {
        Caller { email: &self.email, network: &self.network, device: self.device.as_ref() }
    }
}

/// An attempt whose password has been checked.
pub struct Checked {
    attempt: Attempt,
    /// The credentials that the password matched; `None` if it was wrong.
    proven: Option<Credentials>,
}

/// Checks a password: reads the stored hash, then verifies outside of any transaction.
pub async fn check(service: &Service, hasher: &PasswordHasher, attempt: Attempt) -> Result<Checked, Refusal> {
    let (email, network, device) = (attempt.email.clone(), attempt.network.clone(), attempt.device.clone());
    let found = service.read(move |tx| {
        let caller = Caller { email: &email, network: &network, device: device.as_ref() };
        let rules = throttle::rules(tx, Try::Password, &caller)?;
        match throttle::wait(tx, &rules)? {
            Some(wait) => Err(Refusal::Limited(wait)),
            None => Ok(super::store::credentials(tx.conn, &email)?),
        }
    });
    let found = found.await?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let is_right = hasher.verify(&attempt.password, hash).await?;
    Ok(Checked { attempt, proven: found.filter(|_| is_right) })
}

/// The outcome of the first factor.
pub enum Begun {
    /// The password is right; a code is required.
    Challenge(Challenge),
    /// The password is wrong; the failure is counted.
    Refused,
}

/// A sign-in that still needs its second factor.
pub struct Challenge {
    /// Proves that the password was right.
    pub secret: Secret,
    pub expires_at: Timestamp,
    /// The second factor to be set up, only at the first sign-in.
    pub enrol: Option<Enrol>,
}

/// A second factor to be set up, shown only once.
pub struct Enrol {
    /// The seed in base 32, for typing.
    pub secret: String,
    /// The `otpauth:` URL for a QR code.
    pub otpauth_url: String,
}

/// Decides on a password; returns a challenge if it is right.
pub fn begin(tx: &mut Tx, checked: &Checked) -> Result<Begun, Refusal> {
    let rules = throttle::rules(tx, Try::Password, &checked.attempt.caller())?;
    let held = throttle::hold(tx, rules)?;
    if let Some(wait) = held.wait(tx.now) {
        return Err(Refusal::Limited(wait));
    }
    let Some(member) = still_proven(tx, checked)? else {
        held.fail(tx)?;
        return Ok(Begun::Refused);
    };
    held.pass(tx)?;
    Ok(Begun::Challenge(challenge(tx, &member)?))
}

/// Returns the staff member if the password is still right in this transaction.
fn still_proven(tx: &mut Tx, checked: &Checked) -> db::Result<Option<Member>> {
    let Some(proven) = &checked.proven else { return Ok(None) };
    let now = super::store::credentials(tx.conn, &checked.attempt.email)?;
    if now.is_none_or(|now| now.id != proven.id || now.password_hash != proven.password_hash) {
        return Ok(None);
    }
    at_work(tx, &proven.id)
}

/// Finds the active staff member `id`, unless the practice is closed.
fn at_work(tx: &mut Tx, id: &StaffId) -> db::Result<Option<Member>> {
    let Some(member) = super::store::find_active(tx.conn, id)? else { return Ok(None) };
    let practice = practices::find(tx, &member.practice_id)?;
    Ok(practice.is_some_and(|practice| !practice.is_closed()).then_some(member))
}

fn challenge(tx: &mut Tx, member: &Member) -> Result<Challenge, Refusal> {
    let enrolment = match member.enrolled_at {
        Some(_) => None,
        None => Some(totp::fresh(tx, &member.id, &member.email).ok_or(Refusal::KeysMissing)?),
    };
    let (secret, expires_at) = (tx.secret("sch"), tx.now + CHALLENGE_LIFE);
    let new_secret = enrolment.as_ref().map(|enrolment| enrolment.sealed.clone());
    let row = Row { staff_id: member.id.clone(), new_secret };
    store::insert_challenge(tx.conn, &secret.hash(), &row, tx.now, expires_at)?;
    let enrol = enrolment.map(|e| Enrol { secret: e.secret, otpauth_url: e.otpauth_url });
    Ok(Challenge { secret, expires_at, enrol })
}

/// A second factor as the user typed it.
pub enum Code {
    /// A code from the authenticator app.
    Totp(String),
    /// A code from the list shown at enrollment.
    Recovery(String),
}

/// The outcome of the second factor.
pub enum Finished {
    Proven(Proven),
    /// The code is wrong; the failure is counted.
    Wrong,
}

/// A staff member with both factors proven.
pub struct Proven {
    pub staff_id: StaffId,
    /// Shown only once; empty except after enrollment.
    pub recovery_codes: Vec<String>,
    /// A token for the device to keep: strangers' failures will not slow it down.
    pub device: Secret,
}

/// Decides on a code of the second factor.
pub fn finish(tx: &mut Tx, secret: &Secret, code: &Code, network: &str) -> Result<Finished, Refusal> {
    let open = store::take_attempt(tx.conn, &secret.hash(), CODES, tx.now)?;
    let open = open.ok_or(Refusal::ChallengeInvalid)?;
    let member = at_work(tx, &open.staff_id)?.ok_or(Refusal::ChallengeInvalid)?;
    let email = Email::parse(&member.email).ok_or(Refusal::ChallengeInvalid)?;
    let device = tx.secret("sd");
    let caller = Caller { email: &email, network, device: Some(&device) };
    let rules = throttle::rules(tx, Try::Factor, &caller)?;
    let held = throttle::hold(tx, rules)?;
    if let Some(wait) = held.wait(tx.now) {
        return Err(Refusal::Limited(wait));
    }
    let Some(factor) = accepted(tx, &open, code)? else {
        held.fail(tx)?;
        note(tx, &member, "staff.second_factor_failed", json!({}))?;
        return Ok(Finished::Wrong);
    };
    held.pass(tx)?;
    store::use_challenge(tx.conn, &secret.hash(), tx.now)?;
    throttle::remember(tx, &caller)?;
    let recovery_codes = if factor == "enrolment" { enrolled(tx, &member)? } else { Vec::new() };
    note(tx, &member, "staff.signed_in", json!({ "factor": factor }))?;
    Ok(Finished::Proven(Proven { staff_id: member.id, recovery_codes, device }))
}

/// Returns the factor that a code proves; the statement that accepts a code also uses it up.
fn accepted(tx: &mut Tx, open: &Row, code: &Code) -> db::Result<Option<&'static str>> {
    let id = &open.staff_id;
    let is_good = match (code, &open.new_secret) {
        (Code::Totp(code), Some(sealed)) => match totp::step_of(tx, id, sealed, code) {
            Some(step) => super::store::enrol(tx.conn, id, sealed, step, tx.now)?.then_some("enrolment"),
            None => None,
        },
        (Code::Totp(code), None) => accepts_totp(tx, id, code)?.then_some("totp"),
        (Code::Recovery(code), None) => {
            let hash = totp::recovery_hash(tx, id, code);
            store::use_recovery_code(tx.conn, &hash, id, tx.now)?.then_some("recovery_code")
        }
        (Code::Recovery(_), Some(_)) => None,
    };
    Ok(is_good)
}

fn enrolled(tx: &mut Tx, member: &Member) -> db::Result<Vec<String>> {
    let codes = fresh_codes(tx, member)?;
    note(tx, member, "staff.enrolled", json!({}))?;
    Ok(codes)
}

/// Replaces the recovery codes of a staff member.
fn fresh_codes(tx: &mut Tx, member: &Member) -> db::Result<Vec<String>> {
    store::delete_recovery_codes(tx.conn, &member.id)?;
    let codes = totp::recovery_codes(tx);
    for code in &codes {
        let hash = totp::recovery_hash(tx, &member.id, code);
        store::insert_recovery_code(tx.conn, &hash, &member.id, tx.now)?;
    }
    Ok(codes)
}

/// Creates new recovery codes in exchange for an authenticator code; `None` if the code is wrong, which
/// counts as a failed sign-in.
pub fn renew_recovery_codes(
    tx: &mut Tx,
    member: &Member,
    code: &str,
    network: &str,
) -> Result<Option<Vec<String>>, Refusal> {
    let email = Email::parse(&member.email).ok_or(Refusal::Unauthorized)?;
    let caller = Caller { email: &email, network, device: None };
    let rules = throttle::rules(tx, Try::Factor, &caller)?;
    let held = throttle::hold(tx, rules)?;
    if let Some(wait) = held.wait(tx.now) {
        return Err(Refusal::Limited(wait));
    }
    if !accepts_totp(tx, &member.id, code)? {
        held.fail(tx)?;
        note(tx, member, "staff.second_factor_failed", json!({}))?;
        return Ok(None);
    }
    held.pass(tx)?;
    let codes = fresh_codes(tx, member)?;
    note(tx, member, "staff.recovery_codes_renewed", json!({}))?;
    Ok(Some(codes))
}

/// Returns whether `code` is valid now; the statement that accepts a code also uses it up.
fn accepts_totp(tx: &mut Tx, id: &StaffId, code: &str) -> db::Result<bool> {
    let Some(sealed) = super::store::totp_secret(tx.conn, id)? else { return Ok(false) };
    match totp::step_of(tx, id, &sealed, code) {
        Some(step) => super::store::accept_step(tx.conn, id, &sealed, step),
        None => Ok(false),
    }
}

fn note(tx: &mut Tx, member: &Member, action: &str, detail: Value) -> db::Result<()> {
    let (practice_id, staff_id) = (Some(&member.practice_id), member.id.as_str());
    tx.audit(&Event { practice_id, actor: staff_id, action, subject: staff_id, detail })
}

/// Returns the number of unused recovery codes of a staff member.
pub fn recovery_codes_left(tx: &mut Tx, staff_id: &StaffId) -> db::Result<i64> {
    store::recovery_codes_left(tx.conn, staff_id)
}

/// Ends every unfinished sign-in of a staff member.
pub fn end_challenges(tx: &mut Tx, staff_id: &StaffId) -> db::Result<()> {
    store::use_challenges_of(tx.conn, staff_id, tx.now).map(drop)
}

/// Removes the second factor and the recovery codes of a staff member: the next sign-in sets up new ones.
pub fn forget_factor(tx: &mut Tx, staff_id: &StaffId) -> db::Result<()> {
    super::store::reset_totp(tx.conn, staff_id)?;
    store::delete_recovery_codes(tx.conn, staff_id)?;
    end_challenges(tx, staff_id)
}

/// Deletes expired challenges and rate-limit counts.
pub fn sweep(tx: &mut Tx) -> db::Result<()> {
    store::delete_challenges(tx.conn, tx.now)?;
    store::delete_counts(tx.conn, tx.now).map(drop)
}
