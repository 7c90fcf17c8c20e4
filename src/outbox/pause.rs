//! A channel whose account at the provider is wrong is paused as a whole, for all instances, instead of
//! burning the attempts of one message after the other. After a minute one row is tried: where that one goes
//! through, the channel is open again. Messages that were under way when it was paused open nothing.

use std::time::Duration;

use super::{Channel, Outcome, Pause, store};
use crate::app::Ctx;
use crate::db::{self, Conn};

/// From one trial to the next.
pub(super) const BETWEEN_TRIALS: Duration = Duration::from_mins(1);

/// A channel that a row may be claimed of.
pub(super) struct Open {
    pub channel: Channel,
    pub is_trial: bool,
}

/// Those of `channels` that are not paused, and those whose trial is due.
pub(super) fn open_channels(ctx: &Ctx, conn: &mut Conn, channels: &[Channel]) -> db::Result<Vec<Open>> {
    let paused = store::pauses(conn)?;
    let open = channels.iter().filter_map(|channel| {
        match paused.iter().find(|pause| pause.channel == channel.as_str()) {
            None => Some(Open { channel: *channel, is_trial: false }),
            // A trial that is further off than any is set was set by another clock.
            Some(pause) if pause.try_at <= ctx.now || pause.try_at > ctx.now + BETWEEN_TRIALS => {
                Some(Open { channel: *channel, is_trial: true })
            }
            Some(_) => None,
        }
    });
    Ok(open.collect())
}

/// Whether the rows found may be claimed. Of several instances one takes a trial: the statement that moves
/// the trial on is the verdict.
pub(super) fn may_claim(ctx: &Ctx, conn: &mut Conn, open: &Open) -> db::Result<bool> {
    match open.is_trial {
        true => Ok(store::take_trial(conn, open.channel.as_str(), ctx.now, ctx.now + BETWEEN_TRIALS)? == 1),
        false => Ok(true),
    }
}

/// What an outcome says of its channel: our account is wrong, or right again.
pub(super) fn learn(
    ctx: &Ctx,
    conn: &mut Conn,
    channel: Channel,
    outcome: &Outcome,
    is_trial: bool,
) -> db::Result<()> {
    match outcome {
        Outcome::Misconfigured(why) => pause(ctx, conn, channel, why, false),
        Outcome::Sent if is_trial => store::resume_by_trial(conn, channel.as_str()).map(drop),
        _ => Ok(()),
    }
}

/// Pauses a channel because of a provider's report: it takes messages and drops them later, so that only a
/// report of one that left says that it works again.
pub fn pause_by_report(ctx: &Ctx, conn: &mut Conn, channel: Channel, why: &'static str) -> db::Result<()> {
    pause(ctx, conn, channel, why, true)
}

fn pause(ctx: &Ctx, conn: &mut Conn, channel: Channel, why: &str, needs_receipt: bool) -> db::Result<()> {
    tracing::error!(channel = channel.as_str(), why, "channel paused: our account is refused");
    let (paused_at, try_at) = (ctx.now, ctx.now + BETWEEN_TRIALS);
    let (channel, reason) = (channel.as_str().to_owned(), why.to_owned());
    store::pause(conn, &Pause { channel, reason, paused_at, try_at, needs_receipt })
}

/// A message left: a channel that waited for that is open.
pub(super) fn resume_by_receipt(conn: &mut Conn, channel: Channel) -> db::Result<()> {
    store::resume_by_receipt(conn, channel.as_str()).map(drop)
}

/// Every channel that is paused.
pub fn pauses(conn: &mut Conn) -> db::Result<Vec<Pause>> {
    store::pauses(conn)
}

/// Opens a channel; `false` where it is not paused.
pub fn resume(conn: &mut Conn, channel: Channel) -> db::Result<bool> {
    Ok(store::resume(conn, channel.as_str())? == 1)
}
