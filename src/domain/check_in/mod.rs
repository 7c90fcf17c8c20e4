//! Check-in: a patient who reads the code on the screen at reception and enters it in the app is in front of
//! the staff member whose screen shows it. That confirms the patient's identity in person.
//!
//! The code is derived from the staff member and the minute, so nothing is stored, and it identifies the
//! staff member who vouches.

use std::time::Duration;

use crate::domain::accounts::{self, Scope};
use crate::domain::conversations::IdentityState;
use crate::domain::identity::{self, Decider, Method, NewDecision, Verdict};
use crate::domain::pairing::{self, PairingDetails};
use crate::domain::staff::{self, Permission};
use crate::kit::{PairingId, PracticeId, StaffId, Timestamp, Wait, numeric_code, secret};
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::{Tx, db};

/// A code is shown this long and accepted for as long again, because typing takes time.
const STEP: Duration = Duration::from_mins(1);
/// Eight digits: with five guesses per hour against the two codes of each of a hundred colleagues, a guess
/// succeeds once in eleven years.
const DIGITS: u32 = 8;

/// The check-in code that a screen at reception shows.
pub struct CheckInCode {
    /// Always eight decimal digits.
    pub code: String,
    /// The time when the screen shows the next code.
    pub changes_at: Timestamp,
}

/// Returns the caller's check-in code.
pub fn current_code(tx: &Tx, who: &staff::Staff) -> CheckInCode {
    let step = step(tx.now);
    let changes_at = Timestamp::from_millis((step + 1) * millis());
    CheckInCode { code: derive(tx, &who.practice_id, &who.staff_id, step), changes_at }
}

/// Outcome of an entered code. A wrong code is counted; as an error it would roll its count back.
pub enum Outcome {
    /// The patient is confirmed, by the staff member whose screen showed the code.
    Confirmed(Box<PairingDetails>),
    /// No screen of this practice shows the code now.
    Wrong,
    Limited(Wait),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pairing does not exist or has ended, or the session does not see it.
    #[error("pairing not found")]
    PairingNotFound,
    #[error("conversation closed")]
    ConversationClosed,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Confirms the patient of a pairing by the code that they entered. A confirmed patient stays confirmed.
pub fn check_in(
    tx: &mut Tx,
    who: &accounts::Principal,
    pairing_id: &PairingId,
    code: &str,
) -> Result<Outcome, Error> {
    let visible = pairing::list(tx, who.access(), "", i64::MAX)?;
    let found = visible.into_iter().find(|details| details.pairing.id == *pairing_id);
    let details = found.ok_or(Error::PairingNotFound)?;
    let limits = [RateLimit::check_in_codes_of_account(tx, &who.account_id)];
    if let Err(free_at) = rate_limits::take(tx, &limits)? {
        return Ok(Outcome::Limited(free_at.wait_from(tx.now)));
    }
    let Some(staff_id) = shown_by(tx, &details.pairing.practice.id, code)? else {
        return Ok(Outcome::Wrong);
    };
    // Only wrong codes count.
    rate_limits::give_back_all(tx, &limits)?;
    confirm(tx, &details, &staff_id, who.scope == Scope::Full)?;
    Ok(Outcome::Confirmed(Box::new(details)))
}

fn confirm(
    tx: &mut Tx,
    details: &PairingDetails,
    staff_id: &StaffId,
    on_known_device: bool,
) -> Result<(), Error> {
    let decider = Decider { practice_id: &details.pairing.practice.id, actor: staff_id.into() };
    let verdict = Verdict::Confirm(Method::InPerson);
    let new = NewDecision { on_known_device, ..NewDecision::plain(verdict) };
    match identity::decide(tx, &decider, &details.conversation.id, &new) {
        Ok(_) | Err(identity::Error::Decided(IdentityState::Confirmed)) => Ok(()),
        Err(identity::Error::Db(error)) => Err(error.into()),
        Err(_) => Err(Error::ConversationClosed),
    }
}

/// Finds the staff member of a practice whose screen shows `code` now, or showed it a minute ago.
fn shown_by(tx: &mut Tx, practice_id: &PracticeId, code: &str) -> db::Result<Option<StaffId>> {
    let colleagues = staff::colleagues(tx, practice_id)?;
    let now = step(tx.now);
    let tx = &*tx;
    let shows = |staff_id: &StaffId| {
        let codes = [now, now - 1].map(|step| derive(tx, practice_id, staff_id, step));
        codes.iter().any(|shown| secret::is_equal(shown, code))
    };
    let mut at_reception = colleagues.into_iter().filter(|member| member.role.has(Permission::ReadPatients));
    Ok(at_reception.find(|member| shows(&member.id)).map(|member| member.id))
}

fn millis() -> i64 {
    i64::try_from(STEP.as_millis()).unwrap_or(i64::MAX)
}

fn step(now: Timestamp) -> i64 {
    now.millis() / millis()
}

fn derive(tx: &Tx, practice_id: &PracticeId, staff_id: &StaffId, step: i64) -> String {
    let parts = [practice_id.as_str().as_bytes(), staff_id.as_str().as_bytes(), &step.to_be_bytes()];
    let mac = tx.keys.derive("desk-code", &parts);
    numeric_code::from_mac(&mac, DIGITS)
}
