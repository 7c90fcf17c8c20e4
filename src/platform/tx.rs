//! What a handler holds ([`Service`]) and what a rule is given ([`Tx`], one per unit of work).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use diesel::query_builder::QueryFragment;
use serde_json::Value;

use super::db::{self, Conn, Db, Inserts, MultiBackend};
use super::event_log::{self, Actor, Event, LogKind};
use super::keys::Keys;
use super::rate_limits::{self, Done, Leases, Spending};
use super::row_cache::RowCache;
use super::settings::Settings;
use super::signal::Signals;
use crate::kit::{Clock, Entropy, Id, PracticeId, Secret, Timestamp};

/// What all requests and background threads share.
#[derive(Clone)]
pub struct Service {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Signing keys and code secrets.
    pub keys: Arc<Keys>,
    pub settings: Arc<Settings>,
    pub signals: Arc<Signals>,
    /// Units of rate limits that this instance hands out.
    pub leases: Arc<Leases>,
    /// Rows that many requests read and few change.
    pub rows: Arc<RowCache>,
}

/// A unit of work: the connection inside its transaction, the moment, settings, keys, entropy, and what it
/// leaves to be done with the commit.
pub struct Tx<'a> {
    pub conn: &'a mut Conn,
    /// The moment of this unit of work; everything in it sees the same one.
    pub now: Timestamp,
    /// Signing keys and code secrets.
    pub keys: &'a Keys,
    pub settings: &'a Settings,
    /// What it counts in rate limits that are leased.
    pub spending: Spending,
    /// Rows that many requests read and few change.
    pub rows: &'a RowCache,
    /// The number of invalidations when this unit of work began: a row that it reads may be as old as that.
    generation: u64,
    only_reads: bool,
    entropy: &'a dyn Entropy,
    /// Events for the event log, which are inserted as the last thing before the commit.
    events: Vec<Event>,
    /// Rows that are inserted together with them.
    later: Inserts<'static>,
    after: AfterCommit,
}

/// Which signals the commit is followed by.
#[derive(Clone, Copy, Default)]
struct AfterCommit {
    outbox: bool,
    event_log: bool,
    landing: bool,
}

impl<'a> Tx<'a> {
    fn reading(service: &'a Service, conn: &'a mut Conn) -> Self {
        Self { only_reads: true, ..Self::new(service, conn) }
    }

    fn new(service: &'a Service, conn: &'a mut Conn) -> Self {
        Self {
            only_reads: false,
            conn,
            now: service.clock.now(),
            keys: &service.keys,
            settings: &service.settings,
            spending: Spending::new(&service.leases),
            rows: &service.rows,
            generation: service.signals.landing.count(),
            entropy: &*service.entropy,
            events: Vec::new(),
            later: Inserts::new(),
            after: AfterCommit::default(),
        }
    }

    /// A fresh id that sorts by the moment of this unit of work.
    pub fn id<T: Id>(&self) -> T {
        T::generate(self.now, self.entropy)
    }

    /// A fresh secret with `prefix`.
    pub fn secret(&self, prefix: &str) -> Secret {
        Secret::generate(prefix, self.entropy)
    }

    /// Fresh random bytes, from the operating system or a test's seed.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        random(self.entropy)
    }

    /// The source of randomness itself, for `kit`.
    pub fn entropy(&self) -> &'a dyn Entropy {
        self.entropy
    }

    /// Emits an event with the commit. `subject` is the id of the object, and `detail` holds further ids and
    /// enumerated values; a patient's name, number, address or text must be in neither. What else an event
    /// can say is said to the result: [`Event::in_conversation`], [`Event::visible_to`].
    #[expect(clippy::needless_pass_by_value, reason = "`json!` makes a new value at each place of use")]
    pub fn emit(
        &mut self,
        practice_id: Option<&PracticeId>,
        actor: impl Into<Actor>,
        kind: impl LogKind,
        subject: impl AsRef<str>,
        detail: Value,
    ) -> &mut Event {
        self.after.event_log |= kind.is_urgent();
        let event = Event::new(kind.text(), &actor.into(), subject.as_ref(), &detail, self.now);
        self.events.push_mut(Event { practice_id: practice_id.cloned(), ..event })
    }

    /// Inserts rows together with others at the end of this unit of work: on PostgreSQL that is one round
    /// trip for all of them. No statement before that sees them. A row comes after those that it refers to.
    pub fn insert_later(&mut self, statement: impl QueryFragment<MultiBackend> + 'static) {
        self.later.push(statement);
    }

    /// Inserts now what waits for the end of this unit of work.
    pub fn flush(&mut self) -> db::Result<()> {
        std::mem::take(&mut self.later).execute(self.conn)
    }

    /// Keeps a row that this unit of work has read for others. Only reads fill the cache: what a write sees
    /// can be undone, by its own failure or by that of the commit which it shares.
    pub fn cache<T: Clone + Send + Sync + 'static>(&self, key: &str, row: &T) {
        if self.only_reads {
            self.rows.insert(key, row, self.generation);
        }
    }

    /// Wakes the outbox after the commit: there is a message to send.
    pub fn wake_outbox(&mut self) {
        self.after.outbox = true;
    }

    /// Has landing pages drawn anew after the commit.
    pub fn invalidate_landing_pages(&mut self) {
        self.after.landing = true;
    }

    /// Runs a part of the transaction that fails by itself: `None` where a statement failed. What the part
    /// did is undone then, and what was done before it stays. After an error the transaction is lost.
    pub fn savepoint<T>(&mut self, part: impl FnOnce(&mut Self) -> db::Result<T>) -> db::Result<Option<T>> {
        self.flush()?;
        self.conn.save()?;
        let (emitted, after, spent) = (self.events.len(), self.after, self.spending.mark());
        let done = part(self).and_then(|value| self.flush().map(|()| value));
        match done {
            Ok(value) => {
                self.conn.commit()?;
                Ok(Some(value))
            }
            Err(error) => {
                tracing::warn!(%error, "a part of a transaction was undone");
                self.events.truncate(emitted);
                drop(std::mem::take(&mut self.later));
                self.after = after;
                self.spending.undo_to(spent);
                self.conn.rollback()?;
                Ok(None)
            }
        }
    }

    /// Runs `rule` and writes what it left for the commit.
    fn run<T, E: From<db::Error>>(
        mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<(T, AfterCommit, Done), E> {
        let value = rule(&mut self)?;
        if !self.events.is_empty() {
            let ids = self.events.iter().map(|_| self.id()).collect();
            self.later.push(event_log::insertion(self.events, ids));
        }
        self.later.execute(self.conn)?;
        Ok((value, self.after, self.spending.finish()))
    }
}

impl Service {
    /// The moment, by the service's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh id, outside of a unit of work.
    pub fn id<T: Id>(&self) -> T {
        T::generate(self.now(), &*self.entropy)
    }

    /// Fresh random bytes, outside of a unit of work.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        random(&*self.entropy)
    }

    /// Runs a rule that changes something, in one transaction: an `Ok` commits, an `Err` rolls back.
    pub async fn write<T, E, F>(&self, rule: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<db::Error> + Send + 'static,
    {
        let (this, service) = (self.clone(), self.clone());
        let written = async move {
            match this.db.write(move |conn| Tx::new(&service, conn).run(rule)).await {
                Ok((value, after, spent)) => {
                    this.committed(after, spent);
                    Ok(value)
                }
                Err(error) => {
                    this.mend().await;
                    Err(error)
                }
            }
        };
        // A task of its own: a client that hangs up drops its handler, and what was committed by then must be
        // signaled all the same, or a text would wait for somebody to look.
        tokio::spawn(written).await.unwrap_or_else(|_| Err(db::Error::Panicked.into()))
    }

    /// Rewrites rows in which a refused unit of work found hits of a clock that was ahead: its own
    /// transaction was rolled back.
    async fn mend(&self) {
        if self.leases.has_ahead() {
            let this = self.clone();
            let mended = self.db.write(move |conn| Tx::new(&this, conn).run(rate_limits::mend)).await;
            if let Err(error) = mended {
                tracing::warn!(%error, "rows of a clock that was ahead are not mended");
            }
        }
    }

    /// Runs a rule that only reads.
    pub async fn read<T, E, F>(&self, rule: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<db::Error> + Send + 'static,
    {
        let this = self.clone();
        self.db.read(move |conn| rule(&mut Tx::reading(&this, conn))).await
    }

    /// [`Service::write`] for background threads and the command line.
    pub fn write_blocking<T, E: From<db::Error>>(
        &self,
        rule: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (value, after, spent) = self.db.write_blocking(|conn| Tx::new(self, conn).run(rule))?;
        self.committed(after, spent);
        Ok(value)
    }

    /// [`Service::read`] for background threads and the command line.
    pub fn read_blocking<T, E: From<db::Error>>(
        &self,
        rule: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.read_blocking(|conn| rule(&mut Tx::reading(self, conn)))
    }

    fn committed(&self, after: AfterCommit, spent: Done) {
        spent.committed();
        if after.outbox {
            self.signals.outbox.notify();
        }
        if after.landing {
            self.signals.landing.notify();
        }
        if after.event_log {
            self.signals.has_new_events.store(true, Ordering::SeqCst);
            self.signals.event_log.notify();
        }
    }
}

fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
