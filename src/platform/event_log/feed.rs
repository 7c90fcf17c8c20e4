//! The thread that numbers events, runs the reactions and tells the observers of this instance.
//!
//! A commit that emitted an event wakes it. It looks on its own every five seconds, for events of an
//! instance that died. Instances tell each other of numbered events by NOTIFY, in the transaction
//! of the round: NOTIFY takes a lock over the whole database at commit, which sign-ups should not wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::reaction::{Reactions, Round, round};
use super::{BATCH, store};
use crate::platform::signal::Signals;
use crate::platform::{Service, db};

/// How often to look without being woken.
const FALLBACK: Duration = Duration::from_secs(5);
/// Pause after a round, so that a busy hour is numbered in batches instead of event by event.
const PAUSE: Duration = Duration::from_millis(10);
/// Pause before a reaction that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Handle of the running thread.
pub struct Feed {
    stop: Arc<AtomicBool>,
    signals: Arc<Signals>,
    thread: JoinHandle<()>,
}

impl Feed {
    /// Tells the thread to end after its current round. Does not wait.
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

fn run(service: &Service, reactions: &Reactions, stopped: &AtomicBool) {
    let mut tail = None;
    let (mut seen, mut is_due) = (0, true);
    while !stopped.load(Ordering::SeqCst) {
        let is_own = service.signals.has_new_events.swap(false, Ordering::SeqCst);
        match catch_up(service, reactions, is_own || is_due, &mut tail) {
            Ok(()) => is_due = false,
            Err(error) => {
                tracing::warn!(%error, "the event log is delayed");
                is_due = true;
                thread::sleep(RETRY);
            }
        }
        thread::sleep(PAUSE);
        seen = service.signals.event_log.wait(seen, FALLBACK);
    }
}

/// Runs rounds until every event has its number and every reaction has read it.
pub fn settle(service: &Service, reactions: &Reactions) -> db::Result<()> {
    let mut goes_on = false;
    while goes_on || service.read_blocking(|tx| store::is_any_unread(tx.conn, &reactions.names()))? {
        (_, goes_on) = advance(service, reactions)?;
    }
    Ok(())
}

/// Runs a round, and waits if the next one must not follow at once. Says whether there has to be a next one.
fn advance(service: &Service, reactions: &Reactions) -> db::Result<(Round, bool)> {
    let done = round(service, reactions)?;
    if done.is_busy || done.has_failed {
        thread::sleep(if done.is_busy { PAUSE } else { RETRY });
    }
    let goes_on = done.has_more || done.is_busy || done.has_failed;
    Ok((done, goes_on))
}

/// Runs rounds until nothing is left, and tells the observers. `tail` is the number up to which they were
/// told.
fn catch_up(
    service: &Service,
    reactions: &Reactions,
    is_own: bool,
    tail: &mut Option<i64>,
) -> db::Result<()> {
    // Also what an instance left that died between two attempts of a reaction.
    let mut goes_on =
        is_own || service.db.peek_blocking(|conn| store::is_any_unread(conn, &reactions.names()))?;
    if !goes_on {
        return read_on(service, reactions, tail);
    }
    while goes_on {
        let done;
        (done, goes_on) = advance(service, reactions)?;
        tell(service, reactions, &done, tail)?;
    }
    Ok(())
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
