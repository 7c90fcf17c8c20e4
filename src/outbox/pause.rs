//! A channel whose account at the provider is wrong is paused as a whole, for all instances, instead of
//! burning the attempts of one message after the other. After a minute one row is tried: where it goes
//! through, the channel is open again.

use std::time::Duration;

use super::{Channel, Outcome, Pause, store};
use crate::app::Ctx;
use crate::db::{self, Conn};

/// From one trial to the next.
const BETWEEN_TRIALS: Duration = Duration::from_mins(1);

/// A channel that rows may be claimed of, and how many at most.
pub(super) struct Open {
    pub channel: Channel,
    pub most: usize,
    is_trial: bool,
}

/// Those of `channels` that are not paused; one row of those whose trial is due.
pub(super) fn open_channels(ctx: &Ctx, conn: &mut Conn, channels: &[Channel]) -> db::Result<Vec<Open>> {
    let paused = store::pauses(conn)?;
    let open = channels.iter().filter_map(|channel| {
        match paused.iter().find(|pause| pause.channel == channel.as_str()) {
            None => Some(Open { channel: *channel, most: usize::MAX, is_trial: false }),
            Some(pause) if pause.try_at <= ctx.now => {
                Some(Open { channel: *channel, most: 1, is_trial: true })
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
pub(super) fn learn(ctx: &Ctx, conn: &mut Conn, channel: Channel, outcome: &Outcome) -> db::Result<()> {
    match outcome {
        Outcome::Misconfigured(why) => pause(ctx, conn, channel, why),
        Outcome::Sent => resume(conn, channel).map(drop),
        _ => Ok(()),
    }
}

/// Pauses a channel until one row of it goes through.
pub fn pause(ctx: &Ctx, conn: &mut Conn, channel: Channel, why: &'static str) -> db::Result<()> {
    tracing::error!(channel = channel.as_str(), why, "channel paused: our account is refused");
    store::pause(conn, channel.as_str(), why, ctx.now, ctx.now + BETWEEN_TRIALS)
}

/// Every channel that is paused.
pub fn pauses(conn: &mut Conn) -> db::Result<Vec<Pause>> {
    store::pauses(conn)
}

/// Opens a channel; `false` where it is not paused.
pub fn resume(conn: &mut Conn, channel: Channel) -> db::Result<bool> {
    Ok(store::resume(conn, channel.as_str())? == 1)
}
