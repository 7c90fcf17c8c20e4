//! Queries on `invite_imports` and `invite_import_rows`.

use diesel::prelude::*;
use diesel::{insert_into, update};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::invites::Filter;
use crate::domain::links::Destination;
use crate::kit::Timestamp;
use crate::kit::ids::{ImportId, InviteId, LinkId, StaffId};
use crate::platform::db::schema::{invite_import_rows, invite_imports, practice_links};
use crate::platform::db::{Conn, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invite_imports)]
pub struct Taken {
    id: ImportId,
    link_id: LinkId,
    created_by: StaffId,
    total: i32,
    created_at: Timestamp,
}

/// An accepted list and its progress.
#[derive(Clone)]
pub struct Import {
    /// Prefixed, time-ordered id: `imp_…`.
    pub id: ImportId,
    /// The link that its invites belong to.
    pub link_id: LinkId,
    /// Id of the staff member who submitted it.
    pub created_by: StaffId,
    /// Number of all rows.
    pub total: i32,
    /// Number of rows with a result.
    pub done: i64,
    /// Number of rows that became invites.
    pub invited: i64,
    pub created_at: Timestamp,
}

impl Import {
    /// Returns true if every row has a result.
    pub fn is_done(&self) -> bool {
        self.done >= i64::from(self.total)
    }
}

/// Result of one row of an imported list.
#[derive(Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = invite_import_rows)]
#[schema(as = InviteImportRow)]
pub struct Done {
    /// Row number, counted from 1 without the header.
    #[schema(example = 1)]
    pub line: i32,
    /// `created`, or the error code of a refused row; `null` while the row is pending.
    #[schema(required = true, example = "created")]
    pub result: Option<String>,
    /// Id of the invite that was created.
    #[schema(required = true)]
    pub invite_id: Option<InviteId>,
}

pub fn insert(
    conn: &mut Conn,
    id: &ImportId,
    to: &Destination,
    by: &StaffId,
    total: i32,
    now: Timestamp,
) -> Result<()> {
    let row = (
        invite_imports::id.eq(id),
        invite_imports::practice_id.eq(&to.practice.id),
        invite_imports::link_id.eq(&to.link.id),
        invite_imports::created_by.eq(by),
        invite_imports::total.eq(total),
        invite_imports::created_at.eq(now),
    );
    insert_into(invite_imports::table).values(row).execute(conn)?;
    Ok(())
}

pub fn insert_row(conn: &mut Conn, import_id: &ImportId, line: i32, written: &str) -> Result<()> {
    let row = (
        invite_import_rows::import_id.eq(import_id),
        invite_import_rows::line.eq(line),
        invite_import_rows::written.eq(written),
    );
    insert_into(invite_import_rows::table).values(row).execute(conn)?;
    Ok(())
}

/// Rows from `first` to before `end` that have no result yet.
pub fn open_rows(conn: &mut Conn, import_id: &ImportId, first: i32, end: i32) -> Result<Vec<(i32, String)>> {
    let rows = invite_import_rows::table
        .filter(invite_import_rows::import_id.eq(import_id))
        .filter(invite_import_rows::line.ge(first))
        .filter(invite_import_rows::line.lt(end))
        .filter(invite_import_rows::result.is_null())
        .order(invite_import_rows::line);
    let rows = rows.select((invite_import_rows::line, invite_import_rows::written));
    let rows: Vec<(i32, Option<String>)> = rows.load(conn)?;
    Ok(rows.into_iter().map(|(line, written)| (line, written.unwrap_or_default())).collect())
}

/// Stores a row's result, and deletes its content.
pub fn settle_row(
    conn: &mut Conn,
    import_id: &ImportId,
    line: i32,
    result: &str,
    invite_id: Option<&InviteId>,
) -> Result<()> {
    let change = (
        invite_import_rows::written.eq(None::<String>),
        invite_import_rows::result.eq(result),
        invite_import_rows::invite_id.eq(invite_id),
    );
    update(invite_import_rows::table.find((import_id, line))).set(change).execute(conn)?;
    Ok(())
}

/// Returns the list in any access scope.
pub fn known(conn: &mut Conn, id: &ImportId) -> Result<Option<Import>> {
    let row = invite_imports::table.find(id).select(columns::<Taken>()).first(conn).optional()?;
    row.map(|taken| counted(conn, taken)).transpose()
}

/// Returns the list if its link is within the access scope of `filter`.
pub fn find(conn: &mut Conn, filter: &Filter<'_>, id: &ImportId) -> Result<Option<Import>> {
    let mut rows = invite_imports::table
        .filter(invite_imports::id.eq(id))
        .filter(invite_imports::practice_id.eq(filter.practice_id))
        .into_boxed();
    if let Some((owners, ids)) = filter.only {
        let links = practice_links::table
            .filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(ids)));
        rows = rows.filter(invite_imports::link_id.eq_any(links.select(practice_links::id)));
    }
    let row = rows.select(columns::<Taken>()).first(conn).optional()?;
    row.map(|taken| counted(conn, taken)).transpose()
}

fn counted(conn: &mut Conn, taken: Taken) -> Result<Import> {
    let rows = invite_import_rows::table.filter(invite_import_rows::import_id.eq(&taken.id));
    let done = rows.filter(invite_import_rows::result.is_not_null()).count().get_result(conn)?;
    let invited = rows.filter(invite_import_rows::result.eq("created")).count().get_result(conn)?;
    let Taken { id, link_id, created_by, total, created_at } = taken;
    Ok(Import { id, link_id, created_by, total, done, invited, created_at })
}

/// Results of the rows after `after`.
pub fn rows(conn: &mut Conn, import_id: &ImportId, after: i32, limit: i64) -> Result<Vec<Done>> {
    let rows = invite_import_rows::table
        .filter(invite_import_rows::import_id.eq(import_id))
        .filter(invite_import_rows::line.gt(after));
    Ok(rows.order(invite_import_rows::line).limit(limit).select(columns::<Done>()).load(conn)?)
}
