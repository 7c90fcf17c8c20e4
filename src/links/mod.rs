//! Practice links: the codes on the flyers, and the tokens that a phone gets for one.
//!
//! A code is public and says only where to go. What a sign-up trusts is a *link token*, which this service
//! signs when a device hands in a code: it names the link and the way the code reached the device. Nothing is
//! ever paired by address or fingerprint: two phones in one waiting room share an address.

mod code;
pub mod details;
mod endpoint;
pub mod http;
mod store;
mod token;

pub use code::LENGTHS as CODE_LENGTHS;
pub use endpoint::{
    Change, EndpointRefusal, People, Visible, add, change, close_all, find_visible, joined, list, notified,
    owner_kind, people,
};
pub use store::Link;
pub use token::{LinkToken, Source};

use std::collections::HashSet;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::funnel;
use crate::practices::{self, Practice};

/// Why a code or a token leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such link, or one that is closed or suspended: nobody can tell which.
    #[error("link not found")]
    NotFound,
    /// The code is unknown and its check digit is wrong.
    #[error("code mistyped")]
    Mistyped,
    /// The practice takes nobody in through this link for now.
    #[error("link paused")]
    Paused,
    /// The token is not ours, expired, or its link is gone.
    #[error("link token invalid")]
    TokenInvalid,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It leads to the practice.
    Active,
    /// It says that nobody is taken in for now.
    Paused,
    /// It leads where another link of the practice leads, for ever, and keeps its own attribution.
    Retired,
    /// The practice is gone; it answers like a code that never was.
    Closed,
}

impl State {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Retired => "retired",
            Self::Closed => "closed",
        }
    }

    /// The state behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Retired, Self::Closed].into_iter().find(|s| s.as_str() == word)
    }
}

/// A link that leads somewhere, with its practice.
#[derive(Clone)]
pub struct Destination {
    /// The link that was opened: what a pairing is attributed to.
    pub link: Link,
    /// The link whose tags, owner, assignee and welcome hold: the same one, or where a retired one leads.
    pub endpoint: Link,
    /// Its practice.
    pub practice: Practice,
}

impl Destination {
    /// Whether previews, texts and e-mails keep the practice's name to themselves.
    pub fn is_discreet(&self) -> bool {
        self.link.discreet || self.endpoint.discreet
    }

    /// Which logo its pages show: of a discreet link none.
    pub fn logo_version(&self) -> Option<&str> {
        self.practice.logo_version.as_deref().filter(|_| !self.is_discreet())
    }
}

/// Whose conversations they are, where the practice as a whole owns them.
pub const PRACTICE: &str = "practice";

/// What a new link is made of.
#[derive(Clone)]
pub struct NewLink {
    /// The practice it belongs to.
    pub practice_id: String,
    /// What the practice calls it.
    pub label: String,
    /// The tags that its conversations get.
    pub tags: Vec<String>,
    /// The first entry of its conversations.
    pub welcome: Option<String>,
    /// Whether it is the practice's first.
    pub is_default: bool,
    /// Who sees its conversations: [`PRACTICE`], a team's id or a staff member's.
    pub owner: String,
    /// Who answers them.
    pub assignee_id: Option<String>,
    /// Whether previews, texts and e-mails keep the practice's name to themselves.
    pub discreet: bool,
}

impl NewLink {
    /// A plain link that the whole practice owns.
    pub fn plain(practice_id: &str, label: &str) -> Self {
        Self {
            practice_id: practice_id.to_owned(),
            label: label.to_owned(),
            tags: Vec::new(),
            welcome: None,
            is_default: false,
            owner: PRACTICE.to_owned(),
            assignee_id: None,
            discreet: false,
        }
    }
}

/// How often a random code may meet an allocated one before the store must be called full. At 50 % use, where
/// the next length begins, this many collisions in a row come once in 10^9 creations.
const TRIES: usize = 30;
/// How many retired links in a row are followed before the default link stands in. Forwards are set to living
/// links, so a chain grows only when those retire too; no practice gets there.
const FORWARDS: usize = 1_000;

/// Makes a link behind a fresh random code: insert or retry, never check and then insert.
pub fn create(ctx: &Ctx, conn: &mut Conn, new: &NewLink) -> db::Result<Option<Link>> {
    let length = code::length_for(|length| store::count_of_length(conn, length))?;
    for _ in 0..TRIES {
        if let Some(link) = store::insert(conn, &ctx.id("lnk"), &code::generate(ctx, length), new, ctx.now)? {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Makes a link behind a code of the operator's choosing (imported, or the demo's); `None` when it is taken.
pub fn create_with_code(ctx: &Ctx, conn: &mut Conn, code: &str, new: &NewLink) -> db::Result<Option<Link>> {
    store::insert(conn, &ctx.id("lnk"), code, new, ctx.now)
}

/// What stands behind a code that was opened.
pub enum Opened {
    /// A practice that takes patients in.
    Open(Destination),
    /// A practice that does not for now.
    Paused(Destination),
    /// Nothing, or nothing any more. "Mistyped" by its digits alone, whether or not a row for it exists, so
    /// that closed and unknown codes answer alike.
    Nowhere {
        /// Whether the check digit is wrong.
        mistyped: bool,
    },
}

/// Opens `code`.
pub fn open(conn: &mut Conn, code: &str) -> db::Result<Opened> {
    let found = store::find_by_code(conn, code)?;
    let nowhere = Opened::Nowhere { mistyped: !code::is_well_formed(code) };
    let Some(to) = destination(conn, found, store::find)? else { return Ok(nowhere) };
    Ok(match to.endpoint.state() {
        State::Paused => Opened::Paused(to),
        _ => Opened::Open(to),
    })
}

/// What a page shows of a practice's logo.
pub enum Logo {
    /// The logo (PNG), and which one it is.
    Of {
        /// Another word with each.
        version: String,
        /// The picture.
        png: Vec<u8>,
    },
    /// None: there is none, or the link is discreet.
    None,
    /// The code leads nowhere.
    Nowhere,
}

/// The logo on the page behind `code`.
pub fn logo(conn: &mut Conn, code: &str) -> db::Result<Logo> {
    let (Opened::Open(to) | Opened::Paused(to)) = open(conn, code)? else { return Ok(Logo::Nowhere) };
    let Some(version) = to.logo_version().map(str::to_owned) else { return Ok(Logo::None) };
    let png = practices::logo(conn, &to.practice.id)?;
    Ok(png.map_or(Logo::None, |png| Logo::Of { version, png }))
}

/// Where `code` leads.
pub fn resolve(conn: &mut Conn, code: &str) -> Result<Destination, Refusal> {
    match open(conn, code)? {
        Opened::Open(to) => Ok(to),
        Opened::Paused(_) => Err(Refusal::Paused),
        Opened::Nowhere { mistyped: true } => Err(Refusal::Mistyped),
        Opened::Nowhere { mistyped: false } => Err(Refusal::NotFound),
    }
}

/// Signs a token for a device that came by `code`.
pub fn issue_token(
    ctx: &Ctx,
    conn: &mut Conn,
    code: &str,
    source: Source,
) -> Result<(LinkToken, Destination), Refusal> {
    let destination = resolve(conn, code)?;
    let token = token::sign(ctx, &destination.link.id, source).ok_or(Refusal::NotFound)?;
    if let Some(step) = source.step() {
        funnel::record(ctx, conn, &destination.link.id, step)?;
    }
    Ok((token, destination))
}

/// Where a link token leads today, and how its holder came by it.
pub fn read_token(ctx: &Ctx, conn: &mut Conn, token: &str) -> Result<(Destination, Source), Refusal> {
    let (link_id, source) = token::verify(ctx, token).ok_or(Refusal::TokenInvalid)?;
    Ok((destination_of(conn, &link_id)?, source))
}

/// Where the link of `id` leads today.
pub fn destination_of(conn: &mut Conn, id: &str) -> Result<Destination, Refusal> {
    let found = store::find_with_practice(conn, id)?;
    let to = destination(conn, found, store::find)?.ok_or(Refusal::TokenInvalid)?;
    open_only(to)
}

/// [`destination_of`] for whoever is about to pair: what it found stands until the transaction ends, so that
/// nobody comes into a practice that closed, or through a link that was paused, a moment before.
pub fn hold(conn: &mut Conn, id: &str) -> Result<Destination, Refusal> {
    // A link never moves to another practice, so its practice may be read before it is held.
    let link = store::find(conn, id)?.ok_or(Refusal::TokenInvalid)?;
    let practice = practices::hold(conn, &link.practice_id)?;
    let found = store::hold(conn, id)?.zip(practice);
    let to = destination(conn, found, store::hold)?.ok_or(Refusal::TokenInvalid)?;
    open_only(to)
}

/// [`read_token`], held as by [`hold`].
pub fn hold_by_token(ctx: &Ctx, conn: &mut Conn, token: &str) -> Result<(Destination, Source), Refusal> {
    let (link_id, source) = token::verify(ctx, token).ok_or(Refusal::TokenInvalid)?;
    Ok((hold(conn, &link_id)?, source))
}

fn open_only(to: Destination) -> Result<Destination, Refusal> {
    match to.endpoint.state() {
        State::Paused => Err(Refusal::Paused),
        _ => Ok(to),
    }
}

/// The first link of a practice.
pub fn default_of(conn: &mut Conn, practice_id: &str) -> db::Result<Option<Link>> {
    store::find_default(conn, practice_id)
}

/// The link of `id`, whatever its state: for what was made through it earlier.
pub fn find(conn: &mut Conn, id: &str) -> db::Result<Option<Link>> {
    store::find(conn, id)
}

/// The link of `id` and what holds for it, whatever its state or its practice's: for what was made through it
/// earlier.
pub fn known(conn: &mut Conn, id: &str) -> db::Result<Option<Destination>> {
    let Some((link, practice)) = store::find_with_practice(conn, id)? else { return Ok(None) };
    let endpoint = endpoint(conn, &link, store::find)?.unwrap_or_else(|| link.clone());
    Ok(Some(Destination { link, endpoint, practice }))
}

/// How a link is looked up by its id: as it is, or held.
type Look = fn(&mut Conn, &str) -> db::Result<Option<Link>>;

/// A found link with the one whose settings hold for it; `None` for what is closed or suspended.
fn destination(
    conn: &mut Conn,
    found: Option<(Link, Practice)>,
    look: Look,
) -> db::Result<Option<Destination>> {
    let Some((link, practice)) = found.filter(|(_, practice)| practice.is_active()) else { return Ok(None) };
    let endpoint = endpoint(conn, &link, look)?.filter(|endpoint| endpoint.state() != State::Closed);
    Ok(endpoint.map(|endpoint| Destination { link, endpoint, practice }))
}

/// Follows the forwards of retired links; the default link is the end of every chain, and of every ring.
fn endpoint(conn: &mut Conn, link: &Link, look: Look) -> db::Result<Option<Link>> {
    let (mut at, mut seen) = (link.clone(), HashSet::new());
    while seen.len() < FORWARDS && seen.insert(at.id.clone()) {
        if at.state() != State::Retired {
            return Ok(Some(at));
        }
        let next = match &at.forward_id {
            Some(id) => look(conn, id)?,
            None => None,
        };
        match next {
            Some(next) if next.practice_id == link.practice_id => at = next,
            _ => break,
        }
    }
    match store::find_default(conn, &link.practice_id)? {
        Some(default) => look(conn, &default.id),
        None => Ok(None),
    }
}
