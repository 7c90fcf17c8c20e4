//! Capacity of one channel: how many rows it sends in parallel, and its send rate.

use std::time::Duration;

use super::Channel;
use super::row::Room;
use crate::kit::Timestamp;
use crate::platform::settings;

/// How much of a channel this instance sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    pub channel: Channel,
    pub senders: u32,
    pub per_second: u32,
}

impl Capacity {
    /// What the settings give to `channel`.
    pub(super) fn of(channel: Channel, settings: &settings::Outbox) -> Self {
        let (senders, per_second) = match channel {
            Channel::Sms => (settings.sms_threads, settings.sms_per_second),
            Channel::Voice => (settings.voice_threads, settings.voice_per_second),
            Channel::Email => (settings.email_threads, settings.email_per_second),
            Channel::Webhook => (settings.webhook_threads, settings.webhook_per_second),
            // Background jobs call no outside service that could be overloaded.
            Channel::Task => (settings.task_threads, u32::MAX),
        };
        Self { channel, senders, per_second }
    }
}

/// A channel as the dispatcher sees it.
pub(super) struct Lane {
    pub capacity: Capacity,
    /// Rows that are being sent, and how many of them are bulk.
    busy: u32,
    bulk_busy: u32,
    rate: SendRate,
    bulk_rate: SendRate,
    /// Whether the next claim may find a row: a signal came, or the last claim found as many as it asked for.
    may_have_due: bool,
    /// Whether the last claim took as much bulk as it might.
    may_have_bulk: bool,
}

impl Lane {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            busy: 0,
            bulk_busy: 0,
            rate: SendRate::new(capacity.per_second),
            bulk_rate: SendRate::new(half(capacity.per_second)),
            may_have_due: false,
            may_have_bulk: false,
        }
    }

    /// There may be due rows.
    pub(super) fn wake(&mut self) {
        self.may_have_due = true;
    }

    /// How many rows to claim now.
    pub(super) fn room(&self, now: Timestamp) -> Option<Room> {
        let rows = self.free_senders().min(self.rate.whole_tokens(now));
        let bulk = rows.min(self.free_for_bulk()).min(self.bulk_rate.whole_tokens(now));
        let room = Room { channel: self.capacity.channel, rows, bulk, is_trial: false };
        (self.may_have_due && rows > 0 || self.may_have_bulk && bulk > 0).then_some(room)
    }

    /// A claim for `room` found `found` rows, `bulk` of them bulk.
    pub(super) fn claimed(&mut self, room: &Room, found: u32, bulk: u32, now: Timestamp) {
        self.busy += found;
        self.bulk_busy += bulk;
        self.rate.take(found, now);
        self.bulk_rate.take(bulk, now);
        self.may_have_due = found >= room.rows;
        self.may_have_bulk = bulk >= room.bulk;
    }

    /// A sender is free again.
    pub(super) fn finished(&mut self, was_bulk: bool) {
        self.busy = self.busy.saturating_sub(1);
        self.bulk_busy = self.bulk_busy.saturating_sub(was_bulk.into());
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy > 0
    }

    /// Whether rows may wait for a sender, which another instance could have.
    pub(super) fn is_overfull(&self) -> bool {
        self.may_have_due && self.free_senders() == 0
    }

    /// How long until the send rate allows the next row; `None` if something else is waited for.
    pub(super) fn next_token_in(&self, now: Timestamp) -> Option<Duration> {
        let any = self.rate.next_token_in(now);
        let bulk = any.max(self.bulk_rate.next_token_in(now));
        let is_free = self.free_senders() > 0;
        let waits = [
            (self.may_have_due && is_free).then_some(any),
            (self.may_have_bulk && is_free && self.free_for_bulk() > 0).then_some(bulk),
        ];
        waits.into_iter().flatten().min()
    }

    fn free_senders(&self) -> u32 {
        self.capacity.senders.saturating_sub(self.busy)
    }

    /// Bulk gets half of the senders at most.
    fn free_for_bulk(&self) -> u32 {
        half(self.capacity.senders).saturating_sub(self.bulk_busy)
    }
}

/// At least one.
fn half(whole: u32) -> u32 {
    (whole / 2).max(1)
}

/// Token bucket that holds the tokens of one second, because providers answer bursts with 429.
struct SendRate {
    per_second: f64,
    tokens: f64,
    at: Option<Timestamp>,
}

impl SendRate {
    fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), tokens: per_second.into(), at: None }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32")]
    fn whole_tokens(&self, now: Timestamp) -> u32 {
        self.tokens(now) as u32
    }

    fn take(&mut self, count: u32, now: Timestamp) {
        self.tokens = self.tokens(now) - f64::from(count);
        self.at = Some(now);
    }

    /// A clock that was put back gives a full second: with the tokens of a moment to come, the channel would
    /// stand still until then.
    fn tokens(&self, now: Timestamp) -> f64 {
        match self.at.map(|at| now.millis() - at.millis()) {
            Some(0) => self.tokens,
            Some(millis) => match u64::try_from(millis) {
                Ok(millis) => {
                    let passed = Duration::from_millis(millis).as_secs_f64();
                    (self.tokens + self.per_second * passed).min(self.per_second)
                }
                Err(_) => self.per_second,
            },
            None => self.per_second,
        }
    }

    fn next_token_in(&self, now: Timestamp) -> Duration {
        let missing = (1.0 - self.tokens(now)).max(0.0);
        // One more, because the clock counts whole milliseconds.
        Duration::from_secs_f64(missing / self.per_second) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn lane() -> Lane {
        let mut lane = Lane::new(Capacity { channel: Channel::Sms, senders: 4, per_second: 2 });
        lane.wake();
        lane
    }

    #[test]
    fn rate_and_senders_limit_what_is_claimed() {
        let mut lane = lane();
        let rows = |lane: &Lane, now| lane.room(at(now)).map(|room| room.rows);
        assert_eq!(rows(&lane, 0), Some(2), "the rate");
        let ask = |rows| Room { channel: Channel::Sms, rows, bulk: 1, is_trial: false };
        lane.claimed(&ask(2), 2, 0, at(0));
        assert_eq!((rows(&lane, 0), rows(&lane, 499)), (None, None));
        assert_eq!(lane.next_token_in(at(0)), Some(Duration::from_millis(501)));
        assert_eq!((rows(&lane, 500), rows(&lane, 5_000)), (Some(1), Some(2)));
        lane.claimed(&ask(2), 2, 0, at(5_000));
        assert_eq!(rows(&lane, 9_000), None, "no sender is free");
        assert!(lane.is_overfull());
        lane.finished(false);
        assert_eq!(rows(&lane, 9_000), Some(1));
        lane.claimed(&ask(1), 0, 0, at(9_000));
        assert_eq!(rows(&lane, 9_500), None, "nothing was due");
        assert_eq!(lane.next_token_in(at(9_500)), None);
    }

    #[test]
    fn bulk_gets_half_of_a_channel() {
        let mut lane = Lane::new(Capacity { channel: Channel::Sms, senders: 4, per_second: 8 });
        let bulk = |lane: &Lane, now| lane.room(at(now)).map(|room| (room.rows, room.bulk));
        lane.wake();
        assert_eq!(bulk(&lane, 0), Some((4, 2)), "half of the senders");
        let room = lane.room(at(0)).unwrap();
        lane.claimed(&room, 2, 2, at(0));
        assert_eq!(bulk(&lane, 0), None, "the other half is for codes, of which there are none");
        lane.wake();
        assert_eq!(bulk(&lane, 0), Some((2, 0)));
        let room = lane.room(at(0)).unwrap();
        lane.claimed(&room, 0, 0, at(0));
        lane.finished(true);
        assert_eq!(bulk(&lane, 0), Some((3, 1)), "there may be more bulk");
        lane.finished(true);
        let room = lane.room(at(0)).unwrap();
        lane.claimed(&room, 2, 2, at(0));
        (0..2).for_each(|_| lane.finished(true));
        assert_eq!(bulk(&lane, 0), None, "half of the rate");
        assert_eq!(lane.next_token_in(at(0)), Some(Duration::from_millis(251)));
        assert_eq!(bulk(&lane, 250), Some((4, 1)));
    }

    #[test]
    fn clock_put_back_does_not_stop_a_channel() {
        let mut lane = lane();
        let room = Room { channel: Channel::Sms, rows: 2, bulk: 1, is_trial: false };
        lane.claimed(&room, 2, 0, at(7_200_000));
        assert_eq!(lane.room(at(0)).map(|room| room.rows), Some(2));
    }
}
