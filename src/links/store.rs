//! The rows of `practice_links`.

use diesel::insert_into;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{Change, NewLink, State};
use crate::db::schema::{link_people, practice_links, practices};
use crate::db::{Both, Conn, Result, Shared, columns};
use crate::kit::Timestamp;
use crate::practices::Practice;

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
    /// Whether it is the practice's first, which every retired link can fall back to.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who sees its conversations: `practice`, a team's id or a staff member's.
    pub owner: String,
    /// Who answers them.
    pub assignee_id: Option<String>,
    /// Whether previews, texts and e-mails keep the practice's name to themselves.
    pub discreet: bool,
    /// Where it leads once it is retired; `None` is the default link.
    pub forward_id: Option<String>,
}

impl Link {
    /// The tags that its conversations get.
    pub fn tags(&self) -> Vec<String> {
        serde_json::from_str(&self.tags).unwrap_or_default()
    }

    /// Its state; a word that nobody knows counts as closed.
    pub fn state(&self) -> State {
        State::from_word(&self.state).unwrap_or(State::Closed)
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
        practice_links::owner.eq(&new.owner),
        practice_links::assignee_id.eq(&new.assignee_id),
        practice_links::discreet.eq(new.discreet),
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

/// The link of `id`, as it stays until the transaction ends.
pub fn hold(conn: &mut Conn, id: &str) -> Result<Option<Link>> {
    Ok(Shared(practice_links::table.find(id).select(columns::<Link>())).get_result(conn).optional()?)
}

/// The link behind exactly `code` with its practice: one statement, whatever it finds, so that no state of a
/// link answers sooner than another.
pub fn find_by_code(conn: &mut Conn, code: &str) -> Result<Option<(Link, Practice)>> {
    let row = practice_links::table.inner_join(practices::table).filter(practice_links::code.eq(code));
    Ok(row.select((columns::<Link>(), columns::<Practice>())).first(conn).optional()?)
}

/// The link of `id` with its practice.
pub fn find_with_practice(conn: &mut Conn, id: &str) -> Result<Option<(Link, Practice)>> {
    let row = practice_links::table.inner_join(practices::table).filter(practice_links::id.eq(id));
    Ok(row.select((columns::<Link>(), columns::<Practice>())).first(conn).optional()?)
}

/// The default link of a practice.
pub fn find_default(conn: &mut Conn, practice_id: &str) -> Result<Option<Link>> {
    let row = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    Ok(row.filter(practice_links::is_default).select(columns::<Link>()).first(conn).optional()?)
}

/// How many codes of `digits` digits are allocated, in whatever state: codes are never re-issued.
pub fn count_of_length(conn: &mut Conn, digits: u32) -> Result<i64> {
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    let rows = practice_links::table.filter(length(practice_links::code).eq(digits));
    Ok(rows.count().get_result(conn)?)
}

/// The link of `id` in a practice.
pub fn find_of(conn: &mut Conn, practice_id: &str, id: &str) -> Result<Option<Link>> {
    let row = practice_links::table.find(id).filter(practice_links::practice_id.eq(practice_id));
    Ok(row.select(columns::<Link>()).first(conn).optional()?)
}

/// A practice's links after `after`, oldest first; with `only`, those of some owners and those named.
pub fn list(
    conn: &mut Conn,
    practice_id: &str,
    only: Option<(&[String], &[String])>,
    after: &str,
    limit: i64,
) -> Result<Vec<Link>> {
    let mut rows = practice_links::table
        .filter(practice_links::practice_id.eq(practice_id))
        .filter(practice_links::id.gt(after))
        .into_boxed();
    if let Some((owners, ids)) = only {
        rows = rows.filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(ids)));
    }
    Ok(rows.order(practice_links::id).limit(limit).select(columns::<Link>()).load(conn)?)
}

/// What a change writes.
#[derive(AsChangeset)]
#[diesel(table_name = practice_links)]
struct Changed<'a> {
    label: Option<&'a str>,
    tags: Option<String>,
    welcome: Option<Option<String>>,
    owner: Option<&'a str>,
    assignee_id: Option<Option<String>>,
    discreet: Option<bool>,
    state: Option<&'static str>,
    forward_id: Option<Option<String>>,
}

/// Changes a link that still stands as it was `seen`.
pub fn update(conn: &mut Conn, seen: &Link, change: &Change) -> Result<Option<Link>> {
    let tags = change.tags.as_ref().map(|tags| serde_json::to_string(tags).unwrap_or_else(|_| "[]".into()));
    let changed = Changed {
        label: change.label.as_deref(),
        tags,
        welcome: change.welcome.clone(),
        owner: change.owner.as_deref(),
        assignee_id: change.assignee_id.clone(),
        discreet: change.discreet,
        // Written in any case, so that the statement never is without a column to set.
        state: Some(change.state.unwrap_or(seen.state()).as_str()),
        forward_id: change.forward_to.clone(),
    };
    let row = practice_links::table.find(&seen.id).filter(practice_links::state.eq(&seen.state));
    let update = diesel::update(row).set(changed).returning(columns::<Link>());
    Ok(update.get_result(conn).optional()?)
}

/// Closes every link of a practice.
pub fn close_all(conn: &mut Conn, practice_id: &str) -> Result<usize> {
    let rows = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    Ok(diesel::update(rows).set(practice_links::state.eq("closed")).execute(conn)?)
}

/// The people who have `part` in a link, by id.
pub fn people(conn: &mut Conn, link_id: &str, part: &str) -> Result<Vec<String>> {
    let rows = link_people::table.filter(link_people::link_id.eq(link_id)).filter(link_people::part.eq(part));
    Ok(rows.order(link_people::staff_id).select(link_people::staff_id).load(conn)?)
}

/// The links that a staff member is assignee or member of.
pub fn joined(conn: &mut Conn, staff_id: &str) -> Result<Vec<String>> {
    let assigned = practice_links::table.filter(practice_links::assignee_id.eq(staff_id));
    let mut ids: Vec<String> = assigned.select(practice_links::id).load(conn)?;
    let shared = link_people::table.filter(link_people::staff_id.eq(staff_id));
    let shared = shared.filter(link_people::part.eq("member")).select(link_people::link_id);
    ids.extend(shared.load::<String>(conn)?);
    Ok(ids)
}

/// Gives `part` in a link to exactly these people.
pub fn replace_people(conn: &mut Conn, link_id: &str, part: &str, staff: &[String]) -> Result<()> {
    let rows = link_people::table.filter(link_people::link_id.eq(link_id)).filter(link_people::part.eq(part));
    diesel::delete(rows).execute(conn)?;
    for id in staff {
        let row =
            (link_people::link_id.eq(link_id), link_people::staff_id.eq(id), link_people::part.eq(part));
        Both(insert_into(link_people::table).values(row).on_conflict_do_nothing()).execute(conn)?;
    }
    Ok(())
}
