//! The list of conversations and its filters.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::card::{Badge, Row};
use super::live;
use crate::domain::desk::{self, LinkDetails, Refusal, identity, inbox};
use crate::domain::identity::State;
use crate::domain::inbox::Card;
use crate::kit::ids::LinkId;
use crate::kit::percent;
use crate::platform::tx::Service;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::link_form::Choice;
use crate::web::console::viewer::{Roster, Who, roster, who};
use crate::web::http::{Page, PageQuery, Problem};
use crate::web::practice_api::conversations::{InboxQuery, cursor, written};

/// At most this many links are offered as a filter.
const MOST_LINKS: i64 = 500;
/// Identity checks are counted up to this number.
pub const MOST_WAITING: i64 = 99;

#[derive(Template)]
#[template(path = "web/console/pages/inbox.html")]
struct Inbox<'a> {
    f: &'a Frame,
    script: String,
    rows: Vec<Row>,
    /// Query string of the active filters, for the address of the next page.
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
    who: Who,
    roster: Roster,
    links: Vec<LinkDetails>,
    cards: Vec<Card>,
    waiting: usize,
}

/// `GET /console/inbox`: the conversations that the member may see.
pub async fn list(
    service: Data<Service>,
    session: Session,
    query: Query<InboxQuery>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = Wanted::of(query.into_inner());
    let (limit, after, token) = (page.limit()?, cursor(&page.after()?)?, session.token());
    let filter = wanted.query().into_filter()?;
    let found = service.read(move |tx| -> Result<_, Refusal> {
        let token = token.as_ref();
        let cards = inbox::list(tx, token, filter, after.as_ref(), limit + 1)?;
        let who = who(tx, token)?;
        let roster = roster(tx, &who)?;
        let links = desk::links(tx, token, "", MOST_LINKS)?;
        let waiting = identity::how_many_wait(tx, token, MOST_WAITING)?;
        Ok(Found { who, roster, links, cards, waiting })
    });
    let Found { who, roster, links, cards, waiting } = found.await?;
    let (f, now) = (session.frame(&service, who, Section::Inbox), service.now());
    let Page { items, next_cursor: next } = Page::of(cards, limit, |card: &Card| written(&card.cursor()));
    let page = Inbox {
        f: &f,
        script: live::address(),
        rows: items.into_iter().map(|card| Row::of(&f, now, card)).collect(),
        filters: wanted.address(),
        is_filtered: wanted.is_any(),
        next,
        waiting: waiting_word(waiting),
        links: wanted.links(&f, &links),
        states: wanted.states(&f),
        assignees: wanted.assignees(&f, &roster),
        tag: &wanted.tag,
        tags: tags(&links),
        is_unread: wanted.unread == "true",
    };
    f.live_page(&service, StatusCode::OK, page.render())
}

/// Shows `99+` if counting stopped at the limit.
pub fn waiting_word(waiting: usize) -> String {
    match i64::try_from(waiting) {
        Ok(waiting) if waiting <= MOST_WAITING => waiting.to_string(),
        _ => format!("{MOST_WAITING}+"),
    }
}

/// The filters of the form; an empty one does not restrict.
struct Wanted {
    link: Option<LinkId>,
    tag: String,
    identity: String,
    assignee: String,
    unread: String,
}

impl Wanted {
    fn of(query: InboxQuery) -> Self {
        let InboxQuery { link, tag, identity, assignee, unread } = query;
        let link = link.map(|id| LinkId::from(id.as_str().trim())).filter(|id| !id.as_str().is_empty());
        let [tag, identity, assignee, unread] =
            [tag, identity, assignee, unread].map(|word| word.unwrap_or_default().trim().to_owned());
        Self { link, tag, identity, assignee, unread }
    }

    fn link(&self) -> &str {
        self.link.as_ref().map_or("", LinkId::as_str)
    }

    fn each(&self) -> [(&'static str, &str); 5] {
        [
            ("link", self.link()),
            ("tag", &self.tag),
            ("identity", &self.identity),
            ("assignee", &self.assignee),
            ("unread", &self.unread),
        ]
    }

    fn query(&self) -> InboxQuery {
        let some = |word: &String| Some(word.clone()).filter(|word| !word.is_empty());
        InboxQuery {
            link: self.link.clone(),
            tag: some(&self.tag),
            identity: some(&self.identity),
            assignee: some(&self.assignee),
            unread: some(&self.unread),
        }
    }

    fn is_any(&self) -> bool {
        self.each().iter().any(|(_, word)| !word.is_empty())
    }

    fn address(&self) -> String {
        let set = self.each().into_iter().filter(|(_, word)| !word.is_empty());
        set.map(|(name, word)| format!("{name}={}&", percent::encoded(word))).collect::<Vec<_>>().concat()
    }

    fn links(&self, f: &Frame, links: &[LinkDetails]) -> Vec<Choice> {
        let all = (String::new(), f.say("All links", "Todos los enlaces").to_owned());
        let each = links.iter().map(|details| (details.link.id.to_string(), details.link.label.clone()));
        choices([all].into_iter().chain(each), self.link())
    }

    fn states(&self, f: &Frame) -> Vec<Choice> {
        let all = (String::new(), f.say("All", "Todas").to_owned());
        let each = State::ALL.map(|state| {
            let Badge { word, .. } = Badge::of(f, state.as_str());
            (state.as_str().to_owned(), word.to_owned())
        });
        choices([all].into_iter().chain(each), &self.identity)
    }

    fn assignees(&self, f: &Frame, roster: &Roster) -> Vec<Choice> {
        let fixed = [
            (String::new(), f.say("Anyone", "Cualquiera").to_owned()),
            ("me".to_owned(), f.say("Me", "Yo").to_owned()),
            ("none".to_owned(), f.say("Unassigned", "Sin asignar").to_owned()),
        ];
        let others = roster.who_meet_patients().filter(|person| person.id != f.who.staff_id);
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
