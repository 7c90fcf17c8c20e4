//! The thread that numbers events committed by this instance, and wakes the event streams when this or
//! another instance has numbered some.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Audience, EventHub, number, store};
use crate::kit::{AccountId, PracticeId};
use crate::platform::signal::Signals;
use crate::platform::{Service, db};

/// How often to look for events that were committed but not numbered (the instance died, or it was a
/// command), and for missed notifications.
const FALLBACK: Duration = Duration::from_secs(1);
/// Pause between two rounds, so that a busy hour is numbered in batches instead of row by row.
const PAUSE: Duration = Duration::from_millis(20);

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
        self.signals.event_stream.notify();
        self.thread
    }
}

/// Feeds the event streams of this instance until the handle is stopped.
pub fn spawn(service: Service, hub: Arc<EventHub>) -> std::io::Result<Feed> {
    let (stop, signals) = (Arc::new(AtomicBool::new(false)), Arc::clone(&service.signals));
    let stopped = Arc::clone(&stop);
    let thread = thread::Builder::new().name("live".into()).spawn(move || run(&service, &hub, &stopped))?;
    Ok(Feed { stop, signals, thread })
}

fn run(service: &Service, hub: &EventHub, stopped: &AtomicBool) {
    let (mut count, mut last_seen) = (0, None);
    while !stopped.load(Ordering::SeqCst) {
        count = service.signals.event_stream.wait(count, FALLBACK);
        if let Err(error) = round(service, hub, &mut last_seen) {
            tracing::warn!(%error, "the event stream is delayed");
        }
        thread::sleep(PAUSE);
    }
}

/// Numbers waiting events, and wakes the streams that events since the number `last_seen` concern. It looks
/// before it numbers: the signal may be of another instance, which has numbered already.
fn round(service: &Service, hub: &EventHub, last_seen: &mut Option<i64>) -> db::Result<()> {
    if service.read_blocking(|tx| store::is_any_waiting(tx.conn))? {
        while !service.write_blocking(number)? {
            thread::sleep(PAUSE);
        }
    }
    let seen = *last_seen;
    let (head, concerned) = service.read_blocking(|tx| {
        let head = store::head(tx.conn)?;
        // Before the first round it is unknown what the open streams have read: they check for themselves.
        let is_new = seen.is_none_or(|seen| head > seen);
        let concerned =
            if is_new { store::concerned(tx.conn, seen.unwrap_or(head - 1))? } else { Vec::new() };
        Ok::<_, db::Error>((head, concerned))
    })?;
    *last_seen = Some(head);
    if !concerned.is_empty() {
        hub.wake(audiences(concerned));
    }
    Ok(())
}

fn audiences(concerned: Vec<(PracticeId, Option<AccountId>)>) -> HashSet<Audience> {
    let both = |(practice, account): (PracticeId, Option<AccountId>)| {
        std::iter::once(Audience::Practice(practice)).chain(account.map(Audience::Account))
    };
    concerned.into_iter().flat_map(both).collect()
}
