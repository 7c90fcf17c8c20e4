//! The database layer, and the only module that names a backend.
//!
//! A request reaches the database through one call of [`Db::write`] or [`Db::read`]: a closure that runs on
//! a blocking thread inside one transaction. It commits as a whole or not at all, even if the client is
//! gone: the future of a handler can be dropped, the closure cannot. A semaphore as wide as the pool comes
//! before the hop to that thread, so that waiting is bounded and honest (503), instead of a queue of
//! blocked threads. SQLite has one writer at a time, so its writers also queue for a single permit: in
//! order, and without polling the file.
//!
//! What must not change while a rule decides is locked by a store function called `lock` or `lock_…`:
//!
//! * a row: [`Locked`], or [`Shared`] where the transaction only reads it and must not keep others out;
//! * a row that may not exist yet, such as a counter: an upsert that changes nothing and returns the row;
//! * what has no row: [`Conn::try_lock`], which refuses instead of waiting;
//! * the next free row of a queue: [`SkipLocked`].
//!
//! Most rules need none of them: the guard is in the `WHERE` of the statement that acts.

mod conn;
mod listen;
mod many;
mod migrate;
mod pool;
pub mod schema;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

pub use conn::{Both, Conn, Locked, MultiBackend, Shared, SkipLocked, columns};
pub use listen::Listening;
pub use many::{Cell, OnConflict, many_insert_into, many_update};
pub use pool::{ConnectError, Target};

use crate::platform::settings::{BadSetting, Database};
use crate::platform::signal::Signals;

/// How long a request waits for a place before it gets 503.
const PERMIT_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for the result: if the database is down, the client gets 503 within 3 s.
const RESULT_WAIT: Duration = Duration::from_millis(2_800);
/// A moving queue does not mean that the database is down: while other requests get results, the wait is
/// extended by this much, up to `RENEWALS` times.
const RENEWAL: Duration = Duration::from_secs(1);
const RENEWALS: u32 = 5;
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
    #[error("migration failed: {0}")]
    Migration(String),
}

/// The result of a store function.
pub type Result<T> = std::result::Result<T, Error>;

/// The kind of a failed statement, without its message: PostgreSQL's messages quote the row.
fn kind_of(error: &DieselError) -> &'static str {
    match error {
        DieselError::DatabaseError(kind, _) => match kind {
            DatabaseErrorKind::UniqueViolation => "unique violation",
            DatabaseErrorKind::ForeignKeyViolation => "foreign key violation",
            DatabaseErrorKind::NotNullViolation => "not-null violation",
            DatabaseErrorKind::CheckViolation => "check violation",
            DatabaseErrorKind::SerializationFailure => "serialization failure",
            DatabaseErrorKind::ReadOnlyTransaction => "read-only transaction",
            DatabaseErrorKind::ClosedConnection => "connection closed",
            _ => "database error",
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
    places: Arc<Semaphore>,
    /// One permit on SQLite; as many as there are places on PostgreSQL.
    writers: Arc<Semaphore>,
    width: u32,
    /// Counts transactions that ended normally, as a sign that the database is alive.
    completed: Arc<AtomicU64>,
}

impl Db {
    /// Makes a pool for `settings`. It does not connect yet.
    pub fn new(settings: &Database) -> std::result::Result<Self, BadSetting> {
        let target = Target::parse(&settings.url)?;
        let width = settings.pool_size;
        let writers = if target.sqlite_file().is_some() { 1 } else { width as usize };
        let pool = r2d2::Pool::builder()
            .max_size(width)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION)
            .error_handler(Box::new(Quiet))
            .build_unchecked(pool::Manager(target.clone()));
        Ok(Self {
            target,
            pool,
            places: Arc::new(Semaphore::new(width as usize)),
            writers: Arc::new(Semaphore::new(writers)),
            width,
            completed: Arc::default(),
        })
    }

    /// Runs `f` in one write transaction: an `Ok` commits, an `Err` rolls back.
    pub async fn write<T, E, F>(&self, f: F) -> std::result::Result<T, E>
    where
        F: FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.run_blocking(true, f).await
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
        let _permits = futures_executor::block_on(self.permits(true));
        self.transact(true, f)
    }

    /// [`Db::read`] for our own threads.
    pub fn read_blocking<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let _permits = futures_executor::block_on(self.permits(false));
        self.transact(false, f)
    }

    /// Runs the pending migrations.
    pub fn migrate(&self) -> Result<()> {
        migrate::run(&mut self.pool.get().map_err(|_| Error::Unreachable)?.conn)
    }

    /// Whether the database is reachable and has this binary's schema.
    pub async fn is_ready(&self) -> bool {
        self.read(migrate::is_current).await.unwrap_or(false)
    }

    /// Listens for other instances, on a connection and a thread of its own; `None` on SQLite.
    pub fn listen(&self, signals: &Arc<Signals>) -> std::io::Result<Option<Listening>> {
        listen::spawn(&self.target, signals)
    }

    /// Waits until no closure is running: the last step of a shutdown.
    pub async fn drain(&self) {
        let _all = self.places.acquire_many(self.width).await;
    }

    #[expect(clippy::disallowed_methods, reason = "the only hop to a blocking thread")]
    async fn run_blocking<T, E, F>(&self, writes: bool, f: F) -> std::result::Result<T, E>
    where
        F: FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permits = self.wait_for(PERMIT_WAIT, self.permits(writes)).await.ok_or(Error::Busy)?;
        let (waiting, this) = (Arc::new(()), self.clone());
        let listener = Arc::downgrade(&waiting);
        let run = tokio::task::spawn_blocking(move || {
            // The permits live as long as the closure, even if the caller stops waiting.
            let _permits = permits;
            if listener.upgrade().is_none() {
                // The client already got 503: work that has not begun must not be done after that response.
                return Err(Error::Busy.into());
            }
            this.transact(writes, f)
        });
        match self.wait_for(RESULT_WAIT, run).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_join)) => Err(Error::Panicked.into()),
            None => Err(Error::Unreachable.into()),
        }
    }

    /// Waits for `work` as long as `patience`, and longer while the database keeps giving results.
    async fn wait_for<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut wait = patience;
        for _ in 0..=RENEWALS {
            let seen = self.completed.load(Ordering::Relaxed);
            if let Ok(output) = timeout(wait, &mut work).await {
                return Some(output);
            }
            if self.completed.load(Ordering::Relaxed) == seen {
                return None;
            }
            wait = RENEWAL;
        }
        None
    }

    async fn permits(&self, writes: bool) -> (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>) {
        let turn = if writes { Arc::clone(&self.writers).acquire_owned().await.ok() } else { None };
        (turn, Arc::clone(&self.places).acquire_owned().await.ok())
    }

    fn transact<T, E: From<Error>>(
        &self,
        writes: bool,
        f: impl FnOnce(&mut Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut slot = self.begin(writes)?;
        match f(&mut slot.conn) {
            Ok(value) => {
                if let Err(error) = slot.conn.commit() {
                    slot.spent = true;
                    return Err(Error::Statement(error).into());
                }
                self.count_completed(&slot);
                Ok(value)
            }
            Err(error) => {
                // A connection that cannot even roll back is dropped, and the server undoes the rest.
                slot.spent = slot.conn.rollback().is_err();
                self.count_completed(&slot);
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
    fn begin(&self, writes: bool) -> Result<r2d2::PooledConnection<pool::Manager>> {
        let end = Instant::now() + CONNECTION;
        for _ in 0..self.width {
            if Instant::now() >= end {
                break;
            }
            let mut slot = self.pool.get().map_err(|_| Error::Unreachable)?;
            match slot.conn.begin(writes) {
                Ok(()) => return Ok(slot),
                Err(_) => slot.spent = true,
            }
        }
        Err(Error::Unreachable)
    }
}

/// r2d2 would log each failed attempt; the request that meets it is logged once, where it is answered.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<ConnectError> for Quiet {
    fn handle_error(&self, _error: ConnectError) {}
}
