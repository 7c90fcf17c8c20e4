//! Many rows in one statement: diesel's own batch insert is two different texts, and the enum takes neither.

use std::borrow::Cow;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::{Conn, MultiBackend, Result};

/// SQLite takes 32,766 values in a statement, PostgreSQL 65,535.
const MOST_VALUES: usize = 30_000;

/// Up to so many rows the statement is kept prepared, one for each number of rows.
const MOST_CACHED: usize = 8;

#[derive(Debug, Clone)]
pub enum Cell {
    Text(Option<String>),
    Number(i64),
    Flag(bool),
}

/// What to do with a row whose key exists.
#[derive(Debug, Clone, Copy)]
pub struct OnConflict {
    pub key: &'static [&'static str],
    pub update: &'static [&'static str],
}

/// Inserts `rows` of `columns` into a table, in as few statements as the databases allow; a row whose key
/// exists is updated as `on_conflict` says, and is an error without it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables are empty, and diesel passes them by value everywhere"
)]
pub fn many_insert_into<T>(
    table: T,
    conn: &mut Conn,
    columns: &'static [&'static str],
    rows: &[Vec<Cell>],
    on_conflict: impl Into<Option<OnConflict>>,
) -> Result<()>
where
    T: QuerySource,
    T::FromClause: QueryFragment<MultiBackend>,
{
    let on_conflict = on_conflict.into();
    for rows in rows.chunks(MOST_VALUES / columns.len().max(1)) {
        let many = Many { into: table.from_clause(), columns, rows: Cow::Borrowed(rows), on_conflict };
        if rows.len() > MOST_CACHED {
            conn.uncached(|conn| many.execute(conn))?;
        } else {
            many.execute(conn)?;
        }
    }
    Ok(())
}

struct Many<'a, F> {
    into: F,
    columns: &'static [&'static str],
    rows: Cow<'a, [Vec<Cell>]>,
    on_conflict: Option<OnConflict>,
}

/// The statement of [`many_insert_into`] for a few rows, to be run with others ([`Inserts`](super::Inserts)).
#[expect(clippy::needless_pass_by_value, reason = "as above")]
pub fn few_rows<T>(
    table: T,
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
) -> impl QueryFragment<MultiBackend> + use<T>
where
    T: QuerySource,
    T::FromClause: QueryFragment<MultiBackend>,
{
    Many { into: table.from_clause(), columns, rows: Cow::Owned(rows), on_conflict: None }
}

impl<F> QueryId for Many<'_, F> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<F, C> RunQueryDsl<C> for Many<'_, F> {}

impl<F: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Many<'_, F> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        // The statement's length varies with the rows.
        pass.unsafe_to_cache_prepared();
        pass.push_sql("INSERT INTO ");
        self.into.walk_ast(pass.reborrow())?;
        names(&mut pass, self.columns)?;
        for (index, row) in self.rows.iter().enumerate() {
            pass.push_sql(if index == 0 { " VALUES (" } else { ", (" });
            values(&mut pass, row)?;
            pass.push_sql(")");
        }
        let Some(OnConflict { key, update }) = self.on_conflict else { return Ok(()) };
        pass.push_sql(" ON CONFLICT");
        names(&mut pass, key)?;
        pass.push_sql(" DO UPDATE SET ");
        for (index, column) in update.iter().enumerate() {
            pass.push_sql(if index == 0 { "" } else { ", " });
            pass.push_identifier(column)?;
            pass.push_sql(" = excluded.");
            pass.push_identifier(column)?;
        }
        Ok(())
    }
}

/// Updates the rows of a table whose `columns[0]` is the first cell of one of `rows`: the other columns get
/// the other cells. One statement, whatever the number of rows.
#[expect(clippy::needless_pass_by_value, reason = "as above")]
pub fn many_update<T>(
    table: T,
    conn: &mut Conn,
    columns: &'static [&'static str],
    rows: &[Vec<Cell>],
) -> Result<()>
where
    T: QuerySource,
    T::FromClause: QueryFragment<MultiBackend>,
{
    for rows in rows.chunks(MOST_VALUES / columns.len().max(1)) {
        let many = ManyUpdates { table: table.from_clause(), columns, rows };
        if rows.len() > MOST_CACHED {
            conn.uncached(|conn| many.execute(conn))?;
        } else {
            many.execute(conn)?;
        }
    }
    Ok(())
}

struct ManyUpdates<'a, F> {
    table: F,
    columns: &'static [&'static str],
    rows: &'a [Vec<Cell>],
}

impl<F> QueryId for ManyUpdates<'_, F> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<F, C> RunQueryDsl<C> for ManyUpdates<'_, F> {}

impl<F: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for ManyUpdates<'_, F> {
    // Both databases name the columns of VALUES `column1`, `column2` and so on.
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        pass.unsafe_to_cache_prepared();
        pass.push_sql("UPDATE ");
        self.table.walk_ast(pass.reborrow())?;
        let Some((key, changed)) = self.columns.split_first() else { return Ok(()) };
        for (index, column) in changed.iter().enumerate() {
            pass.push_sql(if index == 0 { " SET " } else { ", " });
            pass.push_identifier(column)?;
            pass.push_sql(&format!(" = given.column{}", index + 2));
        }
        pass.push_sql(" FROM (");
        for (index, row) in self.rows.iter().enumerate() {
            pass.push_sql(if index == 0 { "VALUES (" } else { ", (" });
            values(&mut pass, row)?;
            pass.push_sql(")");
        }
        pass.push_sql(") AS given WHERE ");
        self.table.walk_ast(pass.reborrow())?;
        pass.push_sql(".");
        pass.push_identifier(key)?;
        pass.push_sql(" = given.column1");
        Ok(())
    }
}

fn names(pass: &mut AstPass<'_, '_, MultiBackend>, columns: &[&str]) -> QueryResult<()> {
    for (index, column) in columns.iter().enumerate() {
        pass.push_sql(if index == 0 { " (" } else { ", " });
        pass.push_identifier(column)?;
    }
    pass.push_sql(")");
    Ok(())
}

fn values<'b>(pass: &mut AstPass<'_, 'b, MultiBackend>, row: &'b [Cell]) -> QueryResult<()> {
    for (index, cell) in row.iter().enumerate() {
        pass.push_sql(if index == 0 { "" } else { ", " });
        match cell {
            Cell::Text(text) => pass.push_bind_param::<Nullable<Text>, _>(text)?,
            Cell::Number(number) => pass.push_bind_param::<BigInt, _>(number)?,
            Cell::Flag(flag) => pass.push_bind_param::<Bool, _>(flag)?,
        }
    }
    Ok(())
}
