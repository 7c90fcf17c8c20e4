//! The audit log of the practice, in sentences.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Data};
use askama::Template;
use serde::Deserialize;

use super::{audit_labels, verdict};
use crate::domain::audit_log::{self, Error, Query};
use crate::domain::links;
use crate::domain::staff::{self, Permission, Staff};
use crate::kit::{StaffId, Timestamp};
use crate::platform::event_log::{self, Actor};
use crate::platform::{Service, Tx, db};
use crate::web::console::errors::Errors;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::viewer::{Roster, Viewer};
use crate::web::http::{Code, Page, PageQuery, Problem};
use crate::web::practice_api::csv_file;

/// Links beyond this number are shown without a name.
const MOST_LINKS: i64 = 500;

/// The filters as they were entered.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Filters {
    #[serde(default)]
    about: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

impl Filters {
    /// Removes U+0000: no action or id contains it, and PostgreSQL cannot store it as text.
    fn to_query(&self) -> Query {
        let given = |text: &str| Some(text.trim().replace('\0', "")).filter(|text| !text.is_empty());
        Query {
            action: given(&self.about),
            actor: given(&self.actor),
            from: given(&self.from),
            to: given(&self.to),
        }
    }

    /// The filters as a query string, e.g. `about=link&from=2026-11-01`.
    fn to_query_string(&self) -> String {
        let pairs = [("about", &self.about), ("actor", &self.actor), ("from", &self.from), ("to", &self.to)];
        let set = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(set).finish()
    }
}

/// One event of the log, as text.
struct Event {
    at: Timestamp,
    who: String,
    what: String,
    object: String,
    details: Vec<String>,
}

/// The names of the ids on a page.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

#[derive(Template)]
#[template(path = "web/console/pages/settings/audit.html")]
struct Audit<'a> {
    f: &'a Frame,
    filters: &'a Filters,
    subjects: Vec<Choice>,
    actors: Vec<Choice>,
    events: Vec<Event>,
    csv: String,
    more: String,
    errors: Errors,
}

struct Found {
    who: Viewer,
    roster: Roster,
    rows: Vec<event_log::Event>,
    names: Names,
}

/// `GET /console/settings/audit`: the filtered log.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: web::Query<PageQuery>,
    filters: web::Query<Filters>,
) -> Result<HttpResponse, Problem> {
    let (limit, before) = (page.limit()?, page.after()?);
    let found = load(&service, &session, filters.to_query(), before, limit + 1).await;
    match found {
        Ok(found) => show(&service, &session, found, &filters, (limit, None)),
        Err(problem) if problem.code == Code::InvalidRequest => {
            // The days cannot be parsed: the page is shown without them.
            let readable = Query { from: None, to: None, ..filters.to_query() };
            let found = load(&service, &session, readable, String::new(), limit + 1).await?;
            show(&service, &session, found, &filters, (limit, Some(problem)))
        }
        Err(problem) => Err(problem),
    }
}

async fn load(
    service: &Data<Service>,
    session: &Session,
    query: Query,
    before: String,
    limit: i64,
) -> Result<Found, Problem> {
    let permission = Permission::ConfigurePractice;
    let found = service.read_as_staff(session, permission, move |tx, staff| -> Result<_, Error> {
        let rows = audit_log::list(tx, staff, &query, (&before, limit))?;
        let who = Viewer::of(tx, staff)?;
        let roster = Roster::of(tx, &staff.practice_id)?;
        let mut names = names(tx, staff, &rows)?;
        names.extend(roster.teams.iter().map(|team| (team.id.to_string(), team.name.clone())));
        names.insert(who.practice.id.to_string(), who.practice.name.clone());
        Ok(Found { who, roster, rows, names: Names(names) })
    });
    found.await
}

/// The names of the staff members and links in these events, by id.
fn names(tx: &mut Tx, staff: &Staff, rows: &[event_log::Event]) -> db::Result<BTreeMap<String, String>> {
    let people: Vec<StaffId> =
        rows.iter().flat_map(ids).filter(|id| id.starts_with("stf_")).map(StaffId::from).collect();
    let people = staff::names(tx, &people)?.into_iter().map(|(id, name)| (id.to_string(), name));
    let mut names: BTreeMap<String, String> = people.collect();
    if rows.iter().flat_map(ids).any(|id| id.starts_with("lnk_")) {
        let links = links::list(tx, staff, "", MOST_LINKS)?.into_iter().map(|details| details.link);
        names.extend(links.map(|link| (link.id.to_string(), link.label)));
    }
    Ok(names)
}

/// The ids in an event: actor, subject, and those in its detail.
fn ids(row: &event_log::Event) -> impl Iterator<Item = &str> {
    let named = row.detail.split('"').filter(|text| text.starts_with("stf_") || text.starts_with("lnk_"));
    [row.actor.as_str(), row.subject.as_str()].into_iter().chain(named)
}

fn show(
    service: &Data<Service>,
    session: &Session,
    found: Found,
    filters: &Filters,
    (limit, problem): (i64, Option<Problem>),
) -> Result<HttpResponse, Problem> {
    let Found { who, roster, rows, names } = found;
    let f = session.frame(service, who, Section::Settings);
    let Page { items, next_cursor } = Page::of(rows, limit, event_log::Event::key);
    let events = items.iter().map(|row| event(&f, &names, row)).collect();
    let (status, errors) = verdict(&f, problem.as_ref());
    let query = filters.to_query_string();
    let more = next_cursor.map(|cursor| format!("/console/settings/audit?{query}&cursor={cursor}"));
    let page = Audit {
        subjects: subjects(&f, &filters.about),
        actors: actors(&f, &roster, &filters.actor),
        csv: format!("/console/settings/audit.csv?{query}"),
        more: more.filter(|_| problem.is_none()).unwrap_or_default(),
        f: &f,
        filters,
        events,
        errors,
    };
    f.page_with(service, status, page.render())
}

fn event(f: &Frame, names: &Names, row: &event_log::Event) -> Event {
    let called = |key: &str| names.0.get(key).cloned();
    let detail = serde_json::from_str(&row.detail).unwrap_or_default();
    let object = if row.subject == row.actor { None } else { called(&row.subject) };
    Event {
        at: row.at,
        who: called(&row.actor).unwrap_or_else(|| actor(f, &row.actor)),
        what: audit_labels::action(f.language, &row.kind).to_owned(),
        object: object.unwrap_or_default(),
        details: audit_labels::Reader { language: f.language, called: &called }.lines(&detail),
    }
}

fn actor(f: &Frame, actor: &str) -> String {
    audit_labels::actor(f.language, &Actor::from(actor)).to_owned()
}

fn subjects(f: &Frame, chosen: &str) -> Vec<Choice> {
    let choice = |(value, name): (&str, &str)| Choice {
        is_chosen: value == chosen,
        value: value.to_owned(),
        name: name.to_owned(),
    };
    let mut all: Vec<Choice> = audit_labels::subjects(f.language).map(choice).collect();
    if !all.iter().any(|choice| choice.is_chosen) {
        all.push(choice((chosen, chosen)));
    }
    all
}

fn actors(f: &Frame, roster: &Roster, chosen: &str) -> Vec<Choice> {
    let everybody = (String::new(), f.text("console-anyone").to_owned());
    let people = roster.people.iter().map(|person| (person.id.to_string(), person.name.clone()));
    let others = Actor::IMPERSONAL.map(|it| (it.to_string(), actor(f, it.as_str())));
    let all = [everybody].into_iter().chain(people).chain(others);
    let mut all: Vec<Choice> =
        all.map(|(value, name)| Choice { is_chosen: value == chosen, value, name }).collect();
    if !all.iter().any(|choice| choice.is_chosen) {
        all.push(Choice { value: chosen.to_owned(), name: actor(f, chosen), is_chosen: true });
    }
    all
}

/// `GET /console/settings/audit.csv`: exports the log, and logs the export itself.
pub(super) async fn export(
    service: Data<Service>,
    session: Session,
    filters: web::Query<Filters>,
) -> Result<HttpResponse, Problem> {
    let query = filters.to_query();
    let file = service.write_as_staff(&session, Permission::Administer, move |tx, staff| {
        audit_log::export(tx, staff, &query)
    });
    Ok(csv_file("audit", file.await?))
}
