//! One conversation: its entries, the identity check, and the forms of both.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::card::{self, Badge, When};
use super::panel::Panel;
use super::{live, words};
use crate::domain::desk::identity::{self, Look};
use crate::domain::desk::{Refusal, inbox};
use crate::domain::inbox::{Card, Contact, Remark};
use crate::kit::Timestamp;
use crate::kit::ids::{ConversationId, RecordId};
use crate::platform::tx::Service;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::viewer::{Roster, Who, roster, who};
use crate::web::console::words::Errors;
use crate::web::http::{PathId, Problem, html};

/// Entries per page: the last ones, or those after a position.
const SHOWN: i32 = 100;

/// The values of the page's forms as they were entered.
#[derive(Default)]
pub struct Draft {
    /// Text of the message.
    pub body: String,
    /// Whether the writer acknowledged that the patient's identity is unverified.
    pub acknowledges: bool,
    /// Entered tags; `None` shows those of the conversation.
    pub tags: Option<String>,
    /// How the identity was verified.
    pub method: String,
    /// Note on the decision.
    pub note: String,
    /// The chosen record.
    pub record_id: Option<RecordId>,
    /// Whether the number is blocked from connecting again.
    pub blocks: bool,
    /// `confirm`, `reject` or `undo`.
    pub decision: String,
    /// Whether nothing was entered yet.
    pub is_fresh: bool,
}

/// An entry as the page shows it.
struct Said {
    position: i32,
    /// `practice`, `patient` or `system`.
    author: String,
    by: String,
    body: String,
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
    asks: bool,
    said: Vec<Said>,
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
    who: Who,
    roster: Roster,
    card: Card,
    contact: Contact,
    entries: Vec<Remark>,
    look: Look,
    after: i32,
}

/// The position after which a long conversation is shown.
#[derive(Deserialize)]
pub struct Place {
    after: Option<i32>,
}

/// `GET /console/inbox/{id}`: shows a conversation and marks it as read.
pub async fn open(
    service: Data<Service>,
    session: Session,
    id: PathId<ConversationId>,
    place: Query<Place>,
) -> Result<HttpResponse, Problem> {
    let draft = Draft { is_fresh: true, ..Draft::default() };
    show(&service, &session, &id, place.after, &draft, None).await
}

/// Shows the page again with the entered values and errors; unfixable problems get an error page.
pub async fn again(
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
    let found = find(service, session, id, after).await?;
    mark_read(service, session, &found).await?;
    let Found { who, roster, card, contact, entries, look, after } = found;
    let (f, now) = (session.frame(service, who, Section::Inbox), service.now());
    let status = problem.as_ref().map_or(Ok(StatusCode::OK), |why| StatusCode::from_u16(why.code.status()));
    let errors = match problem {
        Some(problem) => words::errors(f.language, &problem).ok_or(problem)?,
        None => Errors::default(),
    };
    let last = entries.last().map_or(after, |entry| entry.position);
    let page = Conversation {
        f: &f,
        script: live::address(),
        id: &card.id,
        name: card::name(&card),
        link: card::through(&f, &card),
        badge: Badge::of(&f, &card.identity),
        connected: When::of(&f, now, card.created_at),
        contact: &contact,
        is_open: card.status == "open",
        asks: !card.phi_allowed && card.acknowledged.is_none(),
        said: said(&f, now, &card, entries),
        earlier: (after > 0).then(|| (after - SHOWN).max(0)),
        later: (last < card.entry_count).then_some(last),
        panel: Panel::of(&f, &roster, now, &look, draft),
        assignees: assignees(&f, &roster, &card),
        tags: draft.tags.clone().unwrap_or_else(|| card.tags.join(", ")),
        key: html::nonce(service),
        draft,
        errors: &errors,
    };
    f.live_page(service, status.unwrap_or(StatusCode::CONFLICT), page.render())
}

async fn find(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    after: Option<i32>,
) -> Result<Found, Problem> {
    let (token, id) = (session.token(), id.0.clone());
    let found = service.read(move |tx| -> Result<_, Refusal> {
        let token = token.as_ref();
        let (card, contact) = inbox::find(tx, token, &id)?;
        let after = after.unwrap_or(card.entry_count - SHOWN).max(0);
        let entries = inbox::entries(tx, token, &id, after, SHOWN.into())?;
        let look = identity::look(tx, token, &id)?;
        let who = who(tx, token)?;
        let roster = roster(tx, &who)?;
        Ok(Found { who, roster, card, contact, entries, look, after })
    });
    Ok(found.await?)
}

/// Marks the entries on the page as read, if they were not.
async fn mark_read(service: &Data<Service>, session: &Session, found: &Found) -> Result<(), Problem> {
    let Some(last) = found.entries.last().map(|entry| entry.position) else { return Ok(()) };
    if !found.card.unread && last <= found.card.read_position {
        return Ok(());
    }
    let (token, id) = (session.token(), found.card.id.clone());
    service.write(move |tx| inbox::read(tx, token.as_ref(), &id, last)).await?;
    Ok(())
}

fn said(f: &Frame, now: Timestamp, card: &Card, entries: Vec<Remark>) -> Vec<Said> {
    let is_seen = |entry: &Remark| entry.author == "practice" && entry.position <= card.patient_read_position;
    let read = entries.iter().rev().find(|entry| is_seen(entry)).map(|entry| entry.position);
    let name = card::name(card);
    let one = |entry: Remark| Said {
        by: match entry.author.as_str() {
            "patient" => name.clone(),
            "practice" => entry.staff.map_or_else(|| f.who.practice.name.clone(), |person| person.name),
            _ => String::new(),
        },
        position: entry.position,
        author: entry.author,
        body: entry.body,
        when: When::of(f, now, entry.created_at),
        is_read: read == Some(entry.position),
    };
    entries.into_iter().map(one).collect()
}

fn assignees(f: &Frame, roster: &Roster, card: &Card) -> Vec<Choice> {
    let now = card.assignee.as_ref().map_or("", |person| person.id.as_str());
    let nobody = (String::new(), f.say("Unassigned", "Sin asignar").to_owned());
    let people = roster.who_meet_patients().map(|person| (person.id.to_string(), person.name.clone()));
    // An assignee who has left the practice stays visible as an option.
    let left = card.assignee.as_ref().filter(|person| roster.name(person.id.as_str()).is_none());
    let left = left.map(|person| (person.id.to_string(), person.name.clone()));
    let all = [nobody].into_iter().chain(people).chain(left);
    all.map(|(value, name)| Choice { is_chosen: value == now, value, name }).collect()
}
