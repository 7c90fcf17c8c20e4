//! The rows of `practice_links`.

use diesel::insert_into;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::NewLink;
use crate::db::schema::practice_links;
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;

#[diesel::declare_sql_function]
extern "SQL" {
    fn length(text: Text) -> Integer;
}

/// One public URL of a practice.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = practice_links)]
pub struct Link {
    /// Its id, `lnk_…`.
    pub id: String,
    /// The practice it belongs to.
    pub practice_id: String,
    /// The digits in the URL.
    pub code: String,
    /// What the practice calls it.
    pub label: String,
    tags: String,
    /// The first entry of its conversations.
    pub welcome: Option<String>,
    state: String,
}

impl Link {
    /// The tags that its conversations get.
    pub fn tags(&self) -> Vec<String> {
        serde_json::from_str(&self.tags).unwrap_or_default()
    }

    /// Whether it leads somewhere.
    pub fn is_open(&self) -> bool {
        self.state == "active"
    }
}

/// Makes a link; `None` when the code is taken.
pub fn insert(conn: &mut Conn, id: &str, code: &str, new: &NewLink, now: Timestamp) -> Result<Option<Link>> {
    let row = (
        practice_links::id.eq(id),
        practice_links::practice_id.eq(&new.practice_id),
        practice_links::code.eq(code),
        practice_links::label.eq(&new.label),
        practice_links::tags.eq(serde_json::to_string(&new.tags).unwrap_or_else(|_| "[]".into())),
        practice_links::welcome.eq(&new.welcome),
        practice_links::state.eq("active"),
        practice_links::is_default.eq(new.is_default),
        practice_links::created_at.eq(now),
    );
    let insert = insert_into(practice_links::table)
        .values(row)
        .on_conflict(practice_links::code)
        .do_nothing()
        .returning(columns::<Link>());
    Ok(Both(insert).get_result(conn).optional()?)
}

/// The link of `id`.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<Link>> {
    Ok(practice_links::table.find(id).select(columns::<Link>()).first(conn).optional()?)
}

/// The link behind exactly `code`.
pub fn find_by_code(conn: &mut Conn, code: &str) -> Result<Option<Link>> {
    let row = practice_links::table.filter(practice_links::code.eq(code));
    Ok(row.select(columns::<Link>()).first(conn).optional()?)
}

/// How many codes of `digits` digits are allocated, in whatever state: codes are never re-issued.
pub fn count_of_length(conn: &mut Conn, digits: u32) -> Result<i64> {
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    let rows = practice_links::table.filter(length(practice_links::code).eq(digits));
    Ok(rows.count().get_result(conn)?)
}
