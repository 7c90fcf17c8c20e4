//! Many rows in one statement: diesel's own batch insert is two different texts, and the enum takes neither.

use std::borrow::Cow;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
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
    NullableNumber(Option<i64>),
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
        pass.push_sql(" ");
        many_values(&mut pass, &self.rows)?;
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

fn names(pass: &mut AstPass<'_, '_, MultiBackend>, columns: &[&str]) -> QueryResult<()> {
    for (index, column) in columns.iter().enumerate() {
        pass.push_sql(if index == 0 { " (" } else { ", " });
        pass.push_identifier(column)?;
    }
    pass.push_sql(")");
    Ok(())
}

fn many_values<'b>(pass: &mut AstPass<'_, 'b, MultiBackend>, rows: &'b [Vec<Cell>]) -> QueryResult<()> {
    for (index, row) in rows.iter().enumerate() {
        pass.push_sql(if index == 0 { "VALUES (" } else { ", (" });
        values(pass, row)?;
        pass.push_sql(")");
    }
    Ok(())
}

fn values<'b>(pass: &mut AstPass<'_, 'b, MultiBackend>, row: &'b [Cell]) -> QueryResult<()> {
    for (index, cell) in row.iter().enumerate() {
        pass.push_sql(if index == 0 { "" } else { ", " });
        match cell {
            Cell::Text(text) => pass.push_bind_param::<Nullable<Text>, _>(text)?,
            Cell::Number(number) => pass.push_bind_param::<BigInt, _>(number)?,
            Cell::NullableNumber(number) => pass.push_bind_param::<Nullable<BigInt>, _>(number)?,
            Cell::Flag(flag) => pass.push_bind_param::<Bool, _>(flag)?,
        }
    }
    Ok(())
}

/// Changes `columns` of the rows whose `keys` match, each row to its own values, in as few statements as the
/// databases allow. Each of `rows` holds the values of its keys and then those of its columns. Returns the
/// first key of the rows that were changed.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables are empty, and diesel passes them by value everywhere"
)]
pub fn many_update<T>(
    table: T,
    conn: &mut Conn,
    keys: &'static [&'static str],
    columns: &'static [&'static str],
    rows: &[Vec<Cell>],
) -> Result<Vec<String>>
where
    T: QuerySource,
    T::FromClause: QueryFragment<MultiBackend>,
{
    let mut changed = Vec::with_capacity(rows.len());
    for rows in rows.chunks(MOST_VALUES / (keys.len() + columns.len()).max(1)) {
        let many = ManyUpdate { table: table.from_clause(), keys, columns, rows };
        changed.extend(match rows.len() > MOST_CACHED {
            true => conn.uncached(|conn| many.load::<String>(conn))?,
            false => many.load::<String>(conn)?,
        });
    }
    Ok(changed)
}

/// `WITH changed (…) AS (VALUES …) UPDATE … FROM changed`: neither database lets an UPDATE name the values of
/// many rows in a shorter way that the other takes too.
struct ManyUpdate<'a, F> {
    table: F,
    keys: &'static [&'static str],
    columns: &'static [&'static str],
    rows: &'a [Vec<Cell>],
}

impl<F> QueryId for ManyUpdate<'_, F> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<F> Query for ManyUpdate<'_, F> {
    type SqlType = Text;
}

impl<F, C> RunQueryDsl<C> for ManyUpdate<'_, F> {}

impl<F: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for ManyUpdate<'_, F> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        // The statement's length varies with the rows.
        pass.unsafe_to_cache_prepared();
        pass.push_sql("WITH changed (");
        for index in 0..self.keys.len() + self.columns.len() {
            pass.push_sql(if index == 0 { "" } else { ", " });
            cell(&mut pass, index);
        }
        pass.push_sql(") AS (");
        many_values(&mut pass, self.rows)?;
        pass.push_sql(") UPDATE ");
        self.table.walk_ast(pass.reborrow())?;
        for (index, column) in self.columns.iter().enumerate() {
            pass.push_sql(if index == 0 { " SET " } else { ", " });
            pass.push_identifier(column)?;
            pass.push_sql(" = changed.");
            cell(&mut pass, self.keys.len() + index);
        }
        pass.push_sql(" FROM changed");
        for (index, key) in self.keys.iter().enumerate() {
            pass.push_sql(if index == 0 { " WHERE " } else { " AND " });
            self.column(&mut pass, key)?;
            pass.push_sql(" = changed.");
            cell(&mut pass, index);
        }
        pass.push_sql(" RETURNING ");
        self.keys.first().map_or(Ok(()), |key| self.column(&mut pass, key))
    }
}

impl<F: QueryFragment<MultiBackend>> ManyUpdate<'_, F> {
    fn column<'b>(&'b self, pass: &mut AstPass<'_, 'b, MultiBackend>, name: &str) -> QueryResult<()> {
        self.table.walk_ast(pass.reborrow())?;
        pass.push_sql(".");
        pass.push_identifier(name)
    }
}

/// The name of a column of `changed`, which differs from every column of a table.
fn cell(pass: &mut AstPass<'_, '_, MultiBackend>, index: usize) {
    pass.push_sql("changed_");
    pass.push_sql(&index.to_string());
}
