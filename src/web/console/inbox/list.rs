//! The list of conversations and its filters.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use strum::VariantArray as _;

use super::card::Row;
use super::{labels, live};
use crate::domain::conversations::IdentityState;
use crate::domain::inbox::{self, Card, Reader};
use crate::domain::links::{self, LinkDetails};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{LinkId, Timestamp};
use crate::platform::{Service, Tx};
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::viewer::{Roster, Viewer};
use crate::web::http::{Page, PageQuery, Problem};
use crate::web::practice_api::conversations::{InboxQuery, format_cursor, parse_cursor};

/// At most this many links are offered as a filter.
const MOST_LINKS: i64 = 500;
/// Identity checks are counted up to this number.
pub(super) const MOST_WAITING: i64 = 99;

#[derive(Template)]
#[template(path = "web/console/pages/inbox.html")]
struct Inbox<'a> {
    f: &'a Frame,
    script: String,
    rows: Vec<Row>,
    /// Query string of the active filters with a `&` behind it, for the address of the next page.
    filters: String,
    next: Option<String>,
    is_filtered: bool,
    waiting: String,
    links: Vec<Choice>,
    states: Vec<Choice>,
    assignees: Vec<Choice>,
    tag: &'a str,
    tags: Vec<String>,
    is_unread: bool,
}

/// The data of the page.
struct Found {
    roster: Roster,
    links: Vec<LinkDetails>,
    cards: Vec<Card>,
    waiting: usize,
}

/// `GET /console/inbox`: the conversations that the member may see.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    query: Query<InboxQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let form = FilterForm::of(query.into_inner());
    let (limit, after) = (page.limit()?, parse_cursor(&page.after()?)?);
    let filter = form.query().into_filter()?;
    let rule = move |tx: &mut Tx, staff: &Staff| -> Result<_, Problem> {
        let reader = Reader::of(tx, staff)?;
        let found = Found {
            cards: inbox::list(tx, &reader, &filter(&staff.staff_id), after.as_ref(), limit + 1)?,
            roster: Roster::of(tx, &staff.practice_id)?,
            links: links::list(tx, staff, "", MOST_LINKS)?,
            waiting: inbox::count_to_verify(tx, &reader, MOST_WAITING + 1)?,
        };
        Ok((Viewer::of(tx, staff)?, found))
    };
    let (who, found) = service.read_as_staff(&session, Permission::ReadPatients, rule).await?;
    let f = session.frame(&service, who, Section::Inbox);
    let page = found.into_page(&f, service.now(), &form, limit);
    f.live_page(&service, StatusCode::OK, page.render())
}

impl Found {
    fn into_page<'a>(self, f: &'a Frame, now: Timestamp, form: &'a FilterForm, limit: i64) -> Inbox<'a> {
        let Self { roster, links, cards, waiting } = self;
        let Page { items, next_cursor: next } =
            Page::of(cards, limit, |card: &Card| format_cursor(&card.cursor()));
        Inbox {
            f,
            script: live::address(),
            rows: items.into_iter().map(|card| Row::of(f, now, card)).collect(),
            filters: form.address(),
            is_filtered: form.is_any(),
            next,
            waiting: format_waiting(waiting),
            links: form.links(f, &links),
            states: form.states(f),
            assignees: form.assignees(f, &roster),
            tag: &form.tag,
            tags: tags(&links),
            is_unread: form.unread == "true",
        }
    }
}

/// Shows `99+` if counting stopped at the limit.
pub(super) fn format_waiting(waiting: usize) -> String {
    match i64::try_from(waiting) {
        Ok(waiting) if waiting <= MOST_WAITING => waiting.to_string(),
        _ => format!("{MOST_WAITING}+"),
    }
}

/// The filters of the form; an empty one does not restrict.
struct FilterForm {
    link: Option<LinkId>,
    tag: String,
    identity: String,
    assignee: String,
    unread: String,
}

impl FilterForm {
    fn of(query: InboxQuery) -> Self {
        let InboxQuery { link, tag, identity, assignee, unread } = query;
        let link = link.map(|id| LinkId::from(id.as_str().trim())).filter(|id| !id.as_str().is_empty());
        let [tag, identity, assignee, unread] =
            [tag, identity, assignee, unread].map(|text| text.unwrap_or_default().trim().to_owned());
        Self { link, tag, identity, assignee, unread }
    }

    fn link(&self) -> &str {
        self.link.as_ref().map_or("", LinkId::as_str)
    }

    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("link", self.link()),
            ("tag", &self.tag),
            ("identity", &self.identity),
            ("assignee", &self.assignee),
            ("unread", &self.unread),
        ]
    }

    fn query(&self) -> InboxQuery {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        InboxQuery {
            link: self.link.clone(),
            tag: some(&self.tag),
            identity: some(&self.identity),
            assignee: some(&self.assignee),
            unread: some(&self.unread),
        }
    }

    fn is_any(&self) -> bool {
        self.fields().iter().any(|(_, text)| !text.is_empty())
    }

    fn address(&self) -> String {
        let set = self.fields().into_iter().filter(|(_, text)| !text.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(set).finish();
        if query.is_empty() { query } else { query + "&" }
    }

    fn links(&self, f: &Frame, links: &[LinkDetails]) -> Vec<Choice> {
        let all = (String::new(), f.text("inbox-all-links").to_owned());
        let each = links.iter().map(|details| (details.link.id.to_string(), details.link.label.clone()));
        choices([all].into_iter().chain(each), self.link())
    }

    fn states(&self, f: &Frame) -> Vec<Choice> {
        let all = (String::new(), f.text("inbox-all").to_owned());
        let each = IdentityState::VARIANTS.iter();
        let each = each.map(|state| (state.to_string(), labels::badge(f.language, *state).to_owned()));
        choices([all].into_iter().chain(each), &self.identity)
    }

    fn assignees(&self, f: &Frame, roster: &Roster) -> Vec<Choice> {
        let fixed = [
            (String::new(), f.text("console-anyone").to_owned()),
            ("me".to_owned(), f.text("inbox-me").to_owned()),
            ("none".to_owned(), f.text("console-unassigned").to_owned()),
        ];
        let others = roster.with_patient_access().filter(|person| person.id != f.who.staff_id);
        let each = others.map(|person| (person.id.to_string(), person.name.clone()));
        choices(fixed.into_iter().chain(each), &self.assignee)
    }
}

fn choices(offered: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    offered.map(|(value, name)| Choice { is_chosen: value == chosen, value, name }).collect()
}

/// The distinct tags of all links, as suggestions.
fn tags(links: &[LinkDetails]) -> Vec<String> {
    let mut tags: Vec<String> = links.iter().flat_map(|details| details.link.tags()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}
