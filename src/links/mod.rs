//! Practice links: the codes on the flyers, and the tokens that a phone gets for one.
//!
//! A code is public and says only where to go. What a sign-up trusts is a *link token*, which this service
//! signs when a device hands in a code: it names the link and the way the code reached the device. Nothing is
//! ever paired by address or fingerprint: two phones in one waiting room share an address.

mod code;
pub mod http;
mod page;
mod store;
mod token;
mod well_known;

pub use store::Link;
pub use token::{LinkToken, Source};

use crate::app::Ctx;
use crate::db::{self, Conn};
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
    /// The token is not ours, expired, or its link is gone.
    #[error("link token invalid")]
    TokenInvalid,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A link that leads somewhere, with its practice.
#[derive(Clone)]
pub struct Destination {
    /// The link.
    pub link: Link,
    /// Its practice.
    pub practice: Practice,
}

/// What a new link is made of.
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
}

/// How often a random code may meet an allocated one before the store must be called full. At 50 % use, where
/// the next length begins, this many collisions in a row come once in 10^9 creations.
const TRIES: usize = 30;

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

/// Where `code` leads. A code that leads nowhere is "mistyped" by its digits alone, whether or not a row for
/// it exists, so that closed and unknown codes answer alike.
pub fn resolve(conn: &mut Conn, code: &str) -> Result<Destination, Refusal> {
    let refusal = if code::is_well_formed(code) { Refusal::NotFound } else { Refusal::Mistyped };
    let Some(link) = store::find_by_code(conn, code)?.filter(Link::is_open) else { return Err(refusal) };
    destination(conn, link)?.ok_or(refusal)
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
    Ok((token, destination))
}

/// Where a link token leads today, and how its holder came by it.
pub fn read_token(ctx: &Ctx, conn: &mut Conn, token: &str) -> Result<(Destination, Source), Refusal> {
    let (link_id, source) = token::verify(ctx, token).ok_or(Refusal::TokenInvalid)?;
    let link = store::find(conn, &link_id)?.filter(Link::is_open).ok_or(Refusal::TokenInvalid)?;
    Ok((destination(conn, link)?.ok_or(Refusal::TokenInvalid)?, source))
}

/// The link of `id`, whatever its state: for what was made through it earlier.
pub fn find(conn: &mut Conn, id: &str) -> db::Result<Option<Link>> {
    store::find(conn, id)
}

fn destination(conn: &mut Conn, link: Link) -> db::Result<Option<Destination>> {
    let practice = practices::find(conn, &link.practice_id)?.filter(Practice::is_active);
    Ok(practice.map(|practice| Destination { link, practice }))
}
