//! Writes counts from memory to events, and rolls events up into counters.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::backlog::Batch;
use super::page_views::{Key, PageViews, PendingCounts};
use super::store::{self, ClaimedEvent, Event};
use super::{MOST_CHANNELS, OTHER, Step};
use crate::kit::{BatchId, FunnelEventId, LinkId, Timestamp, secret};
use crate::platform::{Service, Tx, db};

/// Interval between writes. Counts in memory are at most this old; with the roll-up that stays well within
/// the minute that the funnel promises.
const PAUSE: Duration = Duration::from_secs(10);
/// How many events are written or rolled up in one transaction.
const BATCH: usize = 500;
/// Limit on batches in the backlog.
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
    /// Tells the thread to write what is waiting, and to end. Call it when no request runs any more.
    pub fn request_stop(self) -> JoinHandle<()> {
        drop(self.stop);
        self.thread
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

/// Writes what waits in memory, and rolls up every event that is not in a counter yet.
pub fn flush(service: &Service, page_views: &PageViews) -> db::Result<()> {
    // Held for the whole flush: two concurrent flushes would write the same batches.
    let mut backlog = page_views.backlog().lock();
    // Counts that cannot be written stay in `page_views`, which sums them and is bounded.
    if backlog.len() < MOST_BATCHES {
        let events = events(service, page_views.drain());
        backlog.extend(events.chunks(BATCH).map(|events| Batch { events: events.to_vec(), refused: 0 }));
    }
    let written = write(service, &mut backlog);
    if written.as_ref().is_err_and(|error| !is_refusal(error)) {
        return written;
    }
    while service.write_blocking(roll)? == BATCH {}
    written
}

/// Tries each batch once. A batch that the database refuses moves behind the others; if there is no
/// database at all, the rest is not tried.
fn write(service: &Service, backlog: &mut VecDeque<Batch>) -> db::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..backlog.len() {
        let Some(mut batch) = backlog.pop_front() else { break };
        let Err(error) = service.write_blocking(|tx| store::insert(tx.conn, &batch.events)) else { continue };
        if !is_refusal(&error) {
            backlog.push_front(batch);
            return Err(error);
        }
        batch.refused += 1;
        if batch.refused < TRIES {
            backlog.push_back(batch);
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

fn events(service: &Service, pending: PendingCounts) -> Vec<Event> {
    let sums = pending.sums.into_iter().map(|(key, count)| (service.id::<FunnelEventId>(), key, count));
    let visits = pending.visits.into_iter().map(|(key, visit)| {
        let name = format!("{visit}:{}", key.step.as_str());
        (FunnelEventId::from(format!("fun_{}", secret::sha256(name.as_bytes()))), key, 1)
    });
    let event = |(id, key, count): (FunnelEventId, Key, i64)| Event {
        id,
        link_id: key.link_id,
        step: key.step,
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
    let sums = sums(tx, &claimed)?;
    let [random] = tx.random::<1>();
    let slot = i32::from(random % SLOTS);
    let mut known = HashMap::new();
    // Same order everywhere, so that two instances that meet in a slot wait and never deadlock.
    let mut counters = BTreeMap::<(&LinkId, &str, Step, &str), i64>::new();
    for ((link_id, day, step, channel), count) in &sums {
        let channel = counted_channel(tx, &mut known, (link_id, day), channel)?;
        *counters.entry((link_id, day, *step, channel)).or_default() += count;
    }
    for ((link_id, day, step, channel), count) in counters {
        store::add(tx.conn, link_id, day, (step, channel), slot, count)?;
    }
    Ok(claimed.len())
}

/// Sums of the events, by link, day of its practice, step and channel.
type Sums = HashMap<(LinkId, String, Step, String), i64>;

fn sums(tx: &mut Tx, events: &[ClaimedEvent]) -> db::Result<Sums> {
    let zones = store::zones(tx.conn, events)?;
    let mut sums = Sums::new();
    for event in events {
        let day = day(event.at, zones.get(&event.link_id).map_or("UTC", String::as_str));
        let key = (event.link_id.clone(), day, event.step, event.channel.clone());
        *sums.entry(key).or_default() += event.count;
    }
    Ok(sums)
}

/// Channels that the counters contain, per link and day.
type Known<'a> = HashMap<(&'a LinkId, &'a str), HashSet<String>>;

/// Returns the channel under which a count is kept. Each instance limits its channels before it writes;
/// here the limit holds over all instances, except for channels that two of them add at the same moment.
fn counted_channel<'a>(
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
