//! From memory to events, and from events to counters.

use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::store::{self, Event};
use super::tally::Drained;
use crate::app::{App, Ctx};
use crate::db::{self, Conn};
use crate::kit::{Timestamp, secret};

/// Counts are at most this old, and the roll after them, well within the minute that the funnel promises.
const PAUSE: Duration = Duration::from_secs(10);
/// How many events are written or rolled up in one transaction.
const BATCH: usize = 500;
/// Counters of one kind are spread over this many rows, so that instances do not wait for each other.
const SLOTS: u8 = 16;

/// A running writer.
pub struct Writer {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Writes what waits and ends the thread. To be called when no request runs any more.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Writes every ten seconds until the handle is stopped, and once more then.
pub fn spawn(app: App) -> std::io::Result<Writer> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("funnel".into()).spawn(move || {
        let mut goes_on = true;
        while goes_on {
            goes_on = stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
            if let Err(error) = flush(&app) {
                metrics::counter!("funnel_flush_failures_total").increment(1);
                tracing::warn!(%error, "the funnel was not written; it waits");
            }
        }
    })?;
    Ok(Writer { stop, thread })
}

/// Batches that were drained and are not known to be written. A failed commit may have happened or not, so a
/// batch keeps its events' ids until one try succeeds: written twice, they count once.
#[derive(Default)]
pub(super) struct Unwritten(Mutex<Vec<Vec<Event>>>);

/// Writes what waits in memory, and rolls up every event that is in no counter yet.
pub fn flush(app: &App) -> db::Result<()> {
    // Held for the whole flush: two at once would write the same batches.
    let mut unwritten = app.tally.unwritten().0.lock().unwrap_or_else(PoisonError::into_inner);
    let events = events(&app.ctx(), app.tally.drain());
    unwritten.extend(events.chunks(BATCH).map(<[Event]>::to_vec));
    while let Some(batch) = unwritten.first() {
        app.write_blocking(|_, conn| store::insert(conn, batch))?;
        unwritten.remove(0);
    }
    while app.write_blocking(roll)? == BATCH {}
    Ok(())
}

fn events(ctx: &Ctx, drained: Drained) -> Vec<Event> {
    let sums = drained.sums.into_iter().map(|(key, count)| (ctx.id("fun"), key, count));
    let visits = drained.visits.into_iter().map(|(key, visit)| {
        let name = format!("{visit}:{}", key.step.as_str());
        (format!("fun_{}", secret::sha256(name.as_bytes())), key, 1)
    });
    let event = |(id, key, count): (String, super::tally::Key, i64)| Event {
        id,
        link_id: key.link_id,
        step: key.step.as_str(),
        channel: key.channel,
        count,
        at: Timestamp::from_millis(key.quarter),
    };
    sums.chain(visits).map(event).collect()
}

/// Adds up to a batch of open events to the counters, in one transaction with their mark.
fn roll(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    let batch = ctx.id("bat");
    let claimed = store::claim(conn, &batch, i64::try_from(BATCH).unwrap_or(i64::MAX))?;
    let zones = store::zones(conn, &claimed)?;
    let mut sums: HashMap<(String, String, String, String), i64> = HashMap::new();
    for event in &claimed {
        let day = day(event.at, zones.get(&event.link_id).map_or("UTC", String::as_str));
        let key = (event.link_id.clone(), day, event.step.clone(), event.channel.clone());
        *sums.entry(key).or_default() += event.count;
    }
    let [dice] = ctx.random::<1>();
    // One order everywhere, so that two instances that meet in a slot wait and never deadlock.
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort();
    for ((link_id, day, step, channel), count) in &sums {
        store::add(conn, link_id, day, (step, channel), i32::from(dice % SLOTS), *count)?;
    }
    Ok(claimed.len())
}

/// The practice's own day of a moment, ISO 8601; UTC's where the zone is unknown.
fn day(at: Timestamp, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_jiff().to_zoned(zone).date().to_string()
}
