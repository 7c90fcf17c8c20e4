//! Practice links: the codes on the flyers, and the tokens that a phone gets for one.
//!
//! A code is public and only says where to go. What a sign-up trusts is a *link token*, which this service
//! signs when a device submits a code: it names the link and the way the code reached the device. Nothing
//! is ever paired by IP address or fingerprint: two phones in one waiting room share an address.

mod access;
mod code;
pub mod details;
pub mod edit;
pub mod funnel;
mod manage;
mod method;
mod owner;
mod store;
mod token;

pub use access::AccessScope;
pub use code::{LENGTHS as CODE_LENGTHS, is_code};
pub use edit::{Change, ManageError, People, add, close_all, edit, notified, owner_exists};
pub use funnel::{export_funnel, funnel};
pub use manage::{LinkDetails, change, create, find_in_scope, get, list, list_all, printable};
pub use method::Method;
pub use owner::Owner;
pub use store::{Link, Part};
pub use token::{LinkToken, ReadToken, Source};

use std::collections::HashSet;

use crate::domain::practices::{self, Practice};
use crate::kit::{LinkId, PracticeId, StaffId};
use crate::platform::db::{self, Conn};
use crate::platform::{Service, Tx};

/// Why a code or a token was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such link, or a closed or suspended one: the response is the same, so they cannot be told apart.
    #[error("link not found")]
    NotFound,
    /// The code is unknown and its check digit is wrong.
    #[error("code mistyped")]
    Mistyped,
    /// The practice does not accept new patients through this link for now.
    #[error("link paused")]
    Paused,
    /// The signature is invalid, the token has expired, or its link is closed.
    #[error("link token invalid")]
    TokenInvalid,
    #[error(transparent)]
    Db(#[from] db::Error),
}

crate::text_enum! {
    /// Lifecycle state of a practice link.
    pub enum State {
        /// The link accepts new patients.
        Active = "active",
        /// The link temporarily accepts no new patients, and its page says so.
        Paused = "paused",
        /// The link permanently forwards to another link of the practice, and keeps its own attribution.
        Retired = "retired",
        /// The practice has closed; the link answers like an unknown code.
        Closed = "closed",
    }
}

/// A link that can be opened, with its effective link and its practice.
#[derive(Clone)]
pub struct Destination {
    /// The link that was opened; pairings are attributed to it.
    pub link: Link,
    /// The effective link, whose tags, owner, assignee and welcome apply: the same link, or the one that a
    /// retired link forwards to.
    pub effective: Link,
    pub practice: Practice,
}

impl Destination {
    /// Whether previews, texts and e-mails omit the practice's name.
    pub fn is_discreet(&self) -> bool {
        self.link.discreet || self.effective.discreet
    }

    /// Version of the logo on its pages; a discreet link has none.
    pub fn logo_version(&self) -> Option<&str> {
        self.practice.logo_version.as_deref().filter(|_| !self.is_discreet())
    }
}

#[derive(Clone)]
pub struct NewLink {
    pub label: String,
    pub tags: Vec<String>,
    /// First entry of its conversations.
    pub welcome: Option<String>,
    /// Whether it is the practice's default link.
    pub is_default: bool,
    /// Who can see its conversations.
    pub owner: Owner,
    /// Staff member who answers its conversations.
    pub assignee_id: Option<StaffId>,
    /// Whether previews, texts and e-mails omit the practice's name.
    pub discreet: bool,
}

impl NewLink {
    /// A link without extras, owned by the whole practice.
    pub fn plain(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            tags: Vec::new(),
            welcome: None,
            is_default: false,
            owner: Owner::Practice,
            assignee_id: None,
            discreet: false,
        }
    }
}

/// How many random codes in a row may be taken before creation fails. At 50 % use, where the next length
/// begins, this many collisions in a row happen once in 10^9 creations.
const TRIES: usize = 30;
/// How many forwards in a row are followed before falling back to the default link. A forward is set to an
/// active or paused link, so a chain grows only when that link retires too; no practice reaches this limit.
const FORWARDS: usize = 1_000;

/// Creates a link with a fresh random code. It inserts and retries; checking first and then inserting
/// would be a race.
pub fn create_with_random_code(
    tx: &mut Tx,
    practice_id: &PracticeId,
    new: &NewLink,
) -> db::Result<Option<Link>> {
    let length = code::length_for(|length| store::count_of_length(tx.conn, length))?;
    for _ in 0..TRIES {
        let (id, code) = (tx.id::<LinkId>(), code::generate(tx, length));
        if let Some(link) = store::insert(tx.conn, &id, practice_id, &code, new, tx.now)? {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Creates a link with a code that the operator chose (imported, or the demo's); `None` if it is taken.
pub fn create_with_code(
    tx: &mut Tx,
    practice_id: &PracticeId,
    code: &str,
    new: &NewLink,
) -> db::Result<Option<Link>> {
    let id = tx.id::<LinkId>();
    store::insert(tx.conn, &id, practice_id, code, new, tx.now)
}

/// Result of looking a code up.
pub enum Lookup {
    /// The practice accepts new patients.
    Open(Destination),
    /// The link is paused for now.
    Paused(Destination),
    /// Unknown or closed. "Mistyped" depends only on the digits, not on whether a row exists, so that
    /// closed and unknown codes get the same answer.
    NotFound {
        /// Whether the check digit is wrong.
        mistyped: bool,
    },
}

impl Lookup {
    fn found(to: Destination) -> Self {
        match to.effective.state {
            State::Paused => Self::Paused(to),
            _ => Self::Open(to),
        }
    }

    fn open(self) -> Result<Destination, Error> {
        match self {
            Self::Open(to) => Ok(to),
            Self::Paused(_) => Err(Error::Paused),
            Self::NotFound { mistyped: true } => Err(Error::Mistyped),
            Self::NotFound { mistyped: false } => Err(Error::NotFound),
        }
    }
}

/// Looks a code up. The result may be as old as the row cache allows: who pairs reads it again by [`lock`].
pub fn look_up(tx: &mut Tx, code: &str) -> db::Result<Lookup> {
    if let Some(to) = tx.rows.get(code) {
        return Ok(Lookup::found(to));
    }
    let found = store::find_by_code(tx.conn, code)?;
    let unknown = Lookup::NotFound { mistyped: !code::is_well_formed(code) };
    let Some(to) = destination(tx, found, store::find)? else { return Ok(unknown) };
    cache(tx, &to);
    Ok(Lookup::found(to))
}

/// By its code and by its id, which no code is like. Only what was found: unknown codes are endless.
fn cache(tx: &Tx, to: &Destination) {
    tx.cache(&to.link.code, to);
    tx.cache(to.link.id.as_str(), to);
}

/// Logo on the page of a link.
pub enum Logo {
    Of {
        /// Changes whenever the logo changes.
        version: String,
        png: Vec<u8>,
    },
    /// The practice has no logo, or the link is discreet.
    None,
    /// The code is unknown or closed.
    NotFound,
}

/// Returns the logo on the page of `code`.
pub fn logo(tx: &mut Tx, code: &str) -> db::Result<Logo> {
    let (Lookup::Open(to) | Lookup::Paused(to)) = look_up(tx, code)? else { return Ok(Logo::NotFound) };
    let Some(version) = to.logo_version().map(str::to_owned) else { return Ok(Logo::None) };
    let png = practices::logo(tx, &to.practice.id)?;
    Ok(png.map_or(Logo::None, |png| Logo::Of { version, png }))
}

/// Returns the destination of an active link code.
pub fn resolve(tx: &mut Tx, code: &str) -> Result<Destination, Error> {
    look_up(tx, code)?.open()
}

/// [`resolve`] outside of a unit of work, which it needs only if the link is not cached.
pub async fn resolve_cached(service: &Service, code: &str) -> Result<Destination, Error> {
    if let Some(to) = service.rows.get(code) {
        return Lookup::found(to).open();
    }
    let code = code.to_owned();
    service.read(move |tx| resolve(tx, &code)).await
}

/// Signs a link token for a device that submitted the code of `to`. It is no write: what a token is for is
/// checked when it is used.
pub fn issue_token(service: &Service, to: &Destination, source: Source) -> Result<LinkToken, Error> {
    token::sign(service, &to.link.id, source).ok_or(Error::NotFound)
}

/// Returns the destination of a link token, and how the code reached the device. Like that of [`look_up`], it
/// may be a moment old.
pub fn resolve_token(tx: &mut Tx, token: &ReadToken) -> Result<(Destination, Source), Error> {
    let (link_id, source) = token.claim(tx.now).ok_or(Error::TokenInvalid)?;
    if let Some(to) = tx.rows.get(link_id.as_str()) {
        return Ok((open_only(to)?, source));
    }
    let found = store::find_with_practice(tx.conn, link_id)?;
    let to = destination(tx, found, store::find)?.ok_or(Error::TokenInvalid)?;
    cache(tx, &to);
    Ok((open_only(to)?, source))
}

/// Returns the current destination of the link `id`.
pub fn destination_of(tx: &mut Tx, id: &LinkId) -> Result<Destination, Error> {
    let found = store::find_with_practice(tx.conn, id)?;
    let to = destination(tx, found, store::find)?.ok_or(Error::TokenInvalid)?;
    open_only(to)
}

/// [`destination_of`] with row locks, for callers that are about to pair: the rows cannot change until the
/// transaction ends, so a pairing is never made with a practice that closed, or through a link that was
/// paused, a moment before.
pub fn lock(tx: &mut Tx, id: &LinkId) -> Result<Destination, Error> {
    let found = store::lock_with_practice(tx.conn, id)?;
    let to = destination(tx, found, store::lock)?.ok_or(Error::TokenInvalid)?;
    open_only(to)
}

/// [`resolve_token`], with row locks like [`lock`].
pub fn lock_by_token(tx: &mut Tx, token: &ReadToken) -> Result<(Destination, Source), Error> {
    let (link_id, source) = token.claim(tx.now).ok_or(Error::TokenInvalid)?;
    Ok((lock(tx, link_id)?, source))
}

fn open_only(to: Destination) -> Result<Destination, Error> {
    match to.effective.state {
        State::Paused => Err(Error::Paused),
        _ => Ok(to),
    }
}

pub fn default_of(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<Option<Link>> {
    store::find_default(tx.conn, practice_id)
}

/// Returns the link in any state: for records that were created through it earlier.
pub fn find(tx: &mut Tx, id: &LinkId) -> db::Result<Option<Link>> {
    store::find(tx.conn, id)
}

/// Returns the link and its effective link in any state, even if the practice is closed or suspended: for
/// records that were created through it earlier.
pub fn find_destination(tx: &mut Tx, id: &LinkId) -> db::Result<Option<Destination>> {
    let Some((link, practice)) = store::find_with_practice(tx.conn, id)? else { return Ok(None) };
    let effective = effective_link(tx, &link, store::find)?.unwrap_or_else(|| link.clone());
    Ok(Some(Destination { link, effective, practice }))
}

/// [`find_destination`] that may be as old as the row cache allows, for a name in a text.
pub fn find_recent(tx: &mut Tx, id: &LinkId) -> db::Result<Option<Destination>> {
    match tx.rows.get::<Destination>(id.as_str()) {
        Some(to) => Ok(Some(to)),
        None => find_destination(tx, id),
    }
}

/// Query for a link by id: a plain read, or with a row lock.
type Look = fn(&mut Conn, &LinkId) -> db::Result<Option<Link>>;

/// Adds the effective link; `None` if the link is closed or the practice is not active.
fn destination(tx: &mut Tx, found: Option<(Link, Practice)>, look: Look) -> db::Result<Option<Destination>> {
    let Some((link, practice)) = found.filter(|(_, practice)| practice.is_active()) else { return Ok(None) };
    let effective = effective_link(tx, &link, look)?.filter(|link| link.state != State::Closed);
    Ok(effective.map(|effective| Destination { link, effective, practice }))
}

/// Resolves the effective link by following the forwards of retired links; every chain and every cycle ends
/// at the default link.
fn effective_link(tx: &mut Tx, link: &Link, look: Look) -> db::Result<Option<Link>> {
    let (mut at, mut seen) = (link.clone(), HashSet::new());
    while seen.len() < FORWARDS && seen.insert(at.id.clone()) {
        if at.state != State::Retired {
            return Ok(Some(at));
        }
        let next = match &at.forward_id {
            Some(id) => look(tx.conn, id)?,
            None => None,
        };
        match next {
            Some(next) if next.practice_id == link.practice_id => at = next,
            _ => break,
        }
    }
    match store::find_default(tx.conn, &link.practice_id)? {
        Some(default) => look(tx.conn, &default.id),
        None => Ok(None),
    }
}
