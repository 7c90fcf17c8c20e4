//! Reactions: what follows from events, exactly once.
//!
//! A round numbers the waiting events and lets every reaction read them, in one transaction that also moves
//! the reactions' cursors: so each effect happens exactly once, and a sign-up costs a share of a round. If
//! anything in it fails, nothing of it happened, and the round is done again carefully: each reaction has a
//! savepoint then, and one that fails goes on event by event. An event at which a reaction fails again and
//! again is parked with its error for the operator, and the reaction goes on. What is the database's fault is
//! not counted: a full disk must not cost a practice its notices.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::store::{self, Event, Parked};
use super::{BATCH, sequencer};
use crate::kit::{EventId, Timestamp};
use crate::platform::db::Fault;
use crate::platform::signal::Wake;
use crate::platform::{Service, Tx, db};

/// ASCII "EventLog": one round at a time, over all instances.
const LOCK: i64 = 0x4576_656e_744c_6f67;
/// The name under which `reaction_cursors` says how far the log is numbered.
const SEQUENCE: &str = "sequence";
/// After this many failures at an event that are its own fault, a reaction goes on without it.
const MOST_FAILURES: i32 = 3;
/// The same where nobody can tell whose fault it is, counted once a second: a minute.
const MOST_UNCLEAR: i32 = 60;
const UNCLEAR_PAUSE: Duration = Duration::from_millis(900);

/// What follows from events, in the database: done once for each event, by whichever instance reads it.
pub trait Reaction: Send + Sync {
    /// The name of its cursor; never changed, or the reaction would begin at the end of the log.
    fn name(&self) -> &'static str;

    /// Whether events of this kind concern it.
    fn wants(&self, kind: &str) -> bool;

    /// Does what follows from `events`, which are in order and not empty. An event is a few milliseconds old
    /// as a rule, and older after an outage: what depends on the moment takes it from the event.
    fn react(&self, tx: &mut Tx, events: &[Event]) -> db::Result<()>;
}

/// What follows from events in the memory of each instance. It misses none, and may be told twice.
pub trait Observer: Send + Sync {
    /// Hears of events, in order.
    fn observe(&self, events: &[Event]);

    /// Hears that it may have missed events, because the instance has just begun to follow the log.
    fn reset(&self);
}

/// Everybody who hears of events.
#[derive(Default, Clone)]
pub struct Reactions {
    pub reactions: Arc<Vec<Box<dyn Reaction>>>,
    pub observers: Arc<Vec<Arc<dyn Observer>>>,
}

impl Reactions {
    pub fn new(reactions: Vec<Box<dyn Reaction>>, observers: Vec<Arc<dyn Observer>>) -> Self {
        Self { reactions: Arc::new(reactions), observers: Arc::new(observers) }
    }

    /// The names of the cursors that rounds of this release move.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.reactions.iter().map(|reaction| reaction.name()).chain([SEQUENCE]).collect()
    }
}

/// What a round found.
#[derive(Debug, Default, Clone)]
pub struct Round {
    /// Whether another instance is at it.
    pub is_busy: bool,
    /// The highest number.
    pub end: i64,
    /// The events that it numbered.
    pub numbered: Vec<Event>,
    /// Whether there is more to do at once.
    pub has_more: bool,
    /// Whether a reaction failed and will be tried again.
    pub has_failed: bool,
}

/// Numbers a batch of waiting events and lets the reactions read what they have not read yet.
/// `is_careful` is for the round after one that failed.
pub fn round(service: &Service, reactions: &Reactions, is_careful: bool) -> db::Result<Round> {
    match service.write_blocking(|tx| attempt(tx, reactions, is_careful)) {
        Err(error) if !is_careful => {
            tracing::warn!(%error, "a round of the event log failed and is done again, reaction by reaction");
            service.write_blocking(|tx| attempt(tx, reactions, true))
        }
        done => done,
    }
}

fn attempt(tx: &mut Tx, reactions: &Reactions, is_careful: bool) -> db::Result<Round> {
    if !tx.conn.try_lock(LOCK)? {
        return Ok(Round { is_busy: true, ..Round::default() });
    }
    // One table that is locked must not stop the numbering for everybody.
    tx.conn.limit_lock_waits()?;
    let cursors = store::cursors(tx.conn)?;
    let head = cursors.get(SEQUENCE).copied().unwrap_or_default();
    let numbered = sequencer::number(tx, head, BATCH)?;
    let end = numbered.last().and_then(|event| event.seq).unwrap_or(head);
    let mut round = Round { end, has_more: is_full(&numbered), numbered, ..Round::default() };
    let mut moved = if end == head { Vec::new() } else { vec![(SEQUENCE, end)] };
    for reaction in reactions.reactions.iter() {
        let name = reaction.name();
        // A reaction that is new in this release begins with what happens from now on.
        let cursor = cursors.get(name).copied();
        let from = cursor.unwrap_or(head);
        let reached = follow(tx, &**reaction, (from, end), &round.numbered, is_careful)?;
        if cursor != Some(reached) {
            moved.push((name, reached));
        }
        if is_careful && reached == end {
            store::forget_failures(tx.conn, name)?;
        }
        // Stopped at its first event: it waits before the next attempt.
        round.has_failed |= reached < end && reached == from;
        round.has_more |= reached < end && reached > from;
    }
    store::move_cursors(tx.conn, &moved)?;
    if end != head {
        tx.conn.notify(Wake::Events)?;
    }
    Ok(round)
}

/// Lets a reaction read what comes after its cursor; returns how far it came.
fn follow(
    tx: &mut Tx,
    reaction: &dyn Reaction,
    (cursor, end): (i64, i64),
    numbered: &[Event],
    is_careful: bool,
) -> db::Result<i64> {
    if cursor == end {
        return Ok(cursor);
    }
    if numbered.first().and_then(|event| event.seq) == Some(cursor + 1) {
        return read(tx, reaction, numbered, cursor, is_careful);
    }
    let older = store::after(tx.conn, cursor, BATCH)?;
    read(tx, reaction, &older, cursor, is_careful)
}

fn is_full(events: &[Event]) -> bool {
    i64::try_from(events.len()).is_ok_and(|count| count >= BATCH)
}

/// Lets a reaction read `events`, which come after `cursor`; returns how far it came.
fn read(
    tx: &mut Tx,
    reaction: &dyn Reaction,
    events: &[Event],
    cursor: i64,
    is_careful: bool,
) -> db::Result<i64> {
    let last = events.last().and_then(|event| event.seq).unwrap_or(cursor);
    let wanted: Vec<Event> = events.iter().filter(|event| reaction.wants(&event.kind)).cloned().collect();
    if wanted.is_empty() {
        return Ok(last);
    }
    if !is_careful {
        react(tx, reaction, &wanted)?;
        return Ok(last);
    }
    if tx.savepoint(|tx| react(tx, reaction, &wanted))?.is_some() {
        return Ok(last);
    }
    let mut reached = cursor;
    for event in wanted {
        let seq = event.seq.unwrap_or_default();
        if !try_one(tx, reaction, &event)? {
            // The events before it are done.
            return Ok((seq - 1).max(reached));
        }
        reached = seq;
    }
    Ok(last)
}

/// A reaction that panics has failed, and must not end the thread of all others.
fn react(tx: &mut Tx, reaction: &dyn Reaction, events: &[Event]) -> db::Result<()> {
    catch_unwind(AssertUnwindSafe(|| reaction.react(tx, events))).unwrap_or(Err(db::Error::Panicked))
}

/// Lets a reaction read one event; `false` if it failed and is to be tried again.
fn try_one(tx: &mut Tx, reaction: &dyn Reaction, event: &Event) -> db::Result<bool> {
    let (mut error, mut most) = (String::new(), None);
    let done = tx.savepoint(|tx| {
        react(tx, reaction, std::slice::from_ref(event))
            .inspect_err(|why| (error, most) = (why.to_string(), most_failures(why)))
    })?;
    let (name, now) = (reaction.name(), tx.now);
    if done.is_some() {
        store::unpark(tx.conn, name, &event.id)?;
        return Ok(true);
    }
    let Some(most) = most else {
        tracing::warn!(
            reaction = name,
            event = event.id.as_str(),
            error,
            "a reaction waits for the database"
        );
        return Ok(false);
    };
    // Several instances try, and a minute is a minute.
    let is_fresh = |at: Timestamp| at > now - UNCLEAR_PAUSE;
    if most == MOST_UNCLEAR && store::failed_at(tx.conn, (name, &event.id))?.is_some_and(is_fresh) {
        return Ok(false);
    }
    if store::count_failure(tx.conn, (name, &event.id), &error, now)? < most {
        return Ok(false);
    }
    store::park(tx.conn, (name, &event.id), now)?;
    metrics::counter!("events_parked_total", "reaction" => name).increment(1);
    tracing::error!(reaction = name, event = event.id.as_str(), error, "an event was parked");
    Ok(true)
}

/// How often an event may fail with this error before it is parked; `None` if that is the database's fault.
fn most_failures(error: &db::Error) -> Option<i32> {
    match error.fault() {
        Fault::Callers => Some(MOST_FAILURES),
        Fault::Unclear => Some(MOST_UNCLEAR),
        Fault::Databases => None,
    }
}

/// How far the log is numbered.
pub(super) fn sequence(tx: &mut Tx) -> db::Result<i64> {
    Ok(store::cursors(tx.conn)?.get(SEQUENCE).copied().unwrap_or_default())
}

/// The events that reactions failed at.
pub fn parked(tx: &mut Tx) -> db::Result<Vec<Parked>> {
    store::parked(tx.conn)
}

/// Lets a reaction read a parked event again; `false` if it is not parked, or no such reaction exists.
pub fn retry(tx: &mut Tx, reactions: &Reactions, reaction: &str, id: &EventId) -> db::Result<bool> {
    let named = reactions.reactions.iter().find(|known| known.name() == reaction);
    let Some(named) = named else { return Ok(false) };
    if store::take_parked(tx.conn, reaction, id)? == 0 {
        return Ok(false);
    }
    let events = store::find(tx.conn, std::slice::from_ref(id))?;
    react(tx, &**named, &events)?;
    Ok(true)
}

/// How far a reaction is behind: in events, and since when the first of them waits.
pub struct Lag {
    pub reaction: String,
    pub events: i64,
    pub since: Option<Timestamp>,
}

/// How far each reaction is behind; the events that wait for their number count too.
pub fn lag(tx: &mut Tx) -> db::Result<Vec<Lag>> {
    let cursors = store::cursors(tx.conn)?;
    let head = cursors.get(SEQUENCE).copied().unwrap_or_default();
    let waiting = store::unnumbered(tx.conn)?;
    let oldest = if waiting > 0 { store::oldest_unnumbered(tx.conn)? } else { None };
    let mut lags = Vec::new();
    for (reaction, seq) in cursors.into_iter().filter(|(name, _)| name != SEQUENCE) {
        let since = if seq < head { store::moment_after(tx.conn, seq)? } else { oldest };
        lags.push(Lag { reaction, events: head - seq + waiting, since });
    }
    lags.sort_by(|a, b| a.reaction.cmp(&b.reaction));
    Ok(lags)
}
