//! What open consoles and apps are told of at once: server-sent events, across instances, without a loss.
//!
//! An event is a row, written in the transaction of its fact. `UUIDv7` ids of several instances do not commit in
//! order, so a stream could not say by an id what it has read. Therefore each committed row gets a number, in
//! batches and under a lock, by the thread in `feed`; a stream stands at a number (and an event of its batch), and what comes
//! later always stands behind it. The instance that numbers tells the others by NOTIFY in that same transaction:
//! NOTIFY takes a lock over the whole database at commit, which sign-ups should not wait for.
//!
//! An event holds ids alone. Who is told of it is decided at each delivery, by the room whose stream it is.

mod feed;
mod hub;
mod store;
pub mod stream;

pub use feed::{Feed, spawn};
pub use hub::{Full, Hub, Seat};
pub use store::Told;

use std::time::Duration;

use serde_json::Value;

use crate::app::Ctx;
use crate::db::{self, Conn};

/// How long a broken stream can go on where it was.
const KEPT: Duration = Duration::from_hours(24);
/// "LiveNumb": one instance numbers at a time.
const LOCK: i64 = 0x4c69_7665_4e75_6d62;
const CHANNEL: &str = "practice_links_live";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A pairing opened a conversation.
    ConversationCreated,
    /// Something was written in one.
    EntryCreated,
    /// Its assignee, tags, status or mark changed.
    ConversationChanged,
    /// How sure the practice is of who it is changed.
    IdentityChanged,
    /// One side read it.
    Read,
}

impl Kind {
    /// The word in `event:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationCreated => "conversation.created",
            Self::EntryCreated => "entry.created",
            Self::ConversationChanged => "conversation.changed",
            Self::IdentityChanged => "identity.changed",
            Self::Read => "read",
        }
    }
}

/// An event to be told.
pub struct Event<'a> {
    /// The practice whose staff may be told.
    pub practice_id: &'a str,
    /// The account that is told too.
    pub account_id: Option<&'a str>,
    /// The conversation it is about.
    pub conversation_id: &'a str,
    /// How many entries it has: later in a conversation is told later.
    pub place: i32,
    /// What happened.
    pub kind: Kind,
    /// Ids, and nothing that needs keeping to oneself.
    pub data: Value,
}

/// Tells of a fact when its transaction has committed.
pub fn tell(ctx: &Ctx, conn: &mut Conn, event: &Event<'_>) -> db::Result<()> {
    ctx.told.set(true);
    store::insert(conn, &ctx.id("evt"), event, ctx.now)
}

/// Whose events a stream tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// A practice's.
    Practice(String),
    /// An account's.
    Account(String),
}

/// Where a stream stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of the batch.
    pub seq: i64,
    /// The event's place in it, which several share.
    pub within: i32,
    /// The event; what is empty stands before all of them.
    pub id: String,
}

/// Where a stream begins: behind the event that its reader saw last, or at the end of what is there. An event that
/// is not kept any more was the reader's last more than a day ago: they get the whole day.
pub fn start(conn: &mut Conn, last_seen: Option<&str>) -> db::Result<Place> {
    match last_seen.filter(|id| is_event_id(id)) {
        Some(id) => {
            let last = store::find(conn, id)?;
            Ok(last.as_ref().map(Told::place).unwrap_or_default())
        }
        None => Ok(Place { seq: store::head(conn)?.saturating_add(1), ..Place::default() }),
    }
}

fn is_event_id(id: &str) -> bool {
    let digits = id.strip_prefix("evt_").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Up to `limit` events after a place.
pub fn after(conn: &mut Conn, audience: &Audience, place: &Place, limit: i64) -> db::Result<Vec<Told>> {
    store::after(conn, audience, place, limit)
}

/// Numbers what has committed; `false` when another instance is at it.
fn number(ctx: &Ctx, conn: &mut Conn) -> db::Result<bool> {
    if !conn.try_lock(LOCK)? {
        return Ok(false);
    }
    // Never below the clock, so that numbers go on where every row was forgotten.
    let seq = store::head(conn)?.saturating_add(1).max(ctx.now.millis());
    if store::number(conn, seq)? > 0 {
        conn.notify(CHANNEL)?;
    }
    Ok(true)
}

/// Forgets what nobody will ask for.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_older(conn, ctx.now - KEPT)
}
