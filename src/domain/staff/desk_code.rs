//! The check-in code at reception: a patient who reads it there and sends it from the app is standing in
//! front of the staff member whose screen shows it. It is derived from the staff member and the minute, so
//! nothing is stored, and it identifies the staff member who vouches.

use std::time::Duration;

use super::{Refusal, authenticate, store};
use crate::kit::ids::{PracticeId, StaffId};
use crate::kit::{Secret, Timestamp};
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// A code is shown this long and accepted for as long again, because typing takes time.
const STEP: Duration = Duration::from_mins(1);
/// Eight digits: with five guesses per hour against the two codes of each of a hundred colleagues, a guess
/// succeeds once in eleven years.
const DIGITS: u64 = 100_000_000;

/// The check-in code that a screen at reception shows.
pub struct DeskCode {
    /// Always eight decimal digits.
    pub code: String,
    /// The time when the screen shows the next code.
    pub changes_at: Timestamp,
}

/// Returns the caller's check-in code. The operator's support role is refused: it is at no reception.
pub fn show(tx: &mut Tx, token: Option<&Secret>) -> Result<DeskCode, Refusal> {
    let who = authenticate(tx, token)?;
    if !who.role.meets_patients() {
        return Err(Refusal::Forbidden);
    }
    let step = step(tx.now);
    let changes_at = Timestamp::from_millis((step + 1) * millis());
    Ok(DeskCode { code: derive(tx, &who.practice_id, &who.staff_id, step), changes_at })
}

/// Finds the staff member of a practice whose screen shows `code` now, or showed it a minute ago.
pub fn whose(tx: &mut Tx, practice_id: &PracticeId, code: &str) -> db::Result<Option<StaffId>> {
    let people = store::colleagues(tx.conn, practice_id)?;
    let now = step(tx.now);
    let blinded = tx.keys.blind("desk-code", code);
    // Compared as blinded values, so that a byte-by-byte comparison leaks no secret of ours.
    let tx = &*tx;
    let shows = |staff_id: &StaffId| {
        [now, now - 1]
            .into_iter()
            .any(|step| tx.keys.blind("desk-code", &derive(tx, practice_id, staff_id, step)) == blinded)
    };
    let mut at_desk = people.into_iter().filter(|member| member.role().meets_patients());
    Ok(at_desk.find(|member| shows(&member.id)).map(|member| member.id))
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
    let number = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{:08}", number % DIGITS)
}
