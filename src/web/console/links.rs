//! Links: the list, and the page of one link.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;

use super::layout::{Frame, Section, Session};
use super::viewer::{Roster, roster, who};
use super::words;
use crate::domain::desk::{self, LinkDetails, Refusal};
use crate::domain::links::{PRACTICE, State};
use crate::domain::printing::grouped;
use crate::kit::Timestamp;
use crate::kit::ids::LinkId;
use crate::platform::tx::Service;
use crate::web::http::{Page, PageQuery, PathId, Problem};

/// A link as its pages show it.
pub struct Shown {
    pub id: LinkId,
    /// Name within the practice.
    pub label: String,
    /// Digits in groups, for reading.
    pub code: String,
    pub url: String,
    /// The address without the scheme, for reading.
    pub address: String,
    pub tags: Vec<String>,
    pub state: State,
    pub state_word: &'static str,
    /// Whether it is the practice's first link.
    pub is_default: bool,
    /// Name of the person or team who sees its conversations; empty for the whole practice.
    pub owner: String,
    /// Name of the person who answers; empty if unassigned.
    pub assignee: String,
    /// Names of other people who see its conversations.
    pub members: Vec<String>,
    /// Names of those notified by e-mail.
    pub notify: Vec<String>,
    /// First entry of its conversations; empty for none.
    pub welcome: String,
    /// Whether previews, texts and e-mails omit the practice's name.
    pub is_discreet: bool,
    /// The link that a retired link forwards to.
    pub forward_id: Option<LinkId>,
    pub created_at: Timestamp,
}

impl Shown {
    /// Fills in the names of the link's people.
    pub fn of(
        f: &Frame,
        service: &Service,
        roster: &Roster,
        LinkDetails { link, people }: LinkDetails,
    ) -> Self {
        let left = f.say("(left the practice)", "(ya no está en el consultorio)");
        let name = |id: &str| roster.name(id).unwrap_or(left).to_owned();
        let url = format!("{}/{}", service.settings.public_url, link.code);
        Self {
            code: grouped(&link.code),
            address: url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned(),
            tags: link.tags(),
            state: link.state(),
            state_word: words::state(f.language, link.state()),
            owner: if link.owner == PRACTICE { String::new() } else { name(&link.owner) },
            assignee: link.assignee_id.as_ref().map(|id| name(id.as_str())).unwrap_or_default(),
            members: people.members.iter().map(|id| name(id.as_str())).collect(),
            notify: people.notify.iter().map(|id| name(id.as_str())).collect(),
            welcome: link.welcome.unwrap_or_default(),
            is_discreet: link.discreet,
            forward_id: link.forward_id,
            created_at: link.created_at,
            is_default: link.is_default,
            id: link.id,
            label: link.label,
            url,
        }
    }

    /// Whether the link accepts patients.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether its page says that it is not accepting new patients.
    pub fn is_paused(&self) -> bool {
        self.state == State::Paused
    }

    /// Whether it forwards to another link.
    pub fn is_retired(&self) -> bool {
        self.state == State::Retired
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/links.html")]
struct Links<'a> {
    f: &'a Frame,
    items: Vec<Shown>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/link.html")]
struct One<'a> {
    f: &'a Frame,
    link: Shown,
    tab: &'static str,
    forward: String,
}

/// `GET /console/links`: the links that the member may see.
pub async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, after, token) = (page.limit()?, page.after()?, session.token());
    let (who, roster, links) = service
        .read(move |tx| {
            let links = desk::links(tx, token.as_ref(), &after, limit + 1)?;
            let who = who(tx, token.as_ref())?;
            let roster = roster(tx, &who)?;
            Ok::<_, Refusal>((who, roster, links))
        })
        .await?;
    let f = session.frame(&service, who, Section::Links);
    let links = links.into_iter().map(|link| Shown::of(&f, &service, &roster, link)).collect();
    let Page { items, next_cursor: next } = Page::of(links, limit, |link: &Shown| link.id.to_string());
    f.page(&service, Links { f: &f, items, next }.render())
}

/// `GET /console/links/{id}`: the overview of one link.
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    let token = session.token();
    let (who, roster, link, forward) = service
        .read(move |tx| {
            let link = desk::link(tx, token.as_ref(), &id.0)?;
            let who = who(tx, token.as_ref())?;
            let forward = match &link.link.forward_id {
                // Members may see where a link forwards to, but perhaps not the target link itself.
                Some(to) => desk::link(tx, token.as_ref(), to).ok().map(|to| to.link.label),
                None => None,
            };
            let roster = roster(tx, &who)?;
            Ok::<_, Refusal>((who, roster, link, forward))
        })
        .await?;
    let f = session.frame(&service, who, Section::Links);
    let link = Shown::of(&f, &service, &roster, link);
    let forward = forward.unwrap_or_else(|| match link.forward_id {
        None => f.say("the practice’s first link", "el primer enlace del consultorio").to_owned(),
        Some(_) => f.say("another link", "otro enlace").to_owned(),
    });
    f.page(&service, One { f: &f, link, tab: "overview", forward }.render())
}

/// A link and the layout, for the pages of one link.
pub async fn find(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
) -> Result<(Frame, Shown), Problem> {
    let (token, id) = (session.token(), id.0.clone());
    let (who, roster, link) = service
        .read(move |tx| {
            let link = desk::link(tx, token.as_ref(), &id)?;
            let who = who(tx, token.as_ref())?;
            let roster = roster(tx, &who)?;
            Ok::<_, Refusal>((who, roster, link))
        })
        .await?;
    let f = session.frame(service, who, Section::Links);
    let shown = Shown::of(&f, service, &roster, link);
    Ok((f, shown))
}
