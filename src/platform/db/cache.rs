//! The connection that every query runs on: it has each of them cached by its text.
//!
//! diesel itself prepares anew whatever it cannot know to be the same text again: every UPDATE, every upsert,
//! `IN (…)` and every piece of SQL. On SQLite that is the parser and the planner each time, on PostgreSQL one
//! more round trip as well. The texts of this service are few, though not known to the compiler. A statement
//! whose text varies with its rows says so by [`Conn::uncached`], and a connection that has collected too
//! many texts is replaced by a new one (`pool`).

use std::cell::{Cell, OnceCell};

use diesel::backend::Backend;
use diesel::connection::{
    CacheSize, Connection, DefaultLoadingMode, Instrumentation, LoadConnection, SimpleConnection,
    TransactionManager, TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::internal::derives::multiconnection::{AstPassHelper as _, ConnectionSealed};
use diesel::pg::PgQueryBuilder;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::sqlite::query_builder::SqliteQueryBuilder;

use super::conn::{MultiBackend, Server};

/// A connection to either database.
pub struct Conn {
    pub(super) server: Server,
    caches: bool,
}

impl Conn {
    pub(super) fn new(server: Server) -> Self {
        Self { server, caches: true }
    }

    /// Runs a statement whose text will hardly come again.
    pub(super) fn uncached<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.caches = false;
        let outcome = run(self);
        self.caches = true;
        outcome
    }

    fn by_text<Q>(&self, query: Q) -> ByText<Q> {
        let is_pg = matches!(self.server, Server::Pg(_));
        ByText { query, caches: self.caches, is_pg, text: OnceCell::new() }
    }
}

/// A query that is cached by its text, whatever diesel knows of it.
struct ByText<Q> {
    query: Q,
    caches: bool,
    is_pg: bool,
    /// Written once: diesel asks for it three times, and to write it takes as long as to find a row.
    text: OnceCell<String>,
}

/// What writes SQL, in the dialect of one of the databases.
type Builder = <MultiBackend as Backend>::QueryBuilder;

impl<Q> QueryId for ByText<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for ByText<Q> {
    type SqlType = Q::SqlType;
}

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for ByText<Q> {
    /// Of the walks over a query, one asks only whether it may be cached, and it hears no objection. diesel
    /// does not say which walk it is, but converts what the others carry.
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let (carries, asks_for_text) = (Cell::new(false), Cell::new(false));
        let mut pass = pass.cast_database::<MultiBackend>(
            |binds| {
                carries.set(true);
                binds
            },
            |text| {
                asks_for_text.set(true);
                text
            },
            |backend| backend,
            |lookup| lookup,
        );
        if asks_for_text.get() {
            pass.push_sql(self.text(pass.backend())?);
        } else if !self.caches || carries.get() || pass.debug_binds().is_some() {
            return self.query.walk_ast(pass);
        }
        Ok(())
    }
}

impl<Q: QueryFragment<MultiBackend>> ByText<Q> {
    fn text(&self, backend: &MultiBackend) -> QueryResult<&str> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let mut builder = match self.is_pg {
            true => Builder::Pg(PgQueryBuilder::default()),
            false => Builder::Sqlite(SqliteQueryBuilder::default()),
        };
        self.query.to_sql(&mut builder, backend)?;
        Ok(self.text.get_or_init(|| builder.finish()))
    }
}

impl SimpleConnection for Conn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.server.batch_execute(query)
    }
}

impl ConnectionSealed for Conn {}

impl Connection for Conn {
    type Backend = MultiBackend;
    type TransactionManager = Self;

    fn establish(_: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection("only the pool opens connections".into()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<MultiBackend> + QueryId,
    {
        let query = self.by_text(source);
        self.server.execute_returning_count(&query)
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.server.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.server.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.server.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for Conn {
    type Cursor<'conn, 'query> = <Server as LoadConnection<DefaultLoadingMode>>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <Server as LoadConnection<DefaultLoadingMode>>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<MultiBackend> + QueryId + 'query,
        MultiBackend: QueryMetadata<T::SqlType>,
    {
        let query = self.by_text(source);
        self.server.load(query)
    }
}

/// The transactions of the server's own connection.
type Transactions = <Server as Connection>::TransactionManager;

impl TransactionManager<Self> for Conn {
    type TransactionStateData = Self;

    fn begin_transaction(conn: &mut Self) -> QueryResult<()> {
        Transactions::begin_transaction(&mut conn.server)
    }

    fn rollback_transaction(conn: &mut Self) -> QueryResult<()> {
        Transactions::rollback_transaction(&mut conn.server)
    }

    fn commit_transaction(conn: &mut Self) -> QueryResult<()> {
        Transactions::commit_transaction(&mut conn.server)
    }

    fn transaction_manager_status_mut(conn: &mut Self) -> &mut TransactionManagerStatus {
        Transactions::transaction_manager_status_mut(&mut conn.server)
    }

    fn is_broken_transaction_manager(conn: &mut Self) -> bool {
        Transactions::is_broken_transaction_manager(&mut conn.server)
    }
}
