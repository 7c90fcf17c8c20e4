//! Claiming: which rows are due, and the leases of those that are taken.
//!
//! A lease runs from the claim, so a row is claimed only for a sender that is free to take it. Claiming is
//! also the recovery: a row whose lease expired can be claimed again. Its unfinished attempt remains in
//! `deliveries` and counts as ambiguous.

use std::time::Duration;

use super::row::{ChannelState, Claim, Job, LONG_LEASE, QueueState, Room, SHORT_LEASE};
use super::{Channel, pause, store};
use crate::kit::{DeliveryId, Timestamp};
use crate::platform::db::Conn;
use crate::platform::{Tx, db};

/// How far ahead a row may be scheduled by a clock that differs a little. A row that is further ahead comes
/// from a clock that was ahead; if it waited for its moment, an hour's error would delay codes by an hour.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

impl ChannelState {
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.next_at.is_some_and(|at| at <= now)
    }

    /// Whether rows may be claimed at `now`: `None` if not, otherwise whether that is a trial. A trial time
    /// further off than any we set was written by another clock.
    pub(super) fn claims(&self, now: Timestamp) -> Option<bool> {
        match self.try_at {
            None => Some(false),
            Some(at) => (at <= now || at > now + pause::BETWEEN_TRIALS).then_some(true),
        }
    }
}

/// Looks at the queue, in one statement and without a lock.
pub(super) fn look(
    conn: &mut Conn,
    now: Timestamp,
    channels: &[Channel],
    topics: &[&'static str],
) -> db::Result<QueueState> {
    let (channels, scheduled_at) = store::look(conn, channels, topics)?;
    Ok(QueueState { channels, has_future_rows: scheduled_at.is_some_and(|at| at > now + CLOCK_SKEW) })
}

/// Makes rows due that a clock scheduled which was ahead. Leases are shortened to one that begins now: that
/// clock may belong to an instance which is sending the row.
pub(super) fn bring_back_future_rows(tx: &mut Tx) -> db::Result<()> {
    let latest = tx.now + CLOCK_SKEW;
    let rows = store::reschedule_future(tx.conn, latest, tx.now, tx.now + LONG_LEASE)?;
    tracing::warn!(rows, "outbox rows of a clock that was ahead are due now");
    Ok(())
}

/// Claims due rows and gives each an attempt row, so that a crash during the send stays visible. Only one of
/// several instances takes the trial of a paused channel: the statement that postpones the trial decides.
pub(super) fn claim(tx: &mut Tx, rooms: &[Room], topics: &[&'static str]) -> db::Result<Vec<Claim>> {
    let mut taken = Vec::with_capacity(rooms.len());
    for room in rooms {
        if !room.is_trial || pause::take_trial(tx, room.channel)? {
            taken.push(*room);
        }
    }
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let lease = tx.id::<DeliveryId>();
    let mut jobs = store::lease(tx.conn, &taken, topics, &lease, tx.now)?;
    // RETURNING knows no order.
    jobs.sort_by(|one, other| one.id.cmp(&other.id));
    let claims: Vec<_> = jobs.into_iter().map(|job| claimed(tx, job, &lease, &taken)).collect();
    if !claims.is_empty() {
        store::insert_attempts(tx.conn, &claims, tx.now)?;
    }
    Ok(claims)
}

fn claimed(tx: &Tx, job: Job, lease: &DeliveryId, rooms: &[Room]) -> Claim {
    let is_trial = rooms.iter().any(|room| room.channel == job.channel && room.is_trial);
    let length = match job.channel {
        Channel::Sms | Channel::Voice => SHORT_LEASE,
        Channel::Email | Channel::Webhook | Channel::Task => LONG_LEASE,
    };
    Claim { ends_at: tx.now + length, attempt: tx.id(), lease: lease.clone(), job, is_trial }
}
