//! One connection type for two databases, and the few statements that differ between them.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection as _;
use diesel::sql_types::{BigInt, Bool, Text};

pub use backend::MultiBackend;
pub(super) use backend::Server;

use super::Conn;
use super::listen::CHANNEL;
use crate::platform::signal::Wake;

// The derive adds its own types beside the enum, so it has a module to itself.
mod backend {
    #![expect(clippy::disallowed_methods, reason = "the derive makes an `establish` that is never called")]
    use diesel::{PgConnection, SqliteConnection};

    #[derive(diesel::MultiConnection)]
    pub enum Server {
        Pg(PgConnection),
        Sqlite(SqliteConnection),
    }
}

/// Runs, on either backend, any query that both support: the derive rejects ON CONFLICT, this does not.
#[derive(Debug, QueryId)]
pub struct Both<Q>(pub Q);

impl<Q> QueryFragment<MultiBackend> for Both<Q>
where
    Q: QueryFragment<diesel::pg::Pg> + QueryFragment<diesel::sqlite::Sqlite>,
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(&self.0, pass)
    }
}

impl<Q: Query> Query for Both<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Both<Q> {}

/// The end of a SELECT that locks. SQLite needs none: its one writer holds the file.
struct Clause(&'static str);

impl QueryFragment<diesel::pg::Pg> for Clause {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        pass.push_sql(self.0);
        Ok(())
    }
}

impl QueryFragment<diesel::sqlite::Sqlite> for Clause {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        Ok(())
    }
}

macro_rules! locks {
    ($($(#[$doc:meta])+ $name:ident $clause:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Debug, QueryId)]
        pub struct $name<Q>(pub Q);

        impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for $name<Q> {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
                self.0.walk_ast(pass.reborrow())?;
                MultiBackend::walk_variant_ast(&Clause($clause), pass)
            }
        }

        impl<Q: Query> Query for $name<Q> {
            type SqlType = Q::SqlType;
        }

        impl<Q, C> RunQueryDsl<C> for $name<Q> {}
    )+};
}

locks! {
    /// A SELECT whose rows nobody else changes or locks until the transaction ends. Others may still refer to
    /// them by foreign keys.
    Locked " FOR NO KEY UPDATE";
    /// A SELECT whose rows cannot change until the transaction ends: others may read and share them, and a
    /// pending change is waited for.
    Shared " FOR SHARE";
    /// A SELECT that locks its rows until the transaction ends and skips rows that others have locked.
    SkipLocked " FOR UPDATE SKIP LOCKED";
}

impl Conn {
    /// Opens a transaction. On SQLite it is IMMEDIATE for a writer: a deferred one that writes later fails
    /// with `SQLITE_BUSY`, whatever the busy timeout.
    pub(super) fn begin(&mut self, writes: bool) -> QueryResult<()> {
        match &mut self.server {
            Server::Pg(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN"),
            Server::Sqlite(c) if writes => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
            }
            Server::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN"),
        }
    }

    /// Begins a savepoint: a part of the transaction that is committed or undone by itself.
    pub fn save(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::begin_transaction(self)
    }

    pub fn commit(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::commit_transaction(self)
    }

    pub fn rollback(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::rollback_transaction(self)
    }

    /// Ends what was begun since `depth` (0 outside of a transaction, 1 inside, and one per savepoint).
    /// A panic leaves savepoints open; that the transaction itself has ended is an error.
    pub(super) fn end_down_to(&mut self, depth: u32, keeps: bool) -> QueryResult<()> {
        loop {
            let status = <Self as Connection>::TransactionManager::transaction_manager_status_mut(self);
            let now = status.transaction_depth()?.map_or(0, NonZeroU32::get);
            match now.cmp(&depth) {
                Ordering::Less => return Err(diesel::result::Error::NotInTransaction),
                Ordering::Equal => return Ok(()),
                Ordering::Greater if keeps => self.commit()?,
                Ordering::Greater => self.rollback()?,
            }
        }
    }

    /// A connection that panicked, lost its server or was left inside a transaction is not used again.
    pub(super) fn is_spent(&mut self) -> bool {
        std::thread::panicking() || self.server.is_broken()
    }

    /// Takes the lock called `name` until the transaction ends; `false` when another transaction has it.
    /// SQLite has one writer at a time, so the lock is always free there.
    pub fn try_lock(&mut self, name: i64) -> QueryResult<bool> {
        match &mut self.server {
            Server::Pg(c) => diesel::select(
                diesel::dsl::sql::<Bool>("pg_try_advisory_xact_lock(").bind::<BigInt, _>(name).sql(")"),
            )
            .get_result(c),
            Server::Sqlite(_) => Ok(true),
        }
    }

    /// Wakes every instance when this transaction commits; see [`Listening`](super::Listening) for who may.
    /// SQLite has one instance, which wakes itself.
    pub fn notify(&mut self, wake: Wake) -> QueryResult<()> {
        match &mut self.server {
            Server::Pg(c) => {
                let notify = diesel::dsl::sql::<Text>("pg_notify(").bind::<Text, _>(CHANNEL).sql(", ");
                let notify = notify.bind::<Text, _>(wake.as_str()).sql(")::text");
                diesel::select(notify).execute(c).map(drop)
            }
            Server::Sqlite(_) => Ok(()),
        }
    }

    /// From here to the end of the transaction, a statement may take as long as it takes: for commands that
    /// read a whole table.
    pub fn lift_time_limits(&mut self) -> QueryResult<()> {
        match &mut self.server {
            Server::Pg(c) => c.batch_execute("SET LOCAL statement_timeout = 0"),
            Server::Sqlite(_) => Ok(()),
        }
    }

    /// From here to the end of the transaction, a statement that waits for another transaction's lock fails
    /// after less time than PostgreSQL lets pass before it looks for a deadlock (1 s): a batch gives way, so
    /// that a request does not. SQLite has one writer and no such locks.
    pub fn limit_lock_waits(&mut self) -> QueryResult<()> {
        match &mut self.server {
            Server::Pg(c) => c.batch_execute("SET LOCAL lock_timeout = '400ms'"),
            Server::Sqlite(_) => Ok(()),
        }
    }
}

/// The columns of the row type `T`, for `select` and `returning`. `as_select` would fix the backend in the
/// query's own type, and then neither database would take it.
pub fn columns<T: Selectable<MultiBackend>>() -> T::SelectExpression {
    T::construct_selection()
}
