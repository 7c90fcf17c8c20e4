//! The rows of `pairings`, `conversations`, `conversation_tags` and `entries`.

use diesel::prelude::*;
use diesel::{insert_into, update};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{Conversation, Pairing, PairingSource, PracticeCard};
use super::{NewEntry, NewPairing, Sight};
use crate::db::schema::{
    account_sessions, conversation_tags, conversations, entries, pairing_links, pairings, patients, practices,
};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::Timestamp;
use crate::links::Destination;

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct Opened {
    id: String,
    status: String,
    created_at: Timestamp,
    read_position: i32,
    patient_read_position: i32,
}

/// Whom a conversation is about.
#[derive(Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = patients)]
pub struct PatientCard {
    /// The patient's id.
    #[schema(example = "pat_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// Given name.
    #[schema(example = "Alex")]
    pub given_name: String,
    /// Family name.
    #[schema(example = "Rivera")]
    pub family_name: String,
}

/// One entry of a conversation.
#[derive(Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = entries)]
pub struct Entry {
    /// Its id.
    #[schema(example = "ent_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// Its place in the conversation, from 1.
    #[schema(example = 1)]
    pub position: i32,
    /// `welcome`, `system` or `message`.
    #[schema(example = "message")]
    pub kind: String,
    /// `practice`, `patient` or `system`.
    #[schema(example = "patient")]
    pub author: String,
    /// The text.
    #[schema(example = "Hello, I would like to book a visit.")]
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Makes a pairing; `None` when the patient is paired with that owner of the practice already.
pub fn insert_pairing(
    conn: &mut Conn,
    id: &str,
    new: &NewPairing<'_>,
    now: Timestamp,
) -> Result<Option<String>> {
    let row = (
        pairings::id.eq(id),
        pairings::account_id.eq(new.account_id),
        pairings::patient_id.eq(new.patient_id),
        pairings::practice_id.eq(&new.to.practice.id),
        pairings::link_id.eq(&new.to.link.id),
        pairings::session_id.eq(new.session_id),
        pairings::method.eq(new.method),
        pairings::created_at.eq(now),
        pairings::owner.eq(&new.to.endpoint.owner),
    );
    let insert = insert_into(pairings::table).values(row).on_conflict_do_nothing().returning(pairings::id);
    Ok(Both(insert).get_result(conn).optional()?)
}

/// Notes that a pairing's patient came through a link; `false` when that is known.
pub fn insert_visit(conn: &mut Conn, pairing_id: &str, link_id: &str, now: Timestamp) -> Result<bool> {
    let row = (
        pairing_links::pairing_id.eq(pairing_id),
        pairing_links::link_id.eq(link_id),
        pairing_links::created_at.eq(now),
    );
    let insert = insert_into(pairing_links::table).values(row).on_conflict_do_nothing();
    Ok(Both(insert).execute(conn)? == 1)
}

/// The living pairing of a patient with an owner of a practice.
pub fn open_pairing_id(conn: &mut Conn, new: &NewPairing<'_>) -> Result<String> {
    let row = pairings::table
        .filter(pairings::patient_id.eq(new.patient_id))
        .filter(pairings::practice_id.eq(&new.to.practice.id))
        .filter(pairings::owner.eq(&new.to.endpoint.owner))
        .filter(pairings::ended_at.is_null());
    Ok(row.select(pairings::id).first(conn)?)
}

/// The pairing of `id`.
pub fn pairing(conn: &mut Conn, id: &str) -> Result<Pairing> {
    type Row = (Option<String>, String, Timestamp, String, String, String);
    let row = pairings::table.inner_join(practices::table).filter(pairings::id.eq(id));
    let (link_id, method, created_at, practice_id, name, city): Row = row
        .select((
            pairings::link_id,
            pairings::method,
            pairings::created_at,
            practices::id,
            practices::name,
            practices::city,
        ))
        .first(conn)?;
    Ok(Pairing {
        id: id.to_owned(),
        practice: PracticeCard { id: practice_id, name, city },
        source: PairingSource { kind: "link", link_id, method, guaranteed: true },
        created_at,
    })
}

/// Ids of an account's living pairings in sight, oldest first, after `after`.
pub fn open_pairings(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    let mut rows = pairings::table
        .filter(pairings::account_id.eq(account_id))
        .filter(pairings::ended_at.is_null())
        .filter(pairings::id.gt(after))
        .into_boxed();
    match sight {
        Sight::All => {}
        Sight::Confirmed => rows = rows.filter(pairings::session_id.ne_all(restricted(account_id))),
        Sight::MadeBy(session) => rows = rows.filter(pairings::session_id.eq(session)),
    }
    Ok(rows.order(pairings::id).limit(limit).select(pairings::id).load(conn)?)
}

/// Ends a living pairing in sight; gives its practice.
pub fn end_pairing(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    id: &str,
    now: Timestamp,
) -> Result<Option<String>> {
    let seen = open_pairings(conn, account_id, sight, "", i64::MAX)?;
    if !seen.iter().any(|seen| seen == id) {
        return Ok(None);
    }
    let row = pairings::table.filter(pairings::id.eq(id)).filter(pairings::ended_at.is_null());
    let end = update(row).set(pairings::ended_at.eq(now)).returning(pairings::practice_id);
    Ok(end.get_result(conn).optional()?)
}

/// The restricted sign-ins of an account.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn restricted<'a>(account_id: &'a str) -> _ {
    let sessions = account_sessions::table.filter(account_sessions::account_id.eq(account_id));
    sessions.filter(account_sessions::scope.eq("restricted")).select(account_sessions::id)
}

/// Makes an open conversation without entries.
pub fn insert_conversation(
    conn: &mut Conn,
    id: &str,
    pairing_id: &str,
    to: &Destination,
    now: Timestamp,
) -> Result<()> {
    let row = (
        conversations::id.eq(id),
        conversations::pairing_id.eq(pairing_id),
        conversations::practice_id.eq(&to.practice.id),
        conversations::owner.eq(&to.endpoint.owner),
        conversations::assignee_id.eq(&to.endpoint.assignee_id),
        conversations::status.eq("open"),
        conversations::entry_count.eq(0),
        conversations::created_at.eq(now),
        conversations::link_id.eq(&to.link.id),
        conversations::endpoint_id.eq(&to.endpoint.id),
        conversations::last_entry_at.eq(now),
        conversations::unread.eq(true),
    );
    insert_into(conversations::table).values(row).execute(conn)?;
    Ok(())
}

/// The conversation that a pairing opened.
pub fn conversation_id(conn: &mut Conn, pairing_id: &str) -> Result<String> {
    let row = conversations::table.filter(conversations::pairing_id.eq(pairing_id));
    Ok(row.select(conversations::id).first(conn)?)
}

/// The conversation that a pairing opened, whole.
pub fn conversation_of(conn: &mut Conn, pairing_id: &str) -> Result<Conversation> {
    let row = conversations::table.filter(conversations::pairing_id.eq(pairing_id));
    let Opened { id, status, created_at, read_position, patient_read_position } =
        row.select(columns::<Opened>()).first(conn)?;
    let patient = pairings::table
        .inner_join(patients::table)
        .filter(pairings::id.eq(pairing_id))
        .select(columns::<PatientCard>())
        .first(conn)?;
    let tags = tags(conn, &id)?;
    Ok(Conversation {
        id,
        pairing_id: pairing_id.to_owned(),
        patient,
        status,
        tags,
        read_position: patient_read_position,
        practice_read_position: read_position,
        created_at,
    })
}

/// The conversation of `id`, where its pairing is the account's, in sight; also after
/// the patient left, since what was said stays theirs to read.
pub fn conversation_in_sight(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    id: &str,
) -> Result<Option<Conversation>> {
    let mut row = conversations::table
        .inner_join(pairings::table)
        .filter(conversations::id.eq(id))
        .filter(pairings::account_id.eq(account_id))
        .into_boxed();
    match sight {
        Sight::All => {}
        Sight::Confirmed => row = row.filter(pairings::session_id.ne_all(restricted(account_id))),
        Sight::MadeBy(session) => row = row.filter(pairings::session_id.eq(session)),
    }
    let pairing: Option<String> = row.select(pairings::id).first(conn).optional()?;
    pairing.map(|pairing| conversation_of(conn, &pairing)).transpose()
}

/// Closes a conversation; how many entries it has.
pub fn close_conversation(conn: &mut Conn, id: &str) -> Result<i32> {
    let close = update(conversations::table.find(id)).set(conversations::status.eq("closed"));
    Ok(close.returning(conversations::entry_count).get_result(conn)?)
}

/// Adds tags; how many of them were new.
pub fn add_tags(conn: &mut Conn, conversation_id: &str, tags: &[String]) -> Result<usize> {
    let mut added = 0;
    for tag in tags {
        let row = (conversation_tags::conversation_id.eq(conversation_id), conversation_tags::tag.eq(tag));
        added +=
            Both(insert_into(conversation_tags::table).values(row).on_conflict_do_nothing()).execute(conn)?;
    }
    Ok(added)
}

/// A place in a conversation, and whose that is.
#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub struct Placed {
    /// The place.
    #[diesel(column_name = entry_count)]
    pub position: i32,
    /// The practice.
    pub practice_id: String,
    /// The pairing.
    pub pairing_id: String,
}

/// Reserves the next place in an open conversation. What a patient writes makes it unread; nothing else does.
pub fn next_position(
    conn: &mut Conn,
    conversation_id: &str,
    by_patient: bool,
    now: Timestamp,
) -> Result<Option<Placed>> {
    let row = conversations::table.find(conversation_id).filter(conversations::status.eq("open"));
    let change = (
        conversations::entry_count.eq(conversations::entry_count + 1),
        conversations::last_entry_at.eq(now),
        by_patient.then(|| conversations::unread.eq(true)),
    );
    Ok(update(row).set(change).returning(columns::<Placed>()).get_result(conn).optional()?)
}

/// Writes an entry at `position`.
pub fn insert_entry(
    conn: &mut Conn,
    id: &str,
    conversation_id: &str,
    position: i32,
    new: &NewEntry<'_>,
    now: Timestamp,
) -> Result<Entry> {
    let row = (
        entries::id.eq(id),
        entries::conversation_id.eq(conversation_id),
        entries::position.eq(position),
        entries::kind.eq(new.kind),
        entries::author.eq(new.author),
        entries::body.eq(new.body),
        entries::author_id.eq(new.author_id),
        entries::created_at.eq(now),
    );
    Ok(insert_into(entries::table).values(row).returning(columns::<Entry>()).get_result(conn)?)
}

/// Entries after a position, in order.
pub fn entries(conn: &mut Conn, conversation_id: &str, after: i32, limit: i64) -> Result<Vec<Entry>> {
    let rows = entries::table
        .filter(entries::conversation_id.eq(conversation_id))
        .filter(entries::position.gt(after))
        .order(entries::position)
        .limit(limit);
    Ok(rows.select(columns::<Entry>()).load(conn)?)
}

/// The account whose pairing it is.
pub fn account_of(conn: &mut Conn, pairing_id: &str) -> Result<String> {
    Ok(pairings::table.find(pairing_id).select(pairings::account_id).first(conn)?)
}

/// Those of `ids` whose pairings are the account's, in sight.
pub fn in_sight_among(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    ids: &[String],
) -> Result<Vec<String>> {
    let mut rows = conversations::table
        .inner_join(pairings::table)
        .filter(conversations::id.eq_any(ids))
        .filter(pairings::account_id.eq(account_id))
        .into_boxed();
    match sight {
        Sight::All => {}
        Sight::Confirmed => rows = rows.filter(pairings::session_id.ne_all(restricted(account_id))),
        Sight::MadeBy(session) => rows = rows.filter(pairings::session_id.eq(session)),
    }
    Ok(rows.select(conversations::id).load(conn)?)
}

/// A conversation that nobody else changes until the transaction ends.
#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub struct Held {
    /// The practice.
    pub practice_id: String,
    /// The pairing.
    pub pairing_id: String,
    /// `open` or `closed`.
    pub status: String,
    /// How many entries it has.
    pub entry_count: i32,
    /// Up to which one the practice has read.
    pub read_position: i32,
    /// Up to which one the patient has.
    pub patient_read_position: i32,
    /// Whether the practice has something to read.
    pub unread: bool,
    /// Who answers it.
    pub assignee_id: Option<String>,
    /// How sure the practice is of who it is.
    pub identity: String,
    /// Since when the practice knows that it is not.
    pub acknowledged_at: Option<Timestamp>,
}

/// Holds the conversation of `id`.
pub fn hold(conn: &mut Conn, id: &str) -> Result<Option<Held>> {
    let change = conversations::entry_count.eq(conversations::entry_count);
    let hold = update(conversations::table.find(id)).set(change).returning(columns::<Held>());
    Ok(hold.get_result(conn).optional()?)
}

/// Whether a patient wrote after `position`.
pub fn is_unanswered_after(conn: &mut Conn, id: &str, position: i32) -> Result<bool> {
    let rows = entries::table.filter(entries::conversation_id.eq(id)).filter(entries::position.gt(position));
    let first = rows.filter(entries::author.eq("patient")).select(entries::id);
    Ok(first.first::<String>(conn).optional()?.is_some())
}

/// Sets what the practice has read of a held conversation.
pub fn set_read(conn: &mut Conn, id: &str, position: i32, unread: bool) -> Result<usize> {
    let change = (conversations::read_position.eq(position), conversations::unread.eq(unread));
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// Sets what the patient has read of a held conversation.
pub fn set_patient_read(conn: &mut Conn, id: &str, position: i32) -> Result<usize> {
    let change = conversations::patient_read_position.eq(position);
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// Sets who answers a conversation.
pub fn set_assignee(conn: &mut Conn, id: &str, assignee_id: Option<&str>) -> Result<usize> {
    let change = conversations::assignee_id.eq(assignee_id);
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// The tags of a conversation, sorted.
pub fn tags(conn: &mut Conn, id: &str) -> Result<Vec<String>> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq(id));
    Ok(rows.order(conversation_tags::tag).select(conversation_tags::tag).load(conn)?)
}

/// Takes all tags away.
pub fn clear_tags(conn: &mut Conn, id: &str) -> Result<usize> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq(id));
    Ok(diesel::delete(rows).execute(conn)?)
}

/// Records, once, who writes though it is not known to whom.
pub fn acknowledge(conn: &mut Conn, id: &str, staff_id: &str, now: Timestamp) -> Result<bool> {
    let row = conversations::table.find(id).filter(conversations::acknowledged_at.is_null());
    let change = (conversations::acknowledged_by.eq(staff_id), conversations::acknowledged_at.eq(now));
    Ok(update(row).set(change).execute(conn)? == 1)
}
