//! The database layer, and the only module that names a backend.
//!
//! A request reaches the database through one call of [`Db::write`] or [`Db::read`]: a closure that runs on
//! a blocking thread inside one transaction. It commits as a whole or not at all, even if the client is
//! gone: the future of a handler can be dropped, the closure cannot. A semaphore as wide as the pool comes
//! before the hop to that thread, so that waiting is bounded and honest (503), instead of a queue of
//! blocked threads. SQLite has one writer at a time, so its writers queue for one thread, which commits
//! those that wait together (`writer`): in order, and without polling the file.
//!
//! What must not change while a rule decides is locked by a store function called `lock` or `lock_…`:
//!
//! * a row: [`Locked`], or [`Shared`] where the transaction only reads it and must not keep others out;
//! * a row that may not exist yet, such as a counter: an upsert that changes nothing and returns the row;
//! * what has no row: [`Conn::try_lock`], which refuses instead of waiting;
//! * the next free row of a queue: [`SkipLocked`].
//!
//! Most rules need none of them: the guard is in the `WHERE` of the statement that acts.

mod cache;
mod conn;
mod inserts;
mod listen;
mod many;
mod meter;
mod migrate;
mod places;
mod pool;
pub mod schema;
mod wait;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::time::Instant;

pub use cache::Conn;
use conn::Server;
pub use conn::{Both, Locked, MultiBackend, Shared, SkipLocked, columns};
pub use inserts::Inserts;
pub use listen::Listening;
pub use many::{Cell, OnConflict, few_rows, many_insert_into, many_update};
pub use meter::Counts;
pub use pool::{ConnectError, Target};

use meter::Meter;
use places::{GENERATIONS, Place, Places};
use wait::{PERMIT_WAIT, RESULT_WAIT};
use writer::Writer;

use crate::platform::settings::{BadSetting, Database};
use crate::platform::signal::Signals;

/// How long a closure waits for a connection.
const CONNECTION: Duration = Duration::from_millis(1_500);

/// Why the database gave no result. Clients get 503 for all: nothing was done, or the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// All places stayed taken until the time limit.
    #[error("the database is busy")]
    Busy,
    /// No connection, or no result within the time limit.
    #[error("the database is not reachable")]
    Unreachable,
    /// The closure panicked; its transaction was rolled back.
    #[error("a transaction panicked")]
    Panicked,
    /// A statement or the commit failed. Its message can quote values, so only its kind is shown.
    #[error("a statement failed: {}", kind_of(.0))]
    Statement(#[from] DieselError),
    /// The commit that this closure shared with others failed; nothing of it was done.
    #[error("a commit failed: {0}")]
    NotCommitted(&'static str),
    #[error("migration failed: {0}")]
    Migration(String),
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What was asked for cannot be done, and it will be the same next time.
    Callers,
    /// The database is full, busy, read-only or gone: the same works later.
    Databases,
    /// Neither library tells.
    Unclear,
}

impl Error {
    pub fn fault(&self) -> Fault {
        let Self::Statement(error) = self else {
            return if matches!(self, Self::Panicked) { Fault::Callers } else { Fault::Databases };
        };
        match error {
            DieselError::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation => Fault::Callers,
                DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand => Fault::Databases,
                _ if DISK_FULL.iter().chain(&PASSING).any(|text| info.message().contains(text)) => {
                    Fault::Databases
                }
                _ => Fault::Unclear,
            },
            DieselError::NotFound
            | DieselError::DeserializationError(_)
            | DieselError::SerializationError(_)
            | DieselError::QueryBuilderError(_)
            | DieselError::InvalidCString(_) => Fault::Callers,
            _ => Fault::Databases,
        }
    }
}

/// The result of a store function.
pub type Result<T> = std::result::Result<T, Error>;

/// What SQLite and PostgreSQL say when there is no space left.
const DISK_FULL: [&str; 2] = ["database or disk is full", "No space left on device"];

/// What they say of other troubles that pass. PostgreSQL says it in the language of the server, so these are
/// not all; [`Fault::Unclear`] is for the others.
const PASSING: [&str; 9] = [
    "database is locked",
    "database table is locked",
    "disk I/O error",
    "attempt to write a readonly database",
    "unable to open database file",
    "lock timeout",
    "deadlock detected",
    "out of shared memory",
    "terminating connection",
];

/// The kind of a failed statement, without its message: PostgreSQL's messages quote the row.
fn kind_of(error: &DieselError) -> &'static str {
    match error {
        DieselError::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::UniqueViolation => "unique violation",
            DatabaseErrorKind::ForeignKeyViolation => "foreign key violation",
            DatabaseErrorKind::NotNullViolation => "not-null violation",
            DatabaseErrorKind::CheckViolation => "check violation",
            DatabaseErrorKind::SerializationFailure => "serialization failure",
            DatabaseErrorKind::ReadOnlyTransaction => "read-only transaction",
            DatabaseErrorKind::ClosedConnection => "connection closed",
            // Neither library has a kind for it, and an operator must not have to guess.
            _ if DISK_FULL.iter().any(|text| info.message().contains(text)) => "the disk is full",
            _ => PASSING.iter().find(|text| info.message().contains(*text)).unwrap_or(&"database error"),
        },
        DieselError::NotFound => "no row",
        DieselError::DeserializationError(_) => "a row cannot be read",
        DieselError::SerializationError(_) => "a value cannot be written",
        _ => "transaction error",
    }
}

/// The database, shared by everything that reads or writes.
#[derive(Clone)]
pub struct Db {
    target: Target,
    pool: r2d2::Pool<pool::Manager>,
    places: Arc<Places>,
    /// The one writer of SQLite; PostgreSQL has as many as there are places.
    writer: Option<Arc<Writer>>,
    meter: Arc<Meter>,
    /// Counts transactions that ended normally, as a sign that the database is alive.
    completed: Arc<AtomicU64>,
}

impl Db {
    /// Makes a pool for `settings`. It does not connect yet.
    pub fn new(settings: &Database) -> std::result::Result<Self, BadSetting> {
        let target = Target::parse(&settings.url)?;
        let width = settings.pool_size;
        let is_remote = target.sqlite_file().is_none();
        let (meter, places) = (Arc::<Meter>::default(), Arc::new(Places::new(width, is_remote)));
        let manager =
            pool::Manager { target: target.clone(), places: Arc::clone(&places), meter: Arc::clone(&meter) };
        let completed = Arc::<AtomicU64>::default();
        let new_writer = || Arc::new(Writer::new(manager.clone(), Arc::clone(&completed)));
        let writer = (!is_remote).then(new_writer);
        let pool = r2d2::Pool::builder()
            // Places keep it at the width; beyond that there are only connections that were given up. None is
            // kept in reserve, so that an operator can count on the width.
            .max_size(width.saturating_mul(GENERATIONS))
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION)
            .error_handler(Box::new(Quiet))
            .build_unchecked(manager);
        Ok(Self { target, pool, places, writer, meter, completed })
    }

    /// Runs `f` in one write transaction: an `Ok` commits, an `Err` rolls back.
    pub async fn write<T, E, F>(&self, f: F) -> std::result::Result<T, E>
    where
        F: FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(self, f).await,
            None => self.run_blocking(true, f).await,
        }
    }

    /// Runs `f` in one read transaction: on SQLite it reads one snapshot, on PostgreSQL committed rows.
    pub async fn read<T, E, F>(&self, f: F) -> std::result::Result<T, E>
    where
        F: FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_blocking(false, f).await
    }

    /// [`Db::write`] for our own threads: the worker and the CLI. It waits in the same queue as the
    /// requests; on SQLite the alternative is to poll a locked file, and to starve.
    pub fn write_blocking<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if let Some(writer) = &self.writer {
            return writer.write_blocking(self, f);
        }
        let place = self.wait_for_thread(self.places.take()).ok_or(Error::Busy)?;
        self.transact(true, place, f)
    }

    /// [`Db::read`] for our own threads.
    pub fn read_blocking<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let place = self.wait_for_thread(self.places.take()).ok_or(Error::Busy)?;
        self.transact(false, place, f)
    }

    /// Runs one statement that reads, without a transaction: it needs no other snapshot than its own, and
    /// BEGIN and COMMIT would be two more round trips. A connection that died meanwhile is found by it, and
    /// not by its BEGIN, so an error may mean that the next call succeeds.
    pub fn peek_blocking<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let place = self.wait_for_thread(self.places.take()).ok_or(Error::Busy)?;
        let slot = self.pool.get().map_err(|_| Error::Unreachable)?;
        let mut lent = Lent { slot, place };
        let outcome = match self.places.trusts(&lent.slot.pulse) {
            true => f(&mut lent.slot.conn),
            false => Err(Error::Unreachable),
        };
        lent.slot.spent |= outcome.is_err();
        outcome
    }

    /// Runs the pending migrations, on a connection of its own: they may take as long as they need.
    pub fn migrate(&self) -> Result<()> {
        migrate::run(&mut self.target.connect().map_err(|_| Error::Unreachable)?)
    }

    /// Whether the database is reachable and has this binary's schema.
    pub async fn is_ready(&self) -> bool {
        self.read(migrate::is_current).await.unwrap_or(false)
    }

    /// Listens for other instances, on a connection and a thread of its own; `None` on SQLite.
    pub fn listen(&self, signals: &Arc<Signals>) -> std::io::Result<Option<Listening>> {
        listen::spawn(&self.target, signals)
    }

    /// Waits until no closure is running: the last step of a shutdown. A closure whose statement gets no
    /// answer keeps it waiting, so the caller sets a limit.
    pub async fn drain(&self) {
        if let Some(writer) = &self.writer {
            writer.drain().await;
        }
        self.places.drain().await;
    }

    /// Whether a statement has been waiting for its answer for longer than a shutdown waits.
    pub fn is_slow(&self) -> bool {
        self.places.is_slow()
    }

    /// How many statements and transactions this process has sent.
    pub fn counts(&self) -> Counts {
        self.meter.counts()
    }

    /// Counts statements by their text from now on, for a test or a profile.
    pub fn keep_texts(&self) {
        self.meter.keep_texts();
    }

    /// How often each text was sent since the last call, without the values.
    pub fn take_texts(&self) -> BTreeMap<String, u64> {
        self.meter.take_texts()
    }

    #[expect(clippy::disallowed_methods, reason = "the only hop to a blocking thread")]
    async fn run_blocking<T, E, F>(&self, writes: bool, f: F) -> std::result::Result<T, E>
    where
        F: FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = self.wait_for(PERMIT_WAIT, self.places.take()).await.ok_or(Error::Busy)?;
        let (waiting, this) = (Arc::new(()), self.clone());
        let listener = Arc::downgrade(&waiting);
        let run = tokio::task::spawn_blocking(move || {
            if listener.upgrade().is_none() {
                // The client already got 503: work that has not begun must not be done after that response.
                return Err(Error::Busy.into());
            }
            // The place is taken as long as the closure runs, even if the caller stops waiting.
            this.transact(writes, place, f)
        });
        match self.wait_for(RESULT_WAIT, run).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_join)) => Err(Error::Panicked.into()),
            None => Err(Error::Unreachable.into()),
        }
    }

    fn transact<T, E: From<Error>>(
        &self,
        writes: bool,
        place: Place,
        f: impl FnOnce(&mut Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut lent = self.begin(writes, place)?;
        match f(&mut lent.slot.conn) {
            Ok(value) => {
                if let Err(error) = lent.slot.conn.commit() {
                    lent.slot.spent = true;
                    return Err(Error::Statement(error).into());
                }
                self.count_completed(&lent.slot);
                Ok(value)
            }
            Err(error) => {
                // A connection that cannot even roll back is dropped, and the server undoes the rest.
                lent.slot.spent = lent.slot.conn.rollback().is_err();
                self.count_completed(&lent.slot);
                Err(error)
            }
        }
    }

    fn count_completed(&self, slot: &pool::Slot) {
        if !slot.spent {
            self.completed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection inside a fresh transaction. After the server came back, the pool is full of dead ones:
    /// each is dropped at its BEGIN, when nothing is lost yet, instead of at a later statement.
    fn begin(&self, writes: bool, mut place: Place) -> Result<Lent> {
        let end = Instant::now() + CONNECTION;
        while Instant::now() < end {
            let mut slot = self.pool.get().map_err(|_| Error::Unreachable)?;
            if !self.places.trusts(&slot.pulse) {
                slot.spent = true;
                continue;
            }
            if slot.conn.begin(writes).is_ok() {
                return Ok(Lent { slot, place });
            }
            slot.spent = true;
            place.leave(&slot.pulse);
        }
        Err(Error::Unreachable)
    }
}

/// A connection and the right to use it, which end together.
struct Lent {
    slot: r2d2::PooledConnection<pool::Manager>,
    place: Place,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.place.leave(&self.slot.pulse);
        self.slot.spent |= self.slot.pulse.is_lost();
    }
}

/// r2d2 would log each failed attempt; the request that meets it is logged once, where it is answered.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<ConnectError> for Quiet {
    fn handle_error(&self, _error: ConnectError) {}
}
