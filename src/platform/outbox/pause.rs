//! Pauses a whole channel, for all instances, when our account at the provider is misconfigured, instead of
//! using up the attempts of one message after the other. After a minute one row is tried: if it goes
//! through, the channel resumes. Messages that were under way when it was paused do not resume it.

use std::time::Duration;

use super::{Channel, Outcome, Pause, store};
use crate::platform::{Tx, db};

/// Time between two trials of a paused channel.
pub(super) const BETWEEN_TRIALS: Duration = Duration::from_mins(1);

/// Takes the trial of a paused channel; `false` if another instance took it.
pub(super) fn take_trial(tx: &mut Tx, channel: Channel) -> db::Result<bool> {
    Ok(store::take_trial(tx.conn, channel, tx.now, tx.now + BETWEEN_TRIALS)? == 1)
}

/// Learns from an outcome whether our account at the provider is misconfigured, or works again.
pub(super) fn learn(tx: &mut Tx, channel: Channel, outcome: &Outcome, is_trial: bool) -> db::Result<()> {
    match outcome {
        Outcome::Misconfigured(why) => pause(tx, channel, why, false),
        Outcome::Sent if is_trial => store::resume_by_trial(tx.conn, channel).map(drop),
        _ => Ok(()),
    }
}

/// Pauses a channel because of a provider's report: the provider accepts messages and drops them later, so
/// only a report of one that was sent on shows that the channel works again.
pub fn pause_by_report(tx: &mut Tx, channel: Channel, why: &'static str) -> db::Result<()> {
    pause(tx, channel, why, true)
}

fn pause(tx: &mut Tx, channel: Channel, why: &str, needs_receipt: bool) -> db::Result<()> {
    tracing::error!(channel = channel.as_str(), why, "channel paused: the provider rejects our account");
    let (paused_at, try_at) = (tx.now, tx.now + BETWEEN_TRIALS);
    let reason = why.to_owned();
    store::pause(tx.conn, &Pause { channel, reason, paused_at, try_at, needs_receipt })
}

/// A message was sent on: resumes a channel that waited for that.
pub(super) fn resume_by_receipt(tx: &mut Tx, channel: Channel) -> db::Result<()> {
    if store::resume_by_receipt(tx.conn, channel)? > 0 {
        tx.wake_outbox();
    }
    Ok(())
}

/// Every channel that is paused.
pub fn pauses(tx: &mut Tx) -> db::Result<Vec<Pause>> {
    store::pauses(tx.conn)
}

/// Resumes a channel; returns `false` if it is not paused.
pub fn resume(tx: &mut Tx, channel: Channel) -> db::Result<bool> {
    let is_resumed = store::resume(tx.conn, channel)? == 1;
    if is_resumed {
        tx.wake_outbox();
    }
    Ok(is_resumed)
}
