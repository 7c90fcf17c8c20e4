//! Queries on `practice_links` and `link_people`.

use diesel::insert_into;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{AccessScope, Change, NewLink, Owner, State};
use crate::domain::practices::Practice;
use crate::kit::{LinkId, PracticeId, StaffId, Timestamp};
use crate::platform::db::schema::{link_people, practice_links, practices};
use crate::platform::db::{Both, Conn, Result, Shared, columns};

#[diesel::declare_sql_function]
extern "SQL" {
    fn length(text: Text) -> Integer;
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = practice_links)]
pub struct Link {
    /// Prefixed, time-ordered id: `lnk_…`.
    pub id: LinkId,
    pub practice_id: PracticeId,
    /// The digits in the URL.
    pub code: String,
    pub label: String,
    tags: String,
    /// First entry of its conversations.
    pub welcome: Option<String>,
    pub state: State,
    /// Whether it is the practice's first link, which retired links fall back to.
    pub is_default: bool,
    pub created_at: Timestamp,
    /// Who can see its conversations.
    pub owner: Owner,
    /// Staff member who answers its conversations.
    pub assignee_id: Option<StaffId>,
    /// Whether previews, texts and e-mails omit the practice's name.
    pub discreet: bool,
    /// Target once the link is retired; `None` is the default link.
    pub forward_id: Option<LinkId>,
}

impl Link {
    /// Tags that its conversations get.
    pub fn tags(&self) -> Vec<String> {
        serde_json::from_str(&self.tags).unwrap_or_default()
    }
}

crate::text_enum! {
    /// What a staff member does on a link.
    pub enum Part {
        /// Sees the link's conversations.
        Member = "member",
        /// Is notified of the link's new conversations.
        Notify = "notify",
    }
}

/// Inserts a link; `None` if the code is taken.
pub(super) fn insert(
    conn: &mut Conn,
    id: &LinkId,
    practice_id: &PracticeId,
    code: &str,
    new: &NewLink,
    now: Timestamp,
) -> Result<Option<Link>> {
    let row = (
        practice_links::id.eq(id),
        practice_links::practice_id.eq(practice_id),
        practice_links::code.eq(code),
        practice_links::label.eq(&new.label),
        practice_links::tags.eq(serde_json::to_string(&new.tags).unwrap_or_else(|_| "[]".into())),
        practice_links::welcome.eq(&new.welcome),
        practice_links::state.eq(State::Active),
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

pub(super) fn find(conn: &mut Conn, id: &LinkId) -> Result<Option<Link>> {
    Ok(practice_links::table.find(id).select(columns::<Link>()).first(conn).optional()?)
}

/// Returns the link with a shared row lock until the transaction ends.
pub(super) fn lock(conn: &mut Conn, id: &LinkId) -> Result<Option<Link>> {
    Ok(Shared(practice_links::table.find(id).select(columns::<Link>())).get_result(conn).optional()?)
}

/// Returns the link of exactly `code` with its practice. It is one statement whatever it finds, so that the
/// response time does not reveal the state of a link.
pub(super) fn find_by_code(conn: &mut Conn, code: &str) -> Result<Option<(Link, Practice)>> {
    let row = practice_links::table.inner_join(practices::table).filter(practice_links::code.eq(code));
    Ok(row.select((columns::<Link>(), columns::<Practice>())).first(conn).optional()?)
}

pub(super) fn find_with_practice(conn: &mut Conn, id: &LinkId) -> Result<Option<(Link, Practice)>> {
    let row = practice_links::table.inner_join(practices::table).filter(practice_links::id.eq(id));
    Ok(row.select((columns::<Link>(), columns::<Practice>())).first(conn).optional()?)
}

/// Returns the link and its practice with shared row locks until the transaction ends. The practice is named
/// first, so that it is locked first, the same order in which closing a practice locks them.
pub(super) fn lock_with_practice(conn: &mut Conn, id: &LinkId) -> Result<Option<(Link, Practice)>> {
    let row = practices::table.inner_join(practice_links::table).filter(practice_links::id.eq(id));
    let row = row.select((columns::<Link>(), columns::<Practice>()));
    Ok(Shared(row).get_result(conn).optional()?)
}

pub(super) fn find_default(conn: &mut Conn, practice_id: &PracticeId) -> Result<Option<Link>> {
    let row = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    Ok(row.filter(practice_links::is_default).select(columns::<Link>()).first(conn).optional()?)
}

/// How many codes of `digits` digits are allocated, in any state: codes are never re-issued.
pub(super) fn count_of_length(conn: &mut Conn, digits: u32) -> Result<i64> {
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    let rows = practice_links::table.filter(length(practice_links::code).eq(digits));
    Ok(rows.count().get_result(conn)?)
}

pub(super) fn find_of(conn: &mut Conn, practice_id: &PracticeId, id: &LinkId) -> Result<Option<Link>> {
    let row = practice_links::table.find(id).filter(practice_links::practice_id.eq(practice_id));
    Ok(row.select(columns::<Link>()).first(conn).optional()?)
}

/// Links of a practice within a scope after `after`, oldest first.
pub(super) fn list(
    conn: &mut Conn,
    practice_id: &PracticeId,
    scope: &AccessScope,
    after: &str,
    limit: i64,
) -> Result<Vec<Link>> {
    let mut rows = practice_links::table
        .filter(practice_links::practice_id.eq(practice_id))
        .filter(practice_links::id.gt(after))
        .into_boxed();
    if let AccessScope::Limited { owners, links, .. } = scope {
        rows = rows.filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(links)));
    }
    Ok(rows.order(practice_links::id).limit(limit).select(columns::<Link>()).load(conn)?)
}

#[derive(AsChangeset)]
#[diesel(table_name = practice_links)]
struct Changes<'a> {
    label: Option<&'a str>,
    tags: Option<String>,
    welcome: Option<Option<String>>,
    owner: Option<&'a Owner>,
    assignee_id: Option<Option<StaffId>>,
    discreet: Option<bool>,
    state: Option<State>,
    forward_id: Option<Option<LinkId>>,
}

/// Changes a link whose state is still the one that was `seen`.
pub(super) fn update(conn: &mut Conn, seen: &Link, change: &Change) -> Result<Option<Link>> {
    let tags = change.tags.as_ref().map(|tags| serde_json::to_string(tags).unwrap_or_else(|_| "[]".into()));
    let changes = Changes {
        label: change.label.as_deref(),
        tags,
        welcome: change.welcome.clone(),
        owner: change.owner.as_ref(),
        assignee_id: change.assignee_id.clone(),
        discreet: change.discreet,
        // Always written, so that the statement has at least one column to set.
        state: Some(change.state.unwrap_or(seen.state)),
        forward_id: change.forward_to.clone(),
    };
    let row = practice_links::table.find(&seen.id).filter(practice_links::state.eq(seen.state));
    let update = diesel::update(row).set(changes).returning(columns::<Link>());
    Ok(update.get_result(conn).optional()?)
}

pub(super) fn close_all(conn: &mut Conn, practice_id: &PracticeId) -> Result<usize> {
    let rows = practice_links::table.filter(practice_links::practice_id.eq(practice_id));
    Ok(diesel::update(rows).set(practice_links::state.eq(State::Closed)).execute(conn)?)
}

/// Ids of the staff members with a part on a link, in order.
pub(super) fn people(conn: &mut Conn, link_id: &LinkId, part: Part) -> Result<Vec<StaffId>> {
    let rows = link_people::table.filter(link_people::link_id.eq(link_id)).filter(link_people::part.eq(part));
    Ok(rows.order(link_people::staff_id).select(link_people::staff_id).load(conn)?)
}

/// Ids of the links that a staff member is assignee or member of.
pub(super) fn joined(conn: &mut Conn, staff_id: &StaffId) -> Result<Vec<LinkId>> {
    let assigned = practice_links::table.filter(practice_links::assignee_id.eq(staff_id));
    let mut ids: Vec<LinkId> = assigned.select(practice_links::id).load(conn)?;
    let shared = link_people::table.filter(link_people::staff_id.eq(staff_id));
    let shared = shared.filter(link_people::part.eq(Part::Member)).select(link_people::link_id);
    ids.extend(shared.load::<LinkId>(conn)?);
    Ok(ids)
}

/// Replaces the staff members with a part on a link.
pub(super) fn replace_people(conn: &mut Conn, link_id: &LinkId, part: Part, staff: &[StaffId]) -> Result<()> {
    let rows = link_people::table.filter(link_people::link_id.eq(link_id)).filter(link_people::part.eq(part));
    diesel::delete(rows).execute(conn)?;
    for id in staff {
        let row =
            (link_people::link_id.eq(link_id), link_people::staff_id.eq(id), link_people::part.eq(part));
        Both(insert_into(link_people::table).values(row).on_conflict_do_nothing()).execute(conn)?;
    }
    Ok(())
}
