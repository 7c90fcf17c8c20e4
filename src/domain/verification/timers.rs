//! Timers of a verification session over all rate limits: its own waits, the number's, the
//! practice's and the country's.

use crate::kit::Timestamp;
use crate::platform::{Tx, db, rate_limits};

use super::number::NumberRow;
use super::{Channel, Session, session_limits};

/// Seconds until each step is possible, 0 for now; `None` if waiting will not help.
#[derive(Debug)]
pub struct Timers {
    /// Seconds until the next SMS may be requested.
    pub next_sms: Option<u64>,
    /// Seconds until the next voice call may be requested.
    pub next_call: Option<u64>,
    /// Seconds until the next code is compared.
    pub next_check: Option<u64>,
    /// Number of checks that this session has left.
    pub checks_left: i32,
    pub status: Status,
    /// Time at which the number may be checked again, in any session; `None` after the hard stop.
    pub(super) number_check_at: Option<Timestamp>,
}

/// Status of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerificationStatus)]
pub enum Status {
    /// A code can be checked, or requested again.
    Pending,
    /// The correct code was entered.
    Verified,
    /// All checks are used up.
    Exhausted,
    /// The time is over.
    Expired,
}

pub(super) fn of(tx: &mut Tx, session: &Session, number: &NumberRow) -> db::Result<Timers> {
    let number_check_at = number.check_at(tx.now);
    let checks_left = (tx.settings.verification.checks - session.checks).max(0);
    let status = status(tx, session, checks_left);
    let open = status == Status::Pending;
    let messages_at = if open { messages_at(tx, session, number)? } else { tx.now };
    let wait = |at: Option<Timestamp>| {
        at.filter(|at| open && *at < session.expires_at).map(|at| at.seconds_from(tx.now))
    };
    let next_check = number_check_at.filter(|at| *at < session.code_expires_at);
    Ok(Timers {
        next_sms: wait(session.next_at(Channel::Sms).map(|at| at.max(messages_at))),
        next_call: wait(session.next_at(Channel::Voice).map(|at| at.max(messages_at))),
        next_check: wait(next_check.filter(|_| session.code_expires_at > tx.now)),
        checks_left,
        status,
        number_check_at,
    })
}

fn status(tx: &Tx, session: &Session, checks_left: i32) -> Status {
    if session.verified_at.is_some() {
        Status::Verified
    } else if session.expires_at <= tx.now {
        Status::Expired
    } else if checks_left == 0 {
        Status::Exhausted
    } else {
        Status::Pending
    }
}

/// Earliest time of a message, over the limits of the number, the practice and the country.
pub(super) fn messages_at(tx: &mut Tx, session: &Session, number: &NumberRow) -> db::Result<Timestamp> {
    let shared_at = rate_limits::next_at(tx, &session_limits(tx, session))?;
    Ok(number.message_at(tx)?.max(shared_at))
}
