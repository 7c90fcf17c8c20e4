//! Inbox queries: one statement for a page of `conversations`, and one for each kind of related row.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::Reader;
use super::view::{
    Acknowledgement, Card, Cursor, InboxEntry, LastEntry, LinkCard, StaffCard, WorkListCursor,
};
use crate::domain::conversations::access::store::paired_by_restricted_session;
use crate::domain::conversations::{
    Author, EntryKind, IdentityState, PairingSource, PatientCard, Status, visible_email,
};
use crate::domain::links::{AccessScope, Method};
use crate::kit::{ConversationId, EntryId, InviteId, LinkId, PairingId, StaffId, Timestamp};
use crate::platform::db::schema::{
    accounts, conversation_tags, conversations, entries, pairings, patients, practice_links, staff,
};
use crate::platform::db::{Conn, MultiBackend, Result, columns};

/// Maximum length of a preview in characters.
const MAX_PREVIEW: usize = 120;

/// Which conversations to list; a field that is `None` does not filter.
#[derive(Default)]
pub struct Filter {
    pub link: Option<LinkId>,
    pub tag: Option<String>,
    pub identity: Option<IdentityState>,
    pub assignee: Option<AssigneeFilter>,
    pub unread: Option<bool>,
}

/// Filter by who answers the conversation.
pub enum AssigneeFilter {
    Unassigned,
    Staff(StaffId),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
struct Row {
    id: ConversationId,
    pairing_id: PairingId,
    status: Status,
    link_id: Option<LinkId>,
    assignee_id: Option<StaffId>,
    identity: IdentityState,
    identity_since: Timestamp,
    unread: bool,
    entry_count: i32,
    read_position: i32,
    patient_read_position: i32,
    acknowledged_by: Option<StaffId>,
    acknowledged_at: Option<Timestamp>,
    last_entry_at: Timestamp,
    created_at: Timestamp,
}

type Rows<'a> = conversations::BoxedQuery<'a, MultiBackend>;

fn in_scope(reader: &Reader) -> Rows<'_> {
    let rows = conversations::table.filter(conversations::practice_id.eq(&reader.practice_id)).into_boxed();
    match &reader.scope {
        AccessScope::All => rows,
        AccessScope::Limited { owners, links, staff_id } => rows.filter(
            conversations::owner
                .eq_any(owners)
                .or(conversations::endpoint_id.eq_any(links))
                .or(conversations::assignee_id.eq(staff_id)),
        ),
    }
}

/// A page of conversations with their related rows.
pub fn list(
    conn: &mut Conn,
    reader: &Reader,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Card>> {
    let mut rows = filtered(in_scope(reader), filter);
    if let Some(Cursor { last_entry_at, id }) = after {
        let behind = conversations::last_entry_at.lt(last_entry_at).or(conversations::id.lt(id));
        // The first condition bounds the index scan, which the second one cannot do by itself.
        rows = rows.filter(conversations::last_entry_at.le(last_entry_at)).filter(behind);
    }
    let order = (conversations::last_entry_at.desc(), conversations::id.desc());
    let rows = rows.order(order).limit(limit).select(columns::<Row>()).load(conn)?;
    cards(conn, rows)
}

fn filtered<'a>(mut rows: Rows<'a>, filter: &'a Filter) -> Rows<'a> {
    if let Some(link) = &filter.link {
        rows = rows.filter(conversations::link_id.eq(link));
    }
    if let Some(tag) = &filter.tag {
        let tagged = conversation_tags::table.filter(conversation_tags::tag.eq(tag));
        rows = rows.filter(conversations::id.eq_any(tagged.select(conversation_tags::conversation_id)));
    }
    if let Some(identity) = &filter.identity {
        rows = rows.filter(conversations::identity.eq(*identity));
    }
    if let Some(unread) = filter.unread {
        rows = rows.filter(conversations::unread.eq(unread));
    }
    match &filter.assignee {
        Some(AssigneeFilter::Staff(id)) => rows.filter(conversations::assignee_id.eq(id)),
        Some(AssigneeFilter::Unassigned) => rows.filter(conversations::assignee_id.is_null()),
        None => rows,
    }
}

/// A page of the identity work list.
pub fn to_verify(
    conn: &mut Conn,
    reader: &Reader,
    after: Option<&WorkListCursor>,
    limit: i64,
) -> Result<Vec<Card>> {
    let mut rows = in_scope(reader).filter(conversations::to_verify.eq(true));
    if let Some(WorkListCursor { since, id }) = after {
        let behind = conversations::identity_since.gt(since).or(conversations::id.gt(id));
        rows = rows.filter(conversations::identity_since.ge(since)).filter(behind);
    }
    let order = (conversations::identity_since, conversations::id);
    let rows = rows.order(order).limit(limit).select(columns::<Row>()).load(conn)?;
    cards(conn, rows)
}

/// Length of the identity work list, counted only up to `most`, so that the query stays fast on a long list.
pub fn count_to_verify(conn: &mut Conn, reader: &Reader, most: i64) -> Result<usize> {
    let rows = in_scope(reader).filter(conversations::to_verify.eq(true)).limit(most);
    Ok(rows.select(conversations::id).load::<ConversationId>(conn)?.len())
}

pub fn find(conn: &mut Conn, reader: &Reader, id: &ConversationId) -> Result<Option<Card>> {
    let row = in_scope(reader).filter(conversations::id.eq(id)).select(columns::<Row>());
    let row: Option<Row> = row.first(conn).optional()?;
    Ok(cards(conn, row.into_iter().collect())?.pop())
}

/// The subset of `ids` within the access scope.
pub fn in_scope_among(
    conn: &mut Conn,
    reader: &Reader,
    ids: &[ConversationId],
) -> Result<Vec<ConversationId>> {
    Ok(in_scope(reader).filter(conversations::id.eq_any(ids)).select(conversations::id).load(conn)?)
}

/// Contact details of a patient, to compare with the practice's own records.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = PatientContact)]
pub struct Contact {
    /// The verified phone number (E.164); `null` after the account was deleted.
    #[schema(required = true, example = "+14155552671")]
    pub phone: Option<String>,
    /// The e-mail address the patient gave; `null` if the account's number may belong to someone else by now.
    #[schema(required = true, example = "alex@example.org")]
    pub email: Option<String>,
    /// Whether the patient verified the e-mail address.
    pub email_verified: bool,
    /// The patient's birth date, ISO 8601.
    #[schema(required = true, example = "1987-05-31")]
    pub birth_date: Option<String>,
}

/// Phone, e-mail, whether the e-mail is verified, birth date, and whether a restricted
/// session made the pairing.
type Found = (Option<String>, Option<String>, bool, Option<String>, bool);

impl Contact {
    fn of((phone, email, is_proven, birth_date, by_restricted): Found) -> Self {
        let (email, email_verified) = visible_email(email, is_proven, by_restricted);
        Self { phone, email, email_verified, birth_date }
    }
}

/// Contact details of a pairing's patient.
pub fn contact(conn: &mut Conn, pairing_id: &PairingId) -> Result<Contact> {
    let row = pairings::table.inner_join(patients::table).inner_join(accounts::table);
    let columns = (
        accounts::phone,
        accounts::email,
        accounts::email_proven_at.is_not_null(),
        patients::birth_date,
        paired_by_restricted_session(),
    );
    Ok(row.filter(pairings::id.eq(pairing_id)).select(columns).first(conn).map(Contact::of)?)
}

/// Entries after a position, in order.
pub fn entries(conn: &mut Conn, id: &ConversationId, after: i32, limit: i64) -> Result<Vec<InboxEntry>> {
    type Row = (EntryId, i32, EntryKind, Author, Option<StaffId>, String, Timestamp);
    let rows = entries::table
        .filter(entries::conversation_id.eq(id))
        .filter(entries::position.gt(after))
        .order(entries::position)
        .limit(limit);
    let rows: Vec<Row> = rows
        .select((
            entries::id,
            entries::position,
            entries::kind,
            entries::author,
            entries::author_id,
            entries::body,
            entries::created_at,
        ))
        .load(conn)?;
    let names = staff_by_id(conn, rows.iter().filter_map(|row| row.4.as_ref()).collect())?;
    let entry = |(id, position, kind, author, author_id, body, created_at): Row| {
        let staff = author_id.and_then(|id| names.get(&id).cloned());
        InboxEntry { id, position, kind, author, staff, body, created_at }
    };
    Ok(rows.into_iter().map(entry).collect())
}

fn cards(conn: &mut Conn, rows: Vec<Row>) -> Result<Vec<Card>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&ConversationId> = rows.iter().map(|row| &row.id).collect();
    let mut people = people(conn, rows.iter().map(|row| &row.pairing_id).collect())?;
    let mut tags = tags(conn, &ids)?;
    let mut last = last_entries(conn, &ids)?;
    let links = links(conn, rows.iter().filter_map(|row| row.link_id.as_ref()).collect())?;
    let names = staff_by_id(conn, rows.iter().filter_map(|row| row.assignee_id.as_ref()).collect())?;
    let card = |row: Row| {
        let (patient, invite_id, method) = people.remove(&row.pairing_id)?;
        let (tags, last_entry) = (tags.remove(&row.id).unwrap_or_default(), last.remove(&row.id));
        let source = PairingSource::new(row.link_id.clone(), invite_id, method);
        let link = row.link_id.as_ref().and_then(|id| links.get(id).cloned());
        let assignee = row.assignee_id.as_ref().and_then(|id| names.get(id).cloned());
        Some(row.into_card(patient, tags, link, source, assignee, last_entry))
    };
    Ok(rows.into_iter().filter_map(card).collect())
}

impl Row {
    fn into_card(
        self,
        patient: PatientCard,
        tags: Vec<String>,
        link: Option<LinkCard>,
        source: PairingSource,
        assignee: Option<StaffCard>,
        last_entry: Option<LastEntry>,
    ) -> Card {
        Card {
            patient,
            tags,
            link,
            source,
            assignee,
            last_entry,
            phi_allowed: self.identity.allows_phi(),
            acknowledged: self
                .acknowledged_by
                .zip(self.acknowledged_at)
                .map(|(by, at)| Acknowledgement { by, at }),
            id: self.id,
            pairing_id: self.pairing_id,
            status: self.status,
            identity: self.identity,
            identity_since: self.identity_since,
            unread: self.unread,
            entry_count: self.entry_count,
            read_position: self.read_position,
            patient_read_position: self.patient_read_position,
            last_entry_at: self.last_entry_at,
            created_at: self.created_at,
        }
    }
}

/// The patient, the id of the accepted invite, and how the link reached the device.
type Person = (PatientCard, Option<InviteId>, Method);

fn people(conn: &mut Conn, pairing_ids: Vec<&PairingId>) -> Result<HashMap<PairingId, Person>> {
    let rows = pairings::table.inner_join(patients::table).filter(pairings::id.eq_any(pairing_ids));
    let person = (columns::<PatientCard>(), pairings::invite_id, pairings::method);
    Ok(rows.select((pairings::id, person)).load::<(PairingId, Person)>(conn)?.into_iter().collect())
}

fn tags(conn: &mut Conn, ids: &[&ConversationId]) -> Result<HashMap<ConversationId, Vec<String>>> {
    let rows = conversation_tags::table.filter(conversation_tags::conversation_id.eq_any(ids));
    let rows: Vec<(ConversationId, String)> = rows
        .order((conversation_tags::conversation_id, conversation_tags::tag))
        .select((conversation_tags::conversation_id, conversation_tags::tag))
        .load(conn)?;
    let mut found: HashMap<ConversationId, Vec<String>> = HashMap::new();
    for (id, tag) in rows {
        found.entry(id).or_default().push(tag);
    }
    Ok(found)
}

fn last_entries(conn: &mut Conn, ids: &[&ConversationId]) -> Result<HashMap<ConversationId, LastEntry>> {
    let rows = entries::table
        .inner_join(conversations::table)
        .filter(conversations::id.eq_any(ids))
        .filter(entries::position.eq(conversations::entry_count));
    let rows: Vec<(ConversationId, EntryKind, Author, String)> =
        rows.select((conversations::id, entries::kind, entries::author, entries::body)).load(conn)?;
    let entry = |(id, kind, author, body): (ConversationId, EntryKind, Author, String)| {
        (id, LastEntry { kind, author, preview: preview(&body) })
    };
    Ok(rows.into_iter().map(entry).collect())
}

fn preview(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_PREVIEW) {
        Some(_) => line.chars().take(MAX_PREVIEW - 1).chain(['…']).collect(),
        None => line,
    }
}

fn links(conn: &mut Conn, ids: Vec<&LinkId>) -> Result<HashMap<LinkId, LinkCard>> {
    let rows = practice_links::table.filter(practice_links::id.eq_any(ids)).select((
        practice_links::id,
        practice_links::label,
        practice_links::code,
    ));
    Ok(rows.load::<LinkCard>(conn)?.into_iter().map(|link| (link.id.clone(), link)).collect())
}

fn staff_by_id(conn: &mut Conn, ids: Vec<&StaffId>) -> Result<HashMap<StaffId, StaffCard>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = staff::table.filter(staff::id.eq_any(ids)).select((staff::id, staff::name));
    Ok(rows.load::<StaffCard>(conn)?.into_iter().map(|person| (person.id.clone(), person)).collect())
}
