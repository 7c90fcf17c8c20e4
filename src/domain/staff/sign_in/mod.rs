//! Signing in: the password yields a challenge; the challenge and a code yield a verified staff member.
//!
//! The password is checked between two transactions, since that takes long and must hold no lock. The hash
//! it was checked against is compared again when the challenge is created. A wrong password, an unknown
//! address, an unaccepted invitation and a disabled account get the same answer after the same work.

mod store;
pub mod throttle;
mod totp;

use std::time::Duration;

use serde_json::{Value, json};

use self::store::Challenge;
use self::throttle::{Client, Factor};
use super::password::PasswordHasher;
use super::store::Credentials;
use super::{Error, Member};
use crate::domain::events::EventKind;
use crate::domain::practices;
use crate::kit::{Email, Secret, StaffId, Timestamp};
use crate::platform::{Service, Tx, db};

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
    fn client(&self) -> Client<'_> {
        Client { email: &self.email, network: &self.network, device: self.device.as_ref() }
    }
}

/// An attempt whose password has been checked.
pub struct CheckedAttempt {
    attempt: Attempt,
    /// The credentials that the password matched; `None` if it was wrong.
    matched: Option<Credentials>,
}

/// Checks a password: reads the stored hash, then verifies outside of any transaction.
pub async fn check(
    service: &Service,
    hasher: &PasswordHasher,
    attempt: Attempt,
) -> Result<CheckedAttempt, Error> {
    let (email, network, device) = (attempt.email.clone(), attempt.network.clone(), attempt.device.clone());
    let found = service.read(move |tx| {
        let client = Client { email: &email, network: &network, device: device.as_ref() };
        let limits = throttle::limits(tx, Factor::Password, &client)?;
        match throttle::wait(tx, &limits)? {
            Some(wait) => Err(Error::Limited(wait)),
            None => Ok(super::store::credentials(tx.conn, &email)?),
        }
    });
    let found = found.await?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let is_right = hasher.verify(&attempt.password, hash).await?;
    Ok(CheckedAttempt { attempt, matched: found.filter(|_| is_right) })
}

/// A sign-in that still needs its second factor.
pub struct SignInChallenge {
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

/// Decides on a password; returns a challenge if it is right, and `None` if it is wrong, which is counted.
pub fn begin(tx: &mut Tx, checked: &CheckedAttempt) -> Result<Option<SignInChallenge>, Error> {
    let limits = throttle::limits(tx, Factor::Password, &checked.attempt.client())?;
    let counts = throttle::lock(tx, limits)?;
    if let Some(wait) = counts.wait(tx.now) {
        return Err(Error::Limited(wait));
    }
    let Some(member) = still_matched(tx, checked)? else {
        counts.fail(tx)?;
        return Ok(None);
    };
    counts.pass(tx)?;
    challenge(tx, &member).map(Some)
}

/// Returns the staff member if the password is still right in this transaction.
fn still_matched(tx: &mut Tx, checked: &CheckedAttempt) -> db::Result<Option<Member>> {
    let Some(matched) = &checked.matched else { return Ok(None) };
    let now = super::store::credentials(tx.conn, &checked.attempt.email)?;
    if now.is_none_or(|now| now.id != matched.id || now.password_hash != matched.password_hash) {
        return Ok(None);
    }
    at_work(tx, &matched.id)
}

/// Finds the active staff member `id`, unless the practice is closed.
fn at_work(tx: &mut Tx, id: &StaffId) -> db::Result<Option<Member>> {
    let Some(member) = super::store::find_active(tx.conn, id)? else { return Ok(None) };
    let practice = practices::find(tx, &member.practice_id)?;
    Ok(practice.is_some_and(|practice| !practice.is_closed()).then_some(member))
}

fn challenge(tx: &mut Tx, member: &Member) -> Result<SignInChallenge, Error> {
    let enrolment = match member.enrolled_at {
        Some(_) => None,
        None => Some(totp::fresh(tx, &member.id, &member.email).ok_or(Error::KeysMissing)?),
    };
    let (secret, expires_at) = (tx.secret("sch"), tx.now + CHALLENGE_LIFE);
    let new_secret = enrolment.as_ref().map(|enrolment| enrolment.sealed.clone());
    let row = Challenge { staff_id: member.id.clone(), new_secret };
    store::insert_challenge(tx.conn, &secret.hash(), &row, tx.now, expires_at)?;
    let enrol = enrolment.map(|e| Enrol { secret: e.secret, otpauth_url: e.otpauth_url });
    Ok(SignInChallenge { secret, expires_at, enrol })
}

/// A second factor as the user typed it.
pub enum Code {
    /// A code from the authenticator app.
    Totp(String),
    /// A code from the list shown at enrollment.
    Recovery(String),
}

/// A staff member who proved both factors.
pub struct VerifiedStaff {
    pub staff_id: StaffId,
    /// Shown only once; empty except after enrollment.
    pub recovery_codes: Vec<String>,
    /// A token for the device to keep: strangers' failures will not slow it down.
    pub device: Secret,
}

/// Decides on a code of the second factor; `None` if it is wrong, which is counted.
pub fn finish(
    tx: &mut Tx,
    secret: &Secret,
    code: &Code,
    network: &str,
) -> Result<Option<VerifiedStaff>, Error> {
    let open = store::take_attempt(tx.conn, &secret.hash(), CODES, tx.now)?;
    let open = open.ok_or(Error::ChallengeInvalid)?;
    let member = at_work(tx, &open.staff_id)?.ok_or(Error::ChallengeInvalid)?;
    let email = Email::parse(&member.email).ok_or(Error::ChallengeInvalid)?;
    let device = tx.secret("sd");
    let client = Client { email: &email, network, device: Some(&device) };
    let limits = throttle::limits(tx, Factor::Code, &client)?;
    let counts = throttle::lock(tx, limits)?;
    if let Some(wait) = counts.wait(tx.now) {
        return Err(Error::Limited(wait));
    }
    let Some(means) = accepted(tx, &open, code)? else {
        counts.fail(tx)?;
        note(tx, &member, EventKind::StaffSecondFactorFailed, json!({}));
        return Ok(None);
    };
    counts.pass(tx)?;
    store::use_challenge(tx.conn, &secret.hash(), tx.now)?;
    throttle::remember(tx, &client)?;
    let recovery_codes = if means == Means::Enrolment { enrolled(tx, &member)? } else { Vec::new() };
    note(tx, &member, EventKind::StaffSignedIn, json!({ "factor": means }));
    Ok(Some(VerifiedStaff { staff_id: member.id, recovery_codes, device }))
}

/// The means by which a second factor was proven, for the audit log.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Means {
    /// The first code of an authenticator that is set up with it.
    Enrolment,
    Totp,
    RecoveryCode,
}

/// Returns the means that a code proves; the statement that accepts a code also uses it up.
fn accepted(tx: &mut Tx, open: &Challenge, code: &Code) -> db::Result<Option<Means>> {
    let id = &open.staff_id;
    Ok(match (code, &open.new_secret) {
        (Code::Totp(code), Some(sealed)) => match totp::step_of(tx, id, sealed, code) {
            Some(step) => super::store::enrol(tx.conn, id, sealed, step, tx.now)?.then_some(Means::Enrolment),
            None => None,
        },
        (Code::Totp(code), None) => accepts_totp(tx, id, code)?.then_some(Means::Totp),
        (Code::Recovery(code), None) => {
            let hash = totp::recovery_hash(tx, id, code);
            store::use_recovery_code(tx.conn, &hash, id, tx.now)?.then_some(Means::RecoveryCode)
        }
        (Code::Recovery(_), Some(_)) => None,
    })
}

fn enrolled(tx: &mut Tx, member: &Member) -> db::Result<Vec<String>> {
    let codes = fresh_codes(tx, member)?;
    note(tx, member, EventKind::StaffEnrolled, json!({}));
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
) -> Result<Option<Vec<String>>, Error> {
    let email = Email::parse(&member.email).ok_or(Error::Unauthorized)?;
    let client = Client { email: &email, network, device: None };
    let limits = throttle::limits(tx, Factor::Code, &client)?;
    let counts = throttle::lock(tx, limits)?;
    if let Some(wait) = counts.wait(tx.now) {
        return Err(Error::Limited(wait));
    }
    if !accepts_totp(tx, &member.id, code)? {
        counts.fail(tx)?;
        note(tx, member, EventKind::StaffSecondFactorFailed, json!({}));
        return Ok(None);
    }
    counts.pass(tx)?;
    let codes = fresh_codes(tx, member)?;
    note(tx, member, EventKind::StaffRecoveryCodesRenewed, json!({}));
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

fn note(tx: &mut Tx, member: &Member, kind: EventKind, detail: Value) {
    tx.emit(Some(&member.practice_id), &member.id, kind, &member.id, detail);
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
