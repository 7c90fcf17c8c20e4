//! Queries on `invite_imports` and `invite_import_rows`.

use diesel::prelude::*;
use diesel::{insert_into, update};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::links::{AccessScope, Destination};
use crate::kit::{ImportId, InviteId, LinkId, PracticeId, StaffId, Timestamp};
use crate::platform::db::schema::{invite_import_rows, invite_imports, practice_links};
use crate::platform::db::{Conn, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invite_imports)]
pub(super) struct StoredImport {
    id: ImportId,
    link_id: LinkId,
    created_by: StaffId,
    total: i32,
    created_at: Timestamp,
}

/// An accepted list and its progress.
#[derive(Clone)]
pub struct Import {
    pub id: ImportId,
    /// The link that its invites belong to.
    pub link_id: LinkId,
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

crate::text_enum! {
    /// Result of a row of an imported list.
    #[schema(as = InviteImportResult)]
    pub enum RowResult {
        /// The person was invited.
        Created = "created",
        /// The name is missing or too long.
        NameInvalid = "name_invalid",
        /// The mobile number is not a phone number.
        PhoneInvalid = "phone_invalid",
        /// The e-mail address is not valid.
        EmailInvalid = "email_invalid",
        /// The language is not one of ours.
        LanguageInvalid = "language_invalid",
        /// This contact was invited less than a day ago.
        InviteLimited = "invite_limited",
        /// The number has opted out of texts.
        OptedOut = "opted_out",
        /// The number cannot receive texts.
        PhoneTypeRefused = "phone_type_refused",
        /// The service does not text this country.
        CountryNotSupported = "country_not_supported",
        /// The link is paused or closed.
        LinkPaused = "link_paused",
        /// The invite was refused for another reason.
        Refused = "refused",
    }
}

/// Result of one row of an imported list.
#[derive(Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = invite_import_rows)]
#[schema(as = InviteImportRow)]
pub struct ImportRow {
    /// Row number, counted from 1 without the header.
    #[schema(example = 1)]
    pub line: i32,
    /// `created`, or the error code of a refused row; `null` while the row is pending.
    #[schema(required = true)]
    pub result: Option<RowResult>,
    /// Id of the invite that was created.
    #[schema(required = true)]
    pub invite_id: Option<InviteId>,
}

pub(super) fn insert(
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

pub(super) fn insert_row(conn: &mut Conn, import_id: &ImportId, line: i32, written: &str) -> Result<()> {
    let row = (
        invite_import_rows::import_id.eq(import_id),
        invite_import_rows::line.eq(line),
        invite_import_rows::written.eq(written),
    );
    insert_into(invite_import_rows::table).values(row).execute(conn)?;
    Ok(())
}

/// Rows from `first` to before `end` that have no result yet.
pub(super) fn open_rows(
    conn: &mut Conn,
    import_id: &ImportId,
    first: i32,
    end: i32,
) -> Result<Vec<(i32, String)>> {
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
pub(super) fn settle_row(
    conn: &mut Conn,
    import_id: &ImportId,
    line: i32,
    result: RowResult,
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
pub(super) fn find(conn: &mut Conn, id: &ImportId) -> Result<Option<Import>> {
    let row = invite_imports::table.find(id).select(columns::<StoredImport>()).first(conn).optional()?;
    row.map(|stored| with_progress(conn, stored)).transpose()
}

/// Returns the list if its link is within the access scope.
pub(super) fn find_in_scope(
    conn: &mut Conn,
    (practice_id, scope): (&PracticeId, &AccessScope),
    id: &ImportId,
) -> Result<Option<Import>> {
    let mut rows = invite_imports::table
        .filter(invite_imports::id.eq(id))
        .filter(invite_imports::practice_id.eq(practice_id))
        .into_boxed();
    if let AccessScope::Limited { owners, links, .. } = scope {
        let links = practice_links::table
            .filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(links)));
        rows = rows.filter(invite_imports::link_id.eq_any(links.select(practice_links::id)));
    }
    let row = rows.select(columns::<StoredImport>()).first(conn).optional()?;
    row.map(|stored| with_progress(conn, stored)).transpose()
}

fn with_progress(conn: &mut Conn, stored: StoredImport) -> Result<Import> {
    let rows = invite_import_rows::table.filter(invite_import_rows::import_id.eq(&stored.id));
    let done = rows.filter(invite_import_rows::result.is_not_null()).count().get_result(conn)?;
    let invited = rows.filter(invite_import_rows::result.eq(RowResult::Created)).count().get_result(conn)?;
    let StoredImport { id, link_id, created_by, total, created_at } = stored;
    Ok(Import { id, link_id, created_by, total, done, invited, created_at })
}

/// Results of the rows after `after`.
pub(super) fn rows(conn: &mut Conn, import_id: &ImportId, after: i32, limit: i64) -> Result<Vec<ImportRow>> {
    let rows = invite_import_rows::table
        .filter(invite_import_rows::import_id.eq(import_id))
        .filter(invite_import_rows::line.gt(after));
    Ok(rows.order(invite_import_rows::line).limit(limit).select(columns::<ImportRow>()).load(conn)?)
}
