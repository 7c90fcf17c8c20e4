//! One conversation: its entries, the identity check, and the forms of both.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::card::{self, Badge, When};
use super::draft::Draft;
use super::panel::Panel;
use super::{labels, live};
use crate::domain::conversations::{Author, Status};
use crate::domain::identity::check::{self, IdentityCheck};
use crate::domain::inbox::{self, Card, Contact, InboxEntry, Reader};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, Timestamp};
use crate::platform::{Service, Tx};
use crate::web::console::errors::Errors;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::viewer::{Roster, Viewer};
use crate::web::http::{PathId, Problem, html};

/// Entries per page: the last ones, or those after a position.
const PAGE_SIZE: i32 = 100;

/// An entry as the page shows it.
struct EntryView<'a> {
    position: i32,
    author: Author,
    by: String,
    body: &'a str,
    when: When,
    /// Whether it is the practice's last entry that the patient has read.
    is_read: bool,
}

#[derive(Template)]
#[template(path = "web/console/pages/conversation.html")]
struct Conversation<'a> {
    f: &'a Frame,
    script: String,
    id: &'a ConversationId,
    name: String,
    link: String,
    badge: Badge,
    connected: When,
    contact: &'a Contact,
    is_open: bool,
    needs_acknowledgement: bool,
    entries: Vec<EntryView<'a>>,
    earlier: Option<i32>,
    later: Option<i32>,
    panel: Panel,
    assignees: Vec<Choice>,
    tags: String,
    /// Idempotency key sent by each form, so that a form sent twice acts once.
    key: String,
    draft: &'a Draft,
    errors: &'a Errors,
}

/// The data of the page.
struct Found {
    roster: Roster,
    card: Card,
    contact: Contact,
    entries: Vec<InboxEntry>,
    check: IdentityCheck,
    after: i32,
}

/// The position after which a long conversation is shown.
#[derive(Deserialize)]
pub(super) struct Position {
    after: Option<i32>,
}

/// `GET /console/inbox/{id}`: shows a conversation and marks it as read.
pub(super) async fn open(
    service: Data<Service>,
    session: Session,
    id: PathId<ConversationId>,
    position: Query<Position>,
) -> Result<HttpResponse, Problem> {
    let draft = Draft { is_fresh: true, ..Draft::default() };
    show(&service, &session, &id, position.after, &draft, None).await
}

/// Shows the page again with the entered values and errors; unfixable problems get an error page.
pub(super) async fn show_again(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    draft: &Draft,
    problem: Problem,
) -> Result<HttpResponse, Problem> {
    show(service, session, id, None, draft, Some(problem)).await
}

async fn show(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    after: Option<i32>,
    draft: &Draft,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let (who, found) = find(service, session, id, after).await?;
    mark_read(service, session, &found).await?;
    let f = session.frame(service, who, Section::Inbox);
    let status = problem.as_ref().map_or(Ok(StatusCode::OK), |why| StatusCode::from_u16(why.code.status()));
    let errors = match problem {
        Some(problem) => labels::errors(f.language, &problem).ok_or(problem)?,
        None => Errors::default(),
    };
    let page = found.to_page(&f, service.now(), html::nonce(service), draft, &errors);
    f.live_page(service, status.unwrap_or(StatusCode::CONFLICT), page.render())
}

impl Found {
    fn to_page<'a>(
        &'a self,
        f: &'a Frame,
        now: Timestamp,
        key: String,
        draft: &'a Draft,
        errors: &'a Errors,
    ) -> Conversation<'a> {
        let Self { roster, card, contact, entries, check, after } = self;
        let last = entries.last().map_or(*after, |entry| entry.position);
        Conversation {
            f,
            script: live::address(),
            id: &card.id,
            name: card::name(card),
            link: card::through(f, card),
            badge: Badge::of(f, card.identity),
            connected: When::of(f, now, card.created_at),
            contact,
            is_open: card.status == Status::Open,
            needs_acknowledgement: !card.phi_allowed && card.acknowledged.is_none(),
            entries: entry_views(f, now, card, entries),
            earlier: (*after > 0).then(|| (after - PAGE_SIZE).max(0)),
            later: (last < card.entry_count).then_some(last),
            panel: Panel::of(f, roster, now, check, draft),
            assignees: assignees(f, roster, card),
            tags: draft.tags.clone().unwrap_or_else(|| card.tags.join(", ")),
            key,
            draft,
            errors,
        }
    }
}

async fn find(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    after: Option<i32>,
) -> Result<(Viewer, Found), Problem> {
    let id = id.0.clone();
    let rule = move |tx: &mut Tx, staff: &Staff| -> Result<_, Problem> {
        let reader = Reader::of(tx, staff)?;
        let (card, contact) = inbox::find(tx, &reader, &id)?;
        let after = after.unwrap_or(card.entry_count - PAGE_SIZE).max(0);
        let entries = inbox::entries(tx, &reader, &id, after, PAGE_SIZE.into())?;
        let check = check::find(tx, staff, &id)?;
        let who = Viewer::of(tx, staff)?;
        let roster = Roster::of(tx, &staff.practice_id)?;
        Ok((who, Found { roster, card, contact, entries, check, after }))
    };
    service.read_as_staff(session, Permission::ReadPatients, rule).await
}

/// Marks the entries on the page as read, if they were not.
async fn mark_read(service: &Data<Service>, session: &Session, found: &Found) -> Result<(), Problem> {
    let Some(last) = found.entries.last().map(|entry| entry.position) else { return Ok(()) };
    if !found.card.unread && last <= found.card.read_position {
        return Ok(());
    }
    let id = found.card.id.clone();
    let rule = move |tx: &mut Tx, staff: &Staff| {
        let reader = Reader::of(tx, staff)?;
        inbox::mark_read(tx, &reader, &id, last)
    };
    service.write_as_staff(session, Permission::ReadPatients, rule).await?;
    Ok(())
}

fn entry_views<'a>(f: &Frame, now: Timestamp, card: &Card, entries: &'a [InboxEntry]) -> Vec<EntryView<'a>> {
    let is_read = |entry: &&InboxEntry| {
        entry.author == Author::Practice && entry.position <= card.patient_read_position
    };
    let last_read = entries.iter().rev().find(is_read).map(|entry| entry.position);
    let view = |entry: &'a InboxEntry| EntryView {
        by: match (entry.author, &entry.staff) {
            (Author::Patient, _) => card::name(card),
            (Author::Practice, Some(person)) => person.name.clone(),
            (Author::Practice, None) => f.who.practice.name.clone(),
            (Author::System, _) => String::new(),
        },
        position: entry.position,
        author: entry.author,
        body: &entry.body,
        when: When::of(f, now, entry.created_at),
        is_read: last_read == Some(entry.position),
    };
    entries.iter().map(view).collect()
}

fn assignees(f: &Frame, roster: &Roster, card: &Card) -> Vec<Choice> {
    let now = card.assignee.as_ref().map_or("", |person| person.id.as_str());
    let unassigned = (String::new(), f.text("console-unassigned").to_owned());
    let people = roster.with_patient_access().map(|person| (person.id.to_string(), person.name.clone()));
    // An assignee who has left the practice stays visible as an option.
    let left = card.assignee.as_ref().filter(|person| roster.name(person.id.as_str()).is_none());
    let left = left.map(|person| (person.id.to_string(), person.name.clone()));
    let all = [unassigned].into_iter().chain(people).chain(left);
    all.map(|(value, name)| Choice { is_chosen: value == now, value, name }).collect()
}
