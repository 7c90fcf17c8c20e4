//! The code at the desk: whoever reads it there and sends it from the app stands in front of the staff member whose
//! screen shows it. It is made of the staff member and the minute, so nothing is stored, and it says who vouches.

use std::time::Duration;

use super::{Refusal, authenticate, store};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::kit::{Secret, Timestamp};

/// A code is shown this long, and taken for as long again: typing takes time.
const STEP: Duration = Duration::from_mins(1);
/// Eight digits: five guesses an hour, against the two codes of each of a hundred colleagues, hit once in eleven years.
const DIGITS: u64 = 100_000_000;

/// What a screen at the desk shows.
pub struct DeskCode {
    /// Eight digits.
    pub code: String,
    /// When the screen shows the next one.
    pub changes_at: Timestamp,
}

/// The code of whoever asks. The operator's support is at nobody's desk.
pub fn show(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<DeskCode, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    if !who.role.meets_patients() {
        return Err(Refusal::Forbidden);
    }
    let step = step(ctx.now);
    let changes_at = Timestamp::from_millis((step + 1) * millis());
    Ok(DeskCode { code: derive(ctx, &who.practice_id, &who.staff_id, step), changes_at })
}

/// The staff member of a practice whose screen shows `code`, or did a minute ago.
pub fn whose(ctx: &Ctx, conn: &mut Conn, practice_id: &str, code: &str) -> db::Result<Option<String>> {
    let now = step(ctx.now);
    let blinded = ctx.keys.blind("desk-code", code);
    // Compared as blinded values: what is compared byte by byte is no secret of ours.
    let shows = |staff_id: &str| {
        [now, now - 1]
            .into_iter()
            .any(|step| ctx.keys.blind("desk-code", &derive(ctx, practice_id, staff_id, step)) == blinded)
    };
    let people = store::colleagues(conn, practice_id)?;
    let mut at_desk = people.into_iter().filter(|member| member.role().meets_patients());
    Ok(at_desk.find(|member| shows(&member.id)).map(|member| member.id))
}

fn millis() -> i64 {
    i64::try_from(STEP.as_millis()).unwrap_or(i64::MAX)
}

fn step(now: Timestamp) -> i64 {
    now.millis() / millis()
}

fn derive(ctx: &Ctx, practice_id: &str, staff_id: &str, step: i64) -> String {
    let parts = [practice_id.as_bytes(), staff_id.as_bytes(), &step.to_be_bytes()];
    let mac = ctx.keys.derive("desk-code", &parts);
    let number = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{:08}", number % DIGITS)
}
