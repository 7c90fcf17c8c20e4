//! From memory to events, and from events to counters.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::store::{self, Event};
use super::tally::Drained;
use super::{MOST_CHANNELS, OTHER};
use crate::app::{App, Ctx};
use crate::db::{self, Conn};
use crate::kit::{Timestamp, secret};

/// Counts are at most this old, and the roll after them, well within the minute that the funnel promises.
const PAUSE: Duration = Duration::from_secs(10);
/// How many events are written or rolled up in one transaction.
const BATCH: usize = 500;
/// More batches than this do not wait outside of the tally.
const MOST_BATCHES: usize = 400;
/// A batch that the database refuses this often in a row (two minutes) is written event by event.
const TRIES: u32 = 12;
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

/// Events that were drained together and are not known to be written. A failed commit may have happened or not,
/// so they keep their ids until one try succeeds: written twice, they count once.
struct Batch {
    events: Vec<Event>,
    refused: u32,
}

/// Everything that was drained and is not known to be written.
#[derive(Default)]
pub(super) struct Unwritten(Mutex<VecDeque<Batch>>);

impl Unwritten {
    /// How many events they are.
    pub fn events(&self) -> usize {
        self.lock().iter().map(|batch| batch.events.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what waits in memory, and rolls up every event that is in no counter yet.
pub fn flush(app: &App) -> db::Result<()> {
    // Held for the whole flush: two at once would write the same batches.
    let mut unwritten = app.tally.unwritten().lock();
    // What cannot be written waits where it is added up, and where it has an end.
    if unwritten.len() < MOST_BATCHES {
        let events = events(&app.ctx(), app.tally.drain());
        unwritten.extend(events.chunks(BATCH).map(|events| Batch { events: events.to_vec(), refused: 0 }));
    }
    let written = write(app, &mut unwritten);
    if written.as_ref().is_err_and(|error| !is_refusal(error)) {
        return written;
    }
    while app.write_blocking(roll)? == BATCH {}
    written
}

/// One try for each batch. One that the database refuses waits behind the others; where there is no database at
/// all, nothing more is tried.
fn write(app: &App, unwritten: &mut VecDeque<Batch>) -> db::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..unwritten.len() {
        let Some(mut batch) = unwritten.pop_front() else { break };
        let Err(error) = app.write_blocking(|_, conn| store::insert(conn, &batch.events)) else { continue };
        if !is_refusal(&error) {
            unwritten.push_front(batch);
            return Err(error);
        }
        batch.refused += 1;
        if batch.refused < TRIES {
            unwritten.push_back(batch);
        } else {
            one_by_one(app, batch);
        }
        outcome = Err(error);
    }
    outcome
}

/// Whether the database answered, and with a no.
fn is_refusal(error: &db::Error) -> bool {
    matches!(error, db::Error::Statement(_))
}

/// The last try: what is refused alone too is given up, so that it holds nothing else back.
fn one_by_one(app: &App, batch: Batch) {
    for event in batch.events {
        let written = app.write_blocking(|_, conn| store::insert(conn, std::slice::from_ref(&event)));
        if written.is_err() {
            metrics::counter!("funnel_dropped_total").increment(event.count.unsigned_abs());
        }
    }
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
    let mut known = HashMap::new();
    // One order everywhere, so that two instances that meet in a slot wait and never deadlock.
    let mut told_sums = BTreeMap::<(&str, &str, &str, &str), i64>::new();
    for ((link_id, day, step, channel), count) in &sums {
        let channel = told(conn, &mut known, (link_id, day), channel)?;
        *told_sums.entry((link_id, day, step, channel)).or_default() += count;
    }
    for ((link_id, day, step, channel), count) in told_sums {
        store::add(conn, link_id, day, (step, channel), i32::from(dice % SLOTS), count)?;
    }
    Ok(claimed.len())
}

/// Channels of a link by day, as far as the counters have them.
type Known<'a> = HashMap<(&'a str, &'a str), HashSet<String>>;

/// The channel under which a count is kept. Each instance tells so many apart before it writes; here it is so
/// many in all, but for those that two instances add at the same moment.
fn told<'a>(
    conn: &mut Conn,
    known: &mut Known<'a>,
    (link_id, day): (&'a str, &'a str),
    channel: &'a str,
) -> db::Result<&'a str> {
    if channel.is_empty() || channel == OTHER {
        return Ok(channel);
    }
    let known = match known.entry((link_id, day)) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(store::channels(conn, link_id, day)?),
    };
    if known.contains(channel) {
        return Ok(channel);
    }
    let has_room = known.len() < MOST_CHANNELS;
    if has_room {
        known.insert(channel.to_owned());
    }
    Ok(if has_room { channel } else { OTHER })
}

/// The practice's own day of a moment, ISO 8601; UTC's where the zone is unknown.
fn day(at: Timestamp, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_jiff().to_zoned(zone).date().to_string()
}
