//! Rows for several tables in one round trip.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

use super::conn::{MultiBackend, Server};
use super::{Conn, Result};

/// INSERT statements without RETURNING, which run together. On PostgreSQL they are one statement, `WITH i0 AS
/// (INSERT …), i1 AS (INSERT …) INSERT …`, whose foreign keys are checked at its end; on SQLite, which has no
/// such syntax and no round trips, they run in the order in which they were added. So a row comes after the
/// one that it refers to, and no statement reads what another one inserts.
#[derive(Default)]
#[must_use = "nothing is inserted before `execute`"]
pub struct Inserts<'a> {
    statements: Vec<Box<dyn QueryFragment<MultiBackend> + 'a>>,
}

impl<'a> Inserts<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what `diesel::insert_into(…).values(…)` makes, or an upsert in [`Both`](super::Both).
    pub fn and(mut self, statement: impl QueryFragment<MultiBackend> + 'a) -> Self {
        self.statements.push(Box::new(statement));
        self
    }

    /// Inserts all rows, or none if a statement fails: the transaction is lost then.
    pub fn execute(self, conn: &mut Conn) -> Result<()> {
        match conn.server {
            Server::Pg(_) if self.statements.is_empty() => {}
            Server::Pg(_) => drop(Together(&self.statements).execute(conn)?),
            Server::Sqlite(_) => {
                for statement in self.statements.chunks(1) {
                    Together(statement).execute(conn)?;
                }
            }
        }
        Ok(())
    }
}

/// At least one statement. The text is cached as it is: there are as many as there are callers.
struct Together<'s, 'a>(&'s [Box<dyn QueryFragment<MultiBackend> + 'a>]);

impl QueryId for Together<'_, '_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Together<'_, '_> {}

impl QueryFragment<MultiBackend> for Together<'_, '_> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let Some((last, others)) = self.0.split_last() else { return Ok(()) };
        for (index, statement) in others.iter().enumerate() {
            pass.push_sql(&format!("{} i{index} AS (", if index == 0 { "WITH" } else { "," }));
            statement.walk_ast(pass.reborrow())?;
            pass.push_sql(")");
        }
        pass.push_sql(if others.is_empty() { "" } else { " " });
        last.walk_ast(pass)
    }
}
