//! The limits of one number, in one row: how many messages it gets, and how many wrong codes.
//!
//! The row is locked before the session's, and serializes everything about the number. What a statement
//! returns of it is all that the timers need.

mod store;

pub(super) use store::NumberRow;

use std::time::Duration;

use crate::kit::{Timestamp, VerificationId};
use crate::platform::rate_limits::{Hits, RateLimit, stamp};
use crate::platform::{Tx, db};

/// Wrong codes are counted per number and day.
const DAY: Duration = Duration::from_hours(24);
/// After this many wrong codes in a row, the number is locked (NIST SP 800-63B-4, 3.2.2).
const HARD_STOP: i32 = 100;
/// After a day's free checks, the wait doubles from the first of these up to the second.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// How often a log is read and replaced; the second time it is locked.
const TRIES: usize = 3;

impl NumberRow {
    /// Earliest time of the number's next check; `None` after the hard stop.
    pub(super) fn check_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_ahead = self.next_check_at > now + LONGEST_WAIT;
        let at = if is_ahead { now } else { self.next_check_at.max(now) };
        Some(at).filter(|_| self.fails_in_a_row < HARD_STOP)
    }

    /// Earliest time of the number's next message.
    pub(super) fn message_at(&self, tx: &mut Tx) -> db::Result<Timestamp> {
        let limit = RateLimit::messages_to_number(tx, &self.phone_key);
        Ok(limit.next_at(&self.hits(tx, &limit)?, tx.now))
    }

    fn hits(&self, tx: &mut Tx, limit: &RateLimit) -> db::Result<Hits> {
        let mut hits = match self.sent.as_str() {
            store::ELSEWHERE => Hits::parse(&store::log_elsewhere(tx.conn, limit.key())?.unwrap_or_default()),
            here => Hits::parse(here),
        };
        if limit.put_back(&mut hits, tx.now) {
            let (old, key) = (self.sent.clone(), self.phone_key.clone());
            let new = limit.log(&hits);
            let mend = move |tx: &mut Tx<'_>| store::swap_log(tx.conn, &key, &old, &new).map(drop);
            tx.spending.note_ahead(&self.phone_key, mend);
        }
        Ok(hits)
    }
}

/// Counts a message to the number; `Err` is the time at which the next one fits.
pub(super) fn count_message(tx: &mut Tx, phone_key: &str) -> db::Result<Result<NumberRow, Timestamp>> {
    let limit = RateLimit::messages_to_number(tx, phone_key);
    let (at, guards) = (stamp(tx.now), limit.guards(tx.now));
    for _ in 0..TRIES {
        if let Some(row) = store::count_message(tx.conn, phone_key, &at, limit.length(), &guards)? {
            return Ok(Ok(row));
        }
        let Some(row) = store::find(tx.conn, phone_key)? else { continue };
        let hits = row.hits(tx, &limit)?;
        let next = limit.next_at(&hits, tx.now);
        if next > tx.now {
            return Ok(Err(next));
        }
        // From now on the log is in this row, and the statement finds room in it.
        store::swap_log(tx.conn, phone_key, &row.sent, &limit.log(&hits))?;
    }
    Err(db::Error::Busy)
}

/// Takes back the message that [`count_message`] counted in this transaction.
pub(super) fn take_back_message(tx: &mut Tx, phone_key: &str) -> db::Result<()> {
    store::take_back_message(tx.conn, phone_key).map(drop)
}

/// Takes one check from the number of a session, see [`store::take_check`].
pub(super) fn take_check(
    tx: &mut Tx,
    id: &VerificationId,
    secret_hash: &str,
) -> db::Result<Option<NumberRow>> {
    let (now, longest_wait, window_end) = (tx.now, tx.now + LONGEST_WAIT, tx.now + DAY);
    let checks = store::Checks { hard_stop: HARD_STOP, now, longest_wait, window_end };
    store::take_check(tx.conn, id, secret_hash, &checks)
}

/// Undoes [`take_check`] if nothing was compared.
pub(super) fn return_check(tx: &mut Tx, phone_key: &str) -> db::Result<()> {
    store::return_check(tx.conn, phone_key).map(drop)
}

/// Undoes [`take_check`] for a correct code.
pub(super) fn clear_checks(tx: &mut Tx, phone_key: &str) -> db::Result<()> {
    store::clear_checks(tx.conn, phone_key).map(drop)
}

/// Has the number wait after a wrong code that [`take_check`] counted, if there were many today.
pub(super) fn delay_checks(tx: &mut Tx, row: &mut NumberRow) -> db::Result<()> {
    let over = row.fails.saturating_sub(tx.settings.verification.number_checks);
    if let Ok(doublings) = u32::try_from(over) {
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(doublings.min(10))).min(LONGEST_WAIT);
        row.next_check_at = tx.now + wait;
        store::delay_checks(tx.conn, &row.phone_key, row.next_check_at)?;
    }
    Ok(())
}

/// Unlocks a number after the hard stop; `false` if there is no such number.
pub(super) fn unlock(tx: &mut Tx, phone_key: &str) -> db::Result<bool> {
    Ok(store::reset_checks(tx.conn, phone_key)? == 1)
}
