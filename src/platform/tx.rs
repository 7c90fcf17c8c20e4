//! What a handler holds ([`Service`]) and what a rule is given ([`Tx`], one per unit of work).

use std::sync::Arc;

use serde_json::Value;

use super::audit::{self, Action, Actor, Event};
use super::db::{self, Conn, Db};
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
    entropy: &'a dyn Entropy,
    /// Entries of the audit log, which are appended as the last thing before the commit.
    audit: Vec<Event>,
    after: AfterCommit,
}

/// Which signals the commit is followed by.
#[derive(Clone, Copy, Default)]
struct AfterCommit {
    outbox: bool,
    event_stream: bool,
    landing: bool,
}

impl<'a> Tx<'a> {
    fn new(service: &'a Service, conn: &'a mut Conn) -> Self {
        Self {
            conn,
            now: service.clock.now(),
            keys: &service.keys,
            settings: &service.settings,
            spending: Spending::new(&service.leases),
            rows: &service.rows,
            generation: service.signals.landing.count(),
            entropy: &*service.entropy,
            audit: Vec::new(),
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

    /// Appends an event to the audit log with the commit. `subject` is the id of the object, and `detail`
    /// holds further facts; names, phone numbers and addresses must be in neither.
    pub fn audit(
        &mut self,
        practice_id: Option<&PracticeId>,
        actor: impl Into<Actor>,
        action: Action,
        subject: impl AsRef<str>,
        detail: Value,
    ) {
        let (id, practice_id) = (self.id(), practice_id.cloned());
        let (actor, subject) = (actor.into(), subject.as_ref().to_owned());
        self.audit.push(Event { id, practice_id, actor, action, subject, detail });
    }

    /// Keeps a row that this unit of work has read for others, unless the unit may have changed it.
    pub fn cache<T: Clone + Send + Sync + 'static>(&self, key: &str, row: &T) {
        if !self.after.landing {
            self.rows.insert(key, row, self.generation);
        }
    }

    /// Wakes the outbox after the commit: there is a message to send.
    pub fn wake_outbox(&mut self) {
        self.after.outbox = true;
    }

    /// Wakes the event streams after the commit.
    pub fn wake_event_streams(&mut self) {
        self.after.event_stream = true;
    }

    /// Has landing pages drawn anew after the commit.
    pub fn invalidate_landing_pages(&mut self) {
        self.after.landing = true;
    }

    /// Runs a part of the transaction that fails by itself: `None` where a statement failed. What the part
    /// did is undone then, and what was done before it stays. After an error the transaction is lost.
    pub fn savepoint<T>(&mut self, part: impl FnOnce(&mut Self) -> db::Result<T>) -> db::Result<Option<T>> {
        self.conn.save()?;
        let (audited, after, spent) = (self.audit.len(), self.after, self.spending.mark());
        match part(self) {
            Ok(value) => {
                self.conn.commit()?;
                Ok(Some(value))
            }
            Err(error) => {
                tracing::warn!(%error, "a part of a transaction was undone");
                self.audit.truncate(audited);
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
        audit::append(self.conn, self.audit, self.now)?;
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
        let this = self.clone();
        let written = self.db.write(move |conn| Tx::new(&this, conn).run(rule)).await;
        let (value, after, spent) = match written {
            Ok(done) => done,
            Err(error) => {
                self.mend().await;
                return Err(error);
            }
        };
        self.committed(after, spent);
        Ok(value)
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
        self.db.read(move |conn| rule(&mut Tx::new(&this, conn))).await
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
        self.db.read_blocking(|conn| rule(&mut Tx::new(self, conn)))
    }

    fn committed(&self, after: AfterCommit, spent: Done) {
        spent.committed();
        if after.outbox {
            self.signals.outbox.notify();
        }
        if after.landing {
            self.signals.landing.notify();
        }
        if after.event_stream {
            self.signals.event_stream.notify();
        }
    }
}

fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
