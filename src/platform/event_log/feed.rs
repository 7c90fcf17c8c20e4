//! The thread that numbers events, runs the reactions and tells the observers of this instance.
//!
//! A commit that emitted an event wakes it. It looks on its own every five seconds, for events of an
//! instance that died. Instances tell each other of numbered events by NOTIFY, in the transaction
//! of the round: NOTIFY takes a lock over the whole database at commit, which sign-ups should not wait for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::reaction::{Reactions, Round, round};
use super::{BATCH, store};
use crate::platform::signal::Signals;
use crate::platform::{Service, db};

/// How often to look without being woken.
const FALLBACK: Duration = Duration::from_secs(5);
/// Pause after a round, so that a busy hour is numbered in batches instead of event by event.
const PAUSE: Duration = Duration::from_millis(10);
/// Pause before a reaction that failed is tried again: so much longer with each failure, up to a limit,
/// because events are numbered in the same rounds.
const RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// So often does a command try a reaction that fails.
const TRIES: u32 = 4;
/// So long does a command go on: where many sign up there is always an event that waits.
const LONGEST_SETTLE: Duration = Duration::from_secs(5);
/// The longest pause while another instance is at it.
const LONGEST_BUSY: Duration = Duration::from_millis(320);

/// Handle of the running thread.
pub struct Feed {
    stop: Arc<AtomicBool>,
    signals: Arc<Signals>,
    thread: JoinHandle<()>,
}

impl Feed {
    /// Tells the thread to end when everything is read. Does not wait.
    pub fn request_stop(self) -> JoinHandle<()> {
        self.stop.store(true, Ordering::SeqCst);
        self.signals.event_log.notify();
        self.thread
    }
}

/// Starts the thread, which runs until the handle is stopped.
pub fn spawn(service: Service, reactions: Reactions) -> std::io::Result<Feed> {
    let (stop, signals) = (Arc::new(AtomicBool::new(false)), Arc::clone(&service.signals));
    let stopped = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("event log".into()).spawn(move || run(&service, &reactions, &stopped))?;
    Ok(Feed { stop, signals, thread })
}

/// What the thread goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Everything is read: the next round is for what comes.
    Settled,
    /// Another instance is at it.
    Busy,
    /// A reaction failed, or the database did.
    Failed,
}

fn run(service: &Service, reactions: &Reactions, stopped: &AtomicBool) {
    let (mut tail, mut seen, mut pace) = (None, 0, Pace::Busy);
    // The first round is a careful one: it forgets what an earlier process failed at.
    let mut failures = 1;
    let mut busy = PAUSE;
    while !stopped.load(Ordering::SeqCst) {
        let is_own = service.signals.has_new_events.swap(false, Ordering::SeqCst);
        let (is_due, is_careful) = (is_own || pace != Pace::Settled, failures > 0);
        pace = guarded(|| catch_up(service, reactions, (is_due, is_careful), &mut tail));
        busy = if pace == Pace::Busy { (busy * 2).min(LONGEST_BUSY) } else { PAUSE };
        match pace {
            Pace::Settled => {
                failures = 0;
                thread::sleep(PAUSE);
                seen = service.signals.event_log.wait(seen, FALLBACK);
            }
            Pace::Busy => thread::sleep(busy),
            Pace::Failed => {
                failures += 1;
                thread::sleep((RETRY * failures).min(LONGEST_RETRY));
            }
        }
    }
    if pace == Pace::Settled {
        // What requests have committed meanwhile gets its number now, and not at the next start.
        guarded(|| catch_up(service, reactions, (true, false), &mut tail));
    }
}

/// A panic must not end the thread: nothing would be numbered any more.
fn guarded(turn: impl FnOnce() -> db::Result<Pace>) -> Pace {
    let outcome = catch_unwind(AssertUnwindSafe(turn)).unwrap_or(Err(db::Error::Panicked));
    outcome.unwrap_or_else(|error| {
        tracing::warn!(%error, "the event log is delayed");
        Pace::Failed
    })
}

/// Runs rounds until every event has its number and every reaction has read it, for a command that ends
/// afterwards. What takes longer is left to the server.
pub fn settle(service: &Service, reactions: &Reactions) -> db::Result<()> {
    let (mut goes_on, mut failures) = (false, 0);
    let is_unread = || service.read_blocking(|tx| store::is_any_unread(tx.conn, &reactions.names()));
    let end = Instant::now() + LONGEST_SETTLE;
    while failures < TRIES && Instant::now() < end && (goes_on || is_unread()?) {
        let done = round(service, reactions, failures > 0)?;
        if done.is_busy || done.has_failed {
            thread::sleep(if done.is_busy { PAUSE } else { RETRY });
        }
        failures += u32::from(done.has_failed);
        goes_on = done.has_more || done.is_busy || done.has_failed;
    }
    Ok(())
}

/// Runs rounds until nothing is left, and tells the observers. `tail` is the number up to which they were
/// told.
fn catch_up(
    service: &Service,
    reactions: &Reactions,
    (is_due, is_careful): (bool, bool),
    tail: &mut Option<i64>,
) -> db::Result<Pace> {
    // Also what an instance left that died between two attempts of a reaction.
    if !is_due && !service.db.peek_blocking(|conn| store::is_any_unread(conn, &reactions.names()))? {
        return read_on(service, reactions, tail).map(|()| Pace::Settled);
    }
    loop {
        let done = round(service, reactions, is_careful)?;
        tell(service, reactions, &done, tail)?;
        if done.is_busy || done.has_failed {
            return Ok(if done.is_busy { Pace::Busy } else { Pace::Failed });
        }
        if !done.has_more {
            return Ok(Pace::Settled);
        }
    }
}

/// Tells the observers of what a round numbered: from memory, unless another instance was there before.
fn tell(service: &Service, reactions: &Reactions, done: &Round, tail: &mut Option<i64>) -> db::Result<()> {
    let first = done.numbered.first().and_then(|event| event.seq);
    match *tail {
        _ if done.is_busy => Ok(()),
        Some(told) if first == Some(told + 1) => {
            reactions.observers.iter().for_each(|observer| observer.observe(&done.numbered));
            *tail = Some(done.end);
            Ok(())
        }
        Some(told) if told >= done.end => Ok(()),
        Some(_) => read_on(service, reactions, tail),
        None => {
            reactions.observers.iter().for_each(|observer| observer.reset());
            *tail = Some(done.end);
            Ok(())
        }
    }
}

/// Tells the observers of what other instances numbered.
fn read_on(service: &Service, reactions: &Reactions, tail: &mut Option<i64>) -> db::Result<()> {
    let Some(told) = *tail else { return Ok(()) };
    let mut told = told;
    loop {
        let events = service.db.peek_blocking(|conn| store::after(conn, told, BATCH))?;
        let Some(last) = events.last().and_then(|event| event.seq) else { return Ok(()) };
        reactions.observers.iter().for_each(|observer| observer.observe(&events));
        told = last;
        *tail = Some(told);
    }
}
