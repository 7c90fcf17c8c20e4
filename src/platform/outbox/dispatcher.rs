//! The dispatcher: one thread per instance that decides what is sent, for all channels. It settles what the
//! senders have finished in one transaction, claims what they can take next in another, and sleeps in
//! between. There is no timer that collects rows: a batch is what came in while the last one was committed.
//!
//! It wakes when this instance commits a message, when a sender is free, at the moment a row is due, and
//! every few seconds for what it cannot know: rows of instances that have died, and notifications that were
//! missed. An idle instance runs one statement then. The alternative, a few threads per channel that each
//! poll, rang all of them for every commit, and most of what the database did was to tell them that there
//! was nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::lane::Lane;
use super::row::{Finished, Room};
use super::senders::{Inbox, Report, Senders};
use super::worker::{Order, Parcel, Work, Worker, is_about_a_row};
use super::{Channel, Outcome};
use crate::kit::Timestamp;
use crate::platform::db::{self, Fault};
use crate::platform::signal::Signals;

/// How often it looks at the queue without being woken; up to a second more, so that instances that were
/// started together do not look together.
const LOOK: Duration = Duration::from_secs(5);
/// Moments further away than this are found by a later look.
const SOON: Duration = Duration::from_secs(7);
/// How long it waits after the database has failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it tells other instances that it is full.
const TELL: Duration = Duration::from_secs(1);
/// How long a stop waits for the senders. A row that is not settled by then is in its lease: another
/// instance or the next start takes it over.
const WIND_DOWN: Duration = Duration::from_secs(3);

/// Handle of the running dispatcher.
pub struct WorkerHandle {
    stop: Arc<AtomicBool>,
    signals: Arc<Signals>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Tells the dispatcher to claim nothing more. Does not wait, so that others can be told as well.
    pub fn request_stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.signals.outbox.nudge();
    }

    /// Tells the dispatcher to end, and hands its thread over to be joined. It settles what is under way,
    /// for a few seconds at most, but it may be waiting for a database that is gone: the caller sets a
    /// limit.
    pub fn into_thread(self) -> JoinHandle<()> {
        self.request_stop();
        self.thread
    }
}

impl Worker {
    /// Starts the dispatcher, which runs until the handle is stopped.
    pub fn spawn(self) -> std::io::Result<WorkerHandle> {
        let (stop, signals) = (Arc::new(AtomicBool::new(false)), Arc::clone(&self.service.signals));
        let dispatcher = Dispatcher::new(self, Arc::clone(&stop));
        let thread = thread::Builder::new().name("outbox".into()).spawn(move || dispatcher.run())?;
        Ok(WorkerHandle { stop, signals, thread })
    }
}

struct Dispatcher {
    worker: Worker,
    lanes: Vec<Lane>,
    senders: Senders,
    inbox: Arc<Inbox>,
    stop: Arc<AtomicBool>,
    /// Results that are not stored yet.
    finished: Vec<Finished>,
    /// Results that could not be stored with the others, and whose fault that was. Each is tried alone: as
    /// long as its lease runs, or as long as the database is at fault.
    difficult: Vec<(Finished, Fault)>,
    /// When they are tried next.
    difficult_at: Instant,
    /// Moments at which a row is due.
    due: BinaryHeap<Reverse<Timestamp>>,
    /// Paused channels whose trial is due.
    trials: Vec<Channel>,
    /// Whether a channel may be paused: only a look tells when its trial is.
    has_pauses: bool,
    /// Notifications seen so far.
    seen: u64,
    look_at: Instant,
    /// After a failure: nothing is tried before.
    pause_until: Option<Instant>,
    told_at: Option<Instant>,
}

impl Dispatcher {
    fn new(worker: Worker, stop: Arc<AtomicBool>) -> Self {
        let inbox = Arc::new(Inbox::new(Arc::clone(&worker.service.signals)));
        Self {
            lanes: worker.capacities.iter().map(|capacity| Lane::new(*capacity)).collect(),
            senders: Senders::new(worker.clone(), Arc::clone(&inbox)),
            inbox,
            stop,
            finished: Vec::new(),
            difficult: Vec::new(),
            difficult_at: Instant::now(),
            due: BinaryHeap::new(),
            trials: Vec::new(),
            has_pauses: false,
            seen: 0,
            look_at: Instant::now(),
            pause_until: None,
            told_at: None,
            worker,
        }
    }

    fn run(mut self) {
        while !self.is_stopped() {
            self.wait();
            match catch_unwind(AssertUnwindSafe(|| self.step())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "outbox round failed");
                    self.pause();
                }
                Err(_) => {
                    tracing::error!("an outbox round panicked");
                    metrics::counter!("outbox_panics_total").increment(1);
                    self.pause();
                }
            }
        }
        self.wind_down();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits for work, and wakes the lanes if a message was committed.
    fn wait(&mut self) {
        let signal = &self.worker.service.signals.outbox;
        let limit = self.patience();
        let count = signal.wait_or(self.seen, limit, || !self.inbox.is_empty() || self.is_stopped());
        if count != self.seen {
            self.seen = count;
            self.lanes.iter_mut().for_each(Lane::wake);
        }
    }

    /// How long there is nothing to do if nothing happens.
    fn patience(&self) -> Duration {
        let (now, clock) = (Instant::now(), self.now());
        if let Some(until) = self.pause_until {
            return until.saturating_duration_since(now);
        }
        let can_claim = self.difficult.len() < self.senders_in_all() && !self.rooms(clock).is_empty();
        if !self.finished.is_empty() || can_claim {
            return Duration::ZERO;
        }
        let until = |Reverse(at): &Reverse<Timestamp>| {
            Duration::from_millis(u64::try_from(at.millis() - clock.millis()).unwrap_or(0))
        };
        let tokens = self.lanes.iter().filter_map(|lane| lane.next_token_in(clock));
        let retry = (!self.difficult.is_empty()).then(|| self.difficult_at.saturating_duration_since(now));
        tokens
            .chain(self.due.peek().map(until))
            .chain(retry)
            .fold(self.look_at.saturating_duration_since(now), Duration::min)
    }

    fn step(&mut self) -> db::Result<()> {
        self.collect();
        if self.pause_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        self.pause_until = None;
        self.wake_for_due_rows();
        if Instant::now() >= self.look_at {
            self.look()?;
        }
        if !self.finished.is_empty() {
            self.settle()?;
        }
        if Instant::now() >= self.difficult_at {
            self.settle_difficult();
        }
        let rooms = self.rooms(self.now());
        if !rooms.is_empty() && self.difficult.len() < self.senders_in_all() {
            self.claim(&rooms)?;
        }
        Ok(())
    }

    /// So many results may wait for the database: more claims would only add to them.
    fn senders_in_all(&self) -> usize {
        self.lanes.iter().map(|lane| lane.capacity.senders as usize).sum()
    }

    /// Reads what the senders report.
    fn collect(&mut self) {
        for Report { channel, is_bulk, finished } in self.inbox.take() {
            self.lane(channel).into_iter().for_each(|lane| lane.finished(is_bulk));
            self.finished.extend(finished);
        }
    }

    fn wake_for_due_rows(&mut self) {
        let now = self.now();
        while self.due.peek().is_some_and(|Reverse(at)| *at <= now) {
            self.due.pop();
            self.lanes.iter_mut().for_each(Lane::wake);
            if self.has_pauses {
                self.look_at = Instant::now();
            }
        }
    }

    fn look(&mut self) -> db::Result<()> {
        let [jitter] = self.worker.service.random::<1>();
        self.look_at = Instant::now() + LOOK + Duration::from_millis(u64::from(jitter) * 4);
        let queue = self.worker.look()?;
        let now = self.now();
        self.trials.clear();
        self.has_pauses = false;
        for state in queue.channels {
            self.has_pauses |= state.try_at.is_some();
            self.expect(state.next_at, now);
            match state.claims(now).filter(|_| state.is_due(now)) {
                Some(true) => self.trials.push(state.channel),
                Some(false) => self.lane(state.channel).into_iter().for_each(Lane::wake),
                None => self.expect(state.try_at, now),
            }
        }
        Ok(())
    }

    /// Remembers a moment at which something is due, if it comes soon.
    fn expect(&mut self, at: impl IntoIterator<Item = Timestamp>, now: Timestamp) {
        let soon = at.into_iter().filter(|at| *at > now && *at <= now + SOON);
        self.due.extend(soon.map(Reverse));
    }

    /// What can be claimed now.
    fn rooms(&self, now: Timestamp) -> Vec<Room> {
        let is_trial = |channel| self.trials.contains(&channel);
        let rooms = self.lanes.iter().filter_map(|lane| match is_trial(lane.capacity.channel) {
            true if lane.is_busy() => None,
            true => Some(Room { channel: lane.capacity.channel, rows: 1, bulk: 1, is_trial: true }),
            false => lane.room(now),
        });
        rooms.collect()
    }

    /// Stores all results. If that fails, one row may be the reason: then each is tried alone.
    fn settle(&mut self) -> db::Result<()> {
        let finished = std::mem::take(&mut self.finished);
        match self.worker.settle(&finished.iter().collect::<Vec<_>>(), true) {
            Ok(due_again) => self.settled(&finished, due_again),
            Err(error) if is_about_a_row(&error) => {
                tracing::warn!(%error, "results could not be stored together");
                let fault = error.fault();
                self.difficult.extend(finished.into_iter().map(|one| (one, fault)));
            }
            Err(error) => {
                // Kept however long it takes: nothing is claimed before they are stored, so there are never
                // more than senders.
                self.finished = finished;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Claims rows and hands them to senders.
    fn claim(&mut self, rooms: &[Room]) -> db::Result<()> {
        let order = Order { rooms, tells_others: self.tells_others(), is_careful: false };
        let parcels = match self.worker.claim(order) {
            Err(error) if is_about_a_row(&error) => {
                tracing::warn!(%error, "a claim failed; its rows are rendered one by one");
                self.worker.claim(Order { is_careful: true, ..order })
            }
            outcome => outcome,
        }?;
        self.dispatch(rooms, parcels);
        Ok(())
    }

    /// At most once a second, and only if rows may be waiting: see `db/listen.rs`.
    fn tells_others(&mut self) -> bool {
        let is_recent = self.told_at.is_some_and(|at| at.elapsed() < TELL);
        let tells = !is_recent && self.lanes.iter().any(Lane::is_overfull);
        if tells {
            self.told_at = Some(Instant::now());
        }
        tells
    }

    fn settle_difficult(&mut self) {
        let mut waiting = std::mem::take(&mut self.difficult).into_iter();
        for (finished, _) in waiting.by_ref() {
            match self.worker.settle(&[&finished], true) {
                Ok(due_again) => self.settled(&[finished], due_again),
                Err(error) => {
                    let outbox = finished.claim.job.id.as_str();
                    tracing::warn!(%error, outbox, "the result of an outbox row could not be stored");
                    let fault = error.fault();
                    self.difficult.push((finished, fault));
                    self.difficult_at = Instant::now() + PAUSE;
                    if fault == Fault::Databases {
                        // The others wait with it, or each would wait for the same lock.
                        break;
                    }
                }
            }
        }
        self.difficult.extend(waiting);
        self.drop_expired();
    }

    /// After its lease a row belongs to whoever claims it. A result that only the database keeps from being
    /// stored stays: this instance does not send the row again then, and storing the result does no harm if
    /// another instance has the row.
    fn drop_expired(&mut self) {
        let now = self.now();
        self.difficult.retain(|(one, fault)| *fault == Fault::Databases || one.claim.ends_at > now);
    }

    /// Learns from results that are stored when rows are due, and whether a channel is paused.
    fn settled(&mut self, finished: &[Finished], due_again: Vec<Timestamp>) {
        self.expect(due_again, self.now());
        for Finished { claim, result } in finished {
            match result.outcome {
                Outcome::Misconfigured(_) => self.has_pauses = true,
                Outcome::Sent if claim.is_trial => {
                    self.lane(claim.job.channel).into_iter().for_each(Lane::wake);
                }
                _ => {}
            }
        }
    }

    /// Hands claimed rows to senders.
    fn dispatch(&mut self, rooms: &[Room], parcels: Vec<Parcel>) {
        let now = self.now();
        for room in rooms {
            let of_channel = parcels.iter().filter(|parcel| parcel.claim.job.channel == room.channel);
            let (bulk, others): (Vec<_>, Vec<_>) = of_channel.partition(|parcel| parcel.claim.job.is_bulk());
            let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
            let (bulk, found) = (count(bulk.len()), count(bulk.len() + others.len()));
            self.trials.retain(|channel| *channel != room.channel);
            self.lane(room.channel).into_iter().for_each(|lane| lane.claimed(room, found, bulk, now));
        }
        for parcel in parcels {
            let (channel, is_bulk) = (parcel.claim.job.channel, parcel.claim.job.is_bulk());
            if let Some((waiting, _)) = self.waiting_result(&parcel) {
                // It was not stored within its lease, and is under the new one now: it is not sent again.
                waiting.claim = parcel.claim;
                self.inbox.put(Report { channel, is_bulk, finished: None });
                continue;
            }
            match parcel.work {
                Work::Over(_) => {
                    let finished = self.worker.carry_out(parcel).ok().flatten();
                    self.inbox.put(Report { channel, is_bulk, finished });
                }
                _ => self.senders.hand_over(parcel),
            }
        }
    }

    /// The result of a row that is known and could not be stored yet.
    fn waiting_result(&mut self, parcel: &Parcel) -> Option<&mut (Finished, Fault)> {
        self.difficult.iter_mut().find(|(one, _)| one.claim.job.id == parcel.claim.job.id)
    }

    /// Settles what the senders finish within a few seconds.
    fn wind_down(mut self) {
        let end = Instant::now() + WIND_DOWN;
        loop {
            self.collect();
            if !self.finished.is_empty() && self.settle().is_err() {
                thread::sleep(PAUSE);
            }
            self.settle_difficult();
            if Instant::now() >= end || !self.lanes.iter().any(Lane::is_busy) {
                return;
            }
            let signal = &self.worker.service.signals.outbox;
            signal.wait_or(signal.count(), PAUSE, || !self.inbox.is_empty());
        }
    }

    fn pause(&mut self) {
        self.pause_until = Some(Instant::now() + PAUSE);
        // What was asked for may still be due.
        self.lanes.iter_mut().for_each(Lane::wake);
    }

    fn lane(&mut self, channel: Channel) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.capacity.channel == channel)
    }

    fn now(&self) -> Timestamp {
        self.worker.service.now()
    }
}
