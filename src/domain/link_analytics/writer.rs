//! Writes counts from memory to events, and rolls events up into counters.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::page_views::{Drained, PageViews};
use super::store::{self, Event};
use super::{MOST_CHANNELS, OTHER};
use crate::kit::ids::{BatchId, FunnelEventId, LinkId};
use crate::kit::{Timestamp, secret};
use crate::platform::db;
use crate::platform::tx::{Service, Tx};

/// Interval between writes. Counts in memory are at most this old; with the roll-up that stays well within
/// the minute that the funnel promises.
const PAUSE: Duration = Duration::from_secs(10);
/// How many events are written or rolled up in one transaction.
const BATCH: usize = 500;
/// Limit on batches that wait outside of the tally.
const MOST_BATCHES: usize = 400;
/// After this many consecutive database errors (two minutes), a batch is written event by event.
const TRIES: u32 = 12;
/// Counters of one kind are spread over this many rows, so that instances do not wait for each other.
const SLOTS: u8 = 16;

/// Handle of the running writer thread.
pub struct Writer {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Writes what is waiting and ends the thread. Call it when no request runs any more.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Starts a thread that writes every ten seconds until the handle is stopped, and once more then.
pub fn spawn(service: Service, page_views: Arc<PageViews>) -> std::io::Result<Writer> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("funnel".into()).spawn(move || {
        let mut goes_on = true;
        while goes_on {
            goes_on = stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
            if let Err(error) = flush(&service, &page_views) {
                metrics::counter!("funnel_flush_failures_total").increment(1);
                tracing::warn!(%error, "funnel counts not written, will retry");
            }
        }
    })?;
    Ok(Writer { stop, thread })
}

/// Events that were drained together and are not known to be written. A failed commit may still have
/// happened, so they keep their ids until one attempt succeeds: written twice, they count once.
struct Batch {
    events: Vec<Event>,
    refused: u32,
}

/// All batches that were drained and are not known to be written.
#[derive(Default)]
pub(super) struct Unwritten(Mutex<VecDeque<Batch>>);

impl Unwritten {
    pub fn events(&self) -> usize {
        self.lock().iter().map(|batch| batch.events.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what waits in memory, and rolls up every event that is not in a counter yet.
pub fn flush(service: &Service, page_views: &PageViews) -> db::Result<()> {
    // Held for the whole flush: two concurrent flushes would write the same batches.
    let mut unwritten = page_views.unwritten().lock();
    // Counts that cannot be written stay in the tally, which sums them and is bounded.
    if unwritten.len() < MOST_BATCHES {
        let events = events(service, page_views.drain());
        unwritten.extend(events.chunks(BATCH).map(|events| Batch { events: events.to_vec(), refused: 0 }));
    }
    let written = write(service, &mut unwritten);
    if written.as_ref().is_err_and(|error| !is_refusal(error)) {
        return written;
    }
    while service.write_blocking(roll)? == BATCH {}
    written
}

/// Tries each batch once. A batch that the database refuses moves behind the others; if there is no
/// database at all, the rest is not tried.
fn write(service: &Service, unwritten: &mut VecDeque<Batch>) -> db::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..unwritten.len() {
        let Some(mut batch) = unwritten.pop_front() else { break };
        let Err(error) = service.write_blocking(|tx| store::insert(tx.conn, &batch.events)) else { continue };
        if !is_refusal(&error) {
            unwritten.push_front(batch);
            return Err(error);
        }
        batch.refused += 1;
        if batch.refused < TRIES {
            unwritten.push_back(batch);
        } else {
            one_by_one(service, batch);
        }
        outcome = Err(error);
    }
    outcome
}

/// Returns true if the database answered with an error, as opposed to not answering.
fn is_refusal(error: &db::Error) -> bool {
    matches!(error, db::Error::Statement(_))
}

/// Last attempt: an event that is refused on its own is dropped, so that it does not block the others.
fn one_by_one(service: &Service, batch: Batch) {
    for event in batch.events {
        let written = service.write_blocking(|tx| store::insert(tx.conn, std::slice::from_ref(&event)));
        if written.is_err() {
            metrics::counter!("funnel_dropped_total").increment(event.count.unsigned_abs());
        }
    }
}

fn events(service: &Service, drained: Drained) -> Vec<Event> {
    let sums = drained.sums.into_iter().map(|(key, count)| (service.id::<FunnelEventId>(), key, count));
    let visits = drained.visits.into_iter().map(|(key, visit)| {
        let name = format!("{visit}:{}", key.step.as_str());
        (FunnelEventId::from(format!("fun_{}", secret::sha256(name.as_bytes()))), key, 1)
    });
    let event = |(id, key, count): (FunnelEventId, super::page_views::Key, i64)| Event {
        id,
        link_id: key.link_id,
        step: key.step.as_str(),
        channel: key.channel,
        count,
        at: Timestamp::from_millis(key.quarter),
    };
    sums.chain(visits).map(event).collect()
}

/// Adds up to one batch of open events to the counters, in the transaction that marks them.
fn roll(tx: &mut Tx) -> db::Result<usize> {
    let batch = tx.id::<BatchId>();
    let claimed = store::claim(tx.conn, &batch, i64::try_from(BATCH).unwrap_or(i64::MAX))?;
    let zones = store::zones(tx.conn, &claimed)?;
    let mut sums: HashMap<(LinkId, String, String, String), i64> = HashMap::new();
    for event in &claimed {
        let day = day(event.at, zones.get(&event.link_id).map_or("UTC", String::as_str));
        let key = (event.link_id.clone(), day, event.step.clone(), event.channel.clone());
        *sums.entry(key).or_default() += event.count;
    }
    let [dice] = tx.random::<1>();
    let mut known = HashMap::new();
    // Same order everywhere, so that two instances that meet in a slot wait and never deadlock.
    let mut told_sums = BTreeMap::<(&LinkId, &str, &str, &str), i64>::new();
    for ((link_id, day, step, channel), count) in &sums {
        let channel = told(tx, &mut known, (link_id, day), channel)?;
        *told_sums.entry((link_id, day, step, channel)).or_default() += count;
    }
    for ((link_id, day, step, channel), count) in told_sums {
        store::add(tx.conn, link_id, day, (step, channel), i32::from(dice % SLOTS), count)?;
    }
    Ok(claimed.len())
}

/// Channels that the counters contain, per link and day.
type Known<'a> = HashMap<(&'a LinkId, &'a str), HashSet<String>>;

/// Returns the channel under which a count is kept. Each instance limits its channels before it writes;
/// here the limit holds over all instances, except for channels that two of them add at the same moment.
fn told<'a>(
    tx: &mut Tx,
    known: &mut Known<'a>,
    (link_id, day): (&'a LinkId, &'a str),
    channel: &'a str,
) -> db::Result<&'a str> {
    if channel.is_empty() || channel == OTHER {
        return Ok(channel);
    }
    let known = match known.entry((link_id, day)) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(store::channels(tx.conn, link_id, day)?),
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

/// Returns the practice's local day of a moment (ISO 8601), or the UTC day if the zone is unknown.
fn day(at: Timestamp, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_jiff().to_zoned(zone).date().to_string()
}
