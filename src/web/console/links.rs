//! Links: the list, and the page of one link.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;

use super::labels;
use super::layout::{Frame, Section, Session};
use super::viewer::{Roster, Viewer};
use crate::domain::links::{self, LinkDetails, ManageError, Owner, State};
use crate::domain::printing::grouped;
use crate::domain::staff::{Permission, Staff};
use crate::kit::{LinkId, Timestamp};
use crate::platform::{Service, Tx};
use crate::web::http::{Page, PageQuery, PathId, Problem};

/// A link as its pages show it.
pub(super) struct LinkView {
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

impl LinkView {
    /// Fills in the names of the link's people.
    pub(super) fn of(
        f: &Frame,
        service: &Service,
        roster: &Roster,
        LinkDetails { link, people }: LinkDetails,
    ) -> Self {
        let left = f.text("console-left-the-practice");
        let name = |key: &str| roster.name(key).unwrap_or(left).to_owned();
        let url = format!("{}/{}", service.settings.public_url, link.code);
        let owner = match &link.owner {
            Owner::Practice => String::new(),
            owner => name(owner.as_str()),
        };
        Self {
            owner,
            code: grouped(&link.code),
            address: url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned(),
            tags: link.tags(),
            state: link.state,
            state_word: labels::state(f.language, link.state),
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
    pub(super) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether its page says that it is not accepting new patients.
    pub(super) fn is_paused(&self) -> bool {
        self.state == State::Paused
    }

    /// Whether it forwards to another link.
    pub(super) fn is_retired(&self) -> bool {
        self.state == State::Retired
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/links.html")]
struct LinkListPage<'a> {
    f: &'a Frame,
    items: Vec<LinkView>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "web/console/pages/link.html")]
struct LinkPage<'a> {
    f: &'a Frame,
    link: LinkView,
    tab: &'static str,
    forward: String,
}

/// `GET /console/links`: the links that the member may see.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let found = service.read_as_staff(&session, Permission::ViewPractice, move |tx, staff| {
        let links = links::list(tx, staff, &after, limit + 1)?;
        with_people(tx, staff, links)
    });
    let (who, roster, links) = found.await?;
    let f = session.frame(&service, who, Section::Links);
    let links = links.into_iter().map(|link| LinkView::of(&f, &service, &roster, link)).collect();
    let Page { items, next_cursor: next } = Page::of(links, limit, |link: &LinkView| link.id.to_string());
    f.page(&service, LinkListPage { f: &f, items, next }.render())
}

/// `GET /console/links/{id}`: the overview of one link.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    let found = service.read_as_staff(&session, Permission::ViewPractice, move |tx, staff| {
        let link = links::get(tx, staff, &id.0)?;
        let forward = match &link.link.forward_id {
            // Members may see where a link forwards to, but perhaps not the target link itself.
            Some(to) => links::find_in_scope(tx, staff, to)?.map(|to| to.label),
            None => None,
        };
        with_people(tx, staff, (link, forward))
    });
    let (who, roster, (link, forward)) = found.await?;
    let f = session.frame(&service, who, Section::Links);
    let link = LinkView::of(&f, &service, &roster, link);
    let forward = forward.unwrap_or_else(|| match link.forward_id {
        None => f.text("links-show-none").to_owned(),
        Some(_) => f.text("links-another-link").to_owned(),
    });
    f.page(&service, LinkPage { f: &f, link, tab: "overview", forward }.render())
}

/// A link and the layout, for the pages of one link.
pub(super) async fn find(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<LinkId>,
) -> Result<(Frame, LinkView), Problem> {
    let id = id.0.clone();
    let found = service.read_as_staff(session, Permission::ViewPractice, move |tx, staff| {
        let link = links::get(tx, staff, &id)?;
        with_people(tx, staff, link)
    });
    let (who, roster, link) = found.await?;
    let f = session.frame(service, who, Section::Links);
    let link = LinkView::of(&f, service, &roster, link);
    Ok((f, link))
}

/// Adds the viewer, and the roster that the names on a page come from.
fn with_people<T>(tx: &mut Tx, staff: &Staff, found: T) -> Result<(Viewer, Roster, T), ManageError> {
    Ok((Viewer::of(tx, staff)?, Roster::of(tx, &staff.practice_id)?, found))
}
