//! Queries on `conversations`, `conversation_tags` and `entries`.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::{insert_into, update};
use serde::Serialize;
use utoipa::ToSchema;

use super::NewEntry;
use super::access::Access;
use super::access::store::visible;
use super::state::{Author, EntryKind, IdentityState, Relation, Status};
use super::view::Conversation;
use crate::domain::links::Destination;
use crate::kit::{
    AccountId, ConversationId, EntryId, LinkId, PairingId, PatientId, PracticeId, StaffId, Timestamp,
};
use crate::platform::Tx;
use crate::platform::db::schema::{conversation_tags, conversations, entries, pairings, patients};
use crate::platform::db::{Both, Cell, Conn, Locked, Result, columns, few_rows};

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct Row {
    id: ConversationId,
    status: Status,
    created_at: Timestamp,
    read_position: i32,
    patient_read_position: i32,
}

/// The patient a conversation is about.
#[derive(Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = patients)]
pub struct PatientCard {
    /// Id of the patient.
    pub id: PatientId,
    /// Given name of the patient.
    #[schema(example = "Alex")]
    pub given_name: String,
    /// Family name of the patient.
    #[schema(example = "Rivera")]
    pub family_name: String,
    /// Relation of the patient to the account holder, who writes for them.
    pub relation: Relation,
}

/// One entry of a conversation.
#[derive(Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = entries)]
pub struct Entry {
    /// Id of the entry.
    pub id: EntryId,
    /// Position in the conversation, starting at 1.
    #[schema(example = 1)]
    pub position: i32,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The side that the entry is from.
    pub author: Author,
    /// Text of the entry.
    #[schema(example = "Hello, I would like to book a visit.")]
    pub body: String,
    /// When the entry was written.
    pub created_at: Timestamp,
}

/// A conversation to open, with the tags of its link and its first entries.
pub struct NewConversation<'a> {
    pub id: &'a ConversationId,
    pub pairing_id: &'a PairingId,
    pub to: &'a Destination,
    pub tags: &'a BTreeSet<String>,
    pub entries: &'a [NewEntry<'a>],
}

/// Opens a conversation, at the end of the unit of work.
pub fn open(tx: &mut Tx, new: &NewConversation<'_>) {
    let NewConversation { id, pairing_id, to, tags, entries } = new;
    let row = (
        conversations::id.eq((*id).clone()),
        conversations::pairing_id.eq((*pairing_id).clone()),
        conversations::practice_id.eq(to.practice.id.clone()),
        conversations::owner.eq(to.effective.owner.clone()),
        conversations::assignee_id.eq(to.effective.assignee_id.clone()),
        conversations::status.eq(Status::Open),
        conversations::entry_count.eq(i32::try_from(entries.len()).unwrap_or(i32::MAX)),
        conversations::created_at.eq(tx.now),
        conversations::link_id.eq(to.link.id.clone()),
        conversations::endpoint_id.eq(to.effective.id.clone()),
        conversations::last_entry_at.eq(tx.now),
        conversations::unread.eq(true),
        conversations::identity_since.eq(tx.now),
        conversations::to_verify.eq(true),
    );
    tx.insert_later(insert_into(conversations::table).values(row));
    insert_entries(tx, id, entries);
    if !tags.is_empty() {
        let text = |text: &str| Cell::Text(Some(text.to_owned()));
        let tag = |tag: &String| vec![text(id.as_str()), text(tag), Cell::Flag(true)];
        let tags = tags.iter().map(tag).collect();
        tx.insert_later(few_rows(conversation_tags::table, &["conversation_id", "tag", "given"], tags));
    }
}

const ENTRY: [&str; 8] =
    ["id", "conversation_id", "position", "kind", "author", "body", "author_id", "created_at"];

fn insert_entries(tx: &mut Tx, conversation_id: &ConversationId, new: &[NewEntry<'_>]) {
    let text = |text: &str| Cell::Text(Some(text.to_owned()));
    let cells = |(entry, position): (&NewEntry<'_>, i64)| {
        vec![
            text(tx.id::<EntryId>().as_str()),
            text(conversation_id.as_str()),
            Cell::Number(position),
            text(entry.kind.as_str()),
            text(entry.author.as_str()),
            text(entry.body),
            Cell::Text(entry.author_id.map(ToString::to_string)),
            Cell::Number(tx.now.millis()),
        ]
    };
    let rows = new.iter().zip(1..).map(cells).collect();
    tx.insert_later(few_rows(entries::table, &ENTRY, rows));
}

/// Id of the conversation that a pairing opened.
pub fn conversation_id(conn: &mut Conn, pairing_id: &PairingId) -> Result<ConversationId> {
    let row = conversations::table.filter(conversations::pairing_id.eq(pairing_id));
    Ok(row.select(conversations::id).first(conn)?)
}

/// The conversation that a pairing opened.
pub fn conversation_of(conn: &mut Conn, pairing_id: &PairingId) -> Result<Conversation> {
    let row = conversations::table.filter(conversations::pairing_id.eq(pairing_id));
    let Row { id, status, created_at, read_position, patient_read_position } =
        row.select(columns::<Row>()).first(conn)?;
    let patient = pairings::table
        .inner_join(patients::table)
        .filter(pairings::id.eq(pairing_id))
        .select(columns::<PatientCard>())
        .first(conn)?;
    let tags = given_tags(conn, &id)?;
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

/// The account's conversation of this id, if it is visible. It is found even after the patient left, who can
/// still read what was written.
pub fn find(conn: &mut Conn, access: Access<'_>, id: &ConversationId) -> Result<Option<Conversation>> {
    let row = visible(access).filter(conversations::id.eq(id));
    let pairing: Option<PairingId> = row.select(pairings::id).first(conn).optional()?;
    pairing.map(|pairing| conversation_of(conn, &pairing)).transpose()
}

/// Closes a conversation, takes it off the identity work list, and returns its entry count.
pub fn close_conversation(conn: &mut Conn, id: &ConversationId) -> Result<i32> {
    let change = (conversations::status.eq(Status::Closed), conversations::to_verify.eq(false));
    let close = update(conversations::table.find(id)).set(change);
    Ok(close.returning(conversations::entry_count).get_result(conn)?)
}

pub fn reopen_conversation(conn: &mut Conn, id: &ConversationId) -> Result<usize> {
    Ok(update(conversations::table.find(id)).set(conversations::status.eq(Status::Open)).execute(conn)?)
}

/// Sets the identity state of a locked conversation, and whether staff should check it.
pub fn set_identity(
    conn: &mut Conn,
    id: &ConversationId,
    state: IdentityState,
    to_verify: bool,
    met_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<usize> {
    let change = (
        conversations::identity.eq(state),
        conversations::identity_since.eq(now),
        conversations::met_at.eq(met_at),
        conversations::to_verify.eq(to_verify),
    );
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// Makes the next author acknowledge the unverified identity again.
pub fn forget_acknowledgement(conn: &mut Conn, id: &ConversationId) -> Result<usize> {
    let change = (
        conversations::acknowledged_by.eq(None::<StaffId>),
        conversations::acknowledged_at.eq(None::<Timestamp>),
    );
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// Adds tags chosen by staff.
pub fn add_tags(conn: &mut Conn, conversation_id: &ConversationId, tags: &[String]) -> Result<()> {
    for tag in tags {
        let row = (
            conversation_tags::conversation_id.eq(conversation_id),
            conversation_tags::tag.eq(tag),
            conversation_tags::given.eq(false),
        );
        Both(insert_into(conversation_tags::table).values(row).on_conflict_do_nothing()).execute(conn)?;
    }
    Ok(())
}

/// Adds tags of a link, which the patient sees.
pub fn give_tags(conn: &mut Conn, conversation_id: &ConversationId, tags: &[String]) -> Result<()> {
    add_tags(conn, conversation_id, tags)?;
    update(conversation_tags::table)
        .filter(conversation_tags::conversation_id.eq(conversation_id))
        .filter(conversation_tags::tag.eq_any(tags))
        .set(conversation_tags::given.eq(true))
        .execute(conn)?;
    Ok(())
}

/// A position in a conversation, with its practice and pairing.
#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub struct EntrySlot {
    #[diesel(column_name = entry_count)]
    pub position: i32,
    pub practice_id: PracticeId,
    pub pairing_id: PairingId,
}

/// Reserves the next position in an open conversation. Only an entry by the patient makes it unread.
pub fn next_position(
    conn: &mut Conn,
    conversation_id: &ConversationId,
    by_patient: bool,
    now: Timestamp,
) -> Result<Option<EntrySlot>> {
    let row = conversations::table.find(conversation_id).filter(conversations::status.eq(Status::Open));
    let change = (
        conversations::entry_count.eq(conversations::entry_count + 1),
        conversations::last_entry_at.eq(now),
        by_patient.then(|| conversations::unread.eq(true)),
    );
    Ok(update(row).set(change).returning(columns::<EntrySlot>()).get_result(conn).optional()?)
}

pub fn insert_entry(
    conn: &mut Conn,
    id: &EntryId,
    conversation_id: &ConversationId,
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
pub fn entries(
    conn: &mut Conn,
    conversation_id: &ConversationId,
    after: i32,
    limit: i64,
) -> Result<Vec<Entry>> {
    let rows = entries::table
        .filter(entries::conversation_id.eq(conversation_id))
        .filter(entries::position.gt(after))
        .order(entries::position)
        .limit(limit);
    Ok(rows.select(columns::<Entry>()).load(conn)?)
}

/// The subset of `ids` that is visible.
pub fn visible_among(
    conn: &mut Conn,
    access: Access<'_>,
    ids: &[ConversationId],
) -> Result<Vec<ConversationId>> {
    let rows = visible(access).filter(conversations::id.eq_any(ids));
    Ok(rows.select(conversations::id).load(conn)?)
}

/// A conversation row locked until the end of the transaction.
#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub struct LockedConversation {
    pub practice_id: PracticeId,
    pub pairing_id: PairingId,
    pub status: Status,
    pub entry_count: i32,
    /// Last entry the practice has read.
    pub read_position: i32,
    /// Last entry the patient has read.
    pub patient_read_position: i32,
    pub unread: bool,
    pub assignee_id: Option<StaffId>,
    pub identity: IdentityState,
    /// When staff acknowledged that the identity is unverified.
    pub acknowledged_at: Option<Timestamp>,
    pub link_id: Option<LinkId>,
}

/// Locks a conversation and returns it.
pub fn lock(conn: &mut Conn, id: &ConversationId) -> Result<Option<LockedConversation>> {
    let row = conversations::table.find(id).select(columns::<LockedConversation>());
    Ok(Locked(row).get_result(conn).optional()?)
}

/// Whether the patient wrote after `position`.
pub fn is_unanswered_after(conn: &mut Conn, id: &ConversationId, position: i32) -> Result<bool> {
    let rows = entries::table.filter(entries::conversation_id.eq(id)).filter(entries::position.gt(position));
    let first = rows.filter(entries::author.eq(Author::Patient)).select(entries::id);
    Ok(first.first::<EntryId>(conn).optional()?.is_some())
}

/// Sets how far the practice has read a locked conversation.
pub fn set_read(conn: &mut Conn, id: &ConversationId, position: i32, unread: bool) -> Result<usize> {
    let change = (conversations::read_position.eq(position), conversations::unread.eq(unread));
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// Sets how far the patient has read a locked conversation.
pub fn set_patient_read(conn: &mut Conn, id: &ConversationId, position: i32) -> Result<usize> {
    let change = conversations::patient_read_position.eq(position);
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

pub fn set_assignee(conn: &mut Conn, id: &ConversationId, assignee_id: Option<&StaffId>) -> Result<usize> {
    let change = conversations::assignee_id.eq(assignee_id);
    Ok(update(conversations::table.find(id)).set(change).execute(conn)?)
}

/// All tags of a conversation, sorted.
pub fn tags(conn: &mut Conn, id: &ConversationId) -> Result<Vec<String>> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq(id));
    Ok(rows.order(conversation_tags::tag).select(conversation_tags::tag).load(conn)?)
}

/// Tags that links gave a conversation, sorted.
fn given_tags(conn: &mut Conn, id: &ConversationId) -> Result<Vec<String>> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq(id));
    let given = rows.filter(conversation_tags::given.eq(true));
    Ok(given.order(conversation_tags::tag).select(conversation_tags::tag).load(conn)?)
}

/// Removes all tags except `kept`.
pub fn keep_tags(conn: &mut Conn, id: &ConversationId, kept: &[String]) -> Result<usize> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq(id));
    Ok(diesel::delete(rows.filter(conversation_tags::tag.ne_all(kept))).execute(conn)?)
}

/// Records, once, the staff member who writes although the identity is unverified.
pub fn acknowledge(conn: &mut Conn, id: &ConversationId, staff_id: &StaffId, now: Timestamp) -> Result<bool> {
    let row = conversations::table.find(id).filter(conversations::acknowledged_at.is_null());
    let change = (conversations::acknowledged_by.eq(staff_id), conversations::acknowledged_at.eq(now));
    Ok(update(row).set(change).execute(conn)? == 1)
}

pub fn account_of(conn: &mut Conn, pairing_id: &PairingId) -> Result<AccountId> {
    Ok(pairings::table.find(pairing_id).select(pairings::account_id).first(conn)?)
}

/// Whether a pairing has not ended.
pub fn is_paired(conn: &mut Conn, pairing_id: &PairingId) -> Result<bool> {
    let row = pairings::table.find(pairing_id).filter(pairings::ended_at.is_null());
    Ok(row.select(pairings::id).first::<PairingId>(conn).optional()?.is_some())
}
