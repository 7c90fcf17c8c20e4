//! What became of a link's visitors, counted.
//!
//! Facts (a code typed, a text sent, a number proven, a pairing) append an event in their own transaction, so
//! that they are exact and nobody waits for a counter. Page views are too many for that: they are added up in
//! memory and written in batches, off the request path. A writer then rolls events up into counters by link
//! and day; a counter is always the sum of the events that carry a batch, since both change together.

mod export;
mod report;
mod store;
mod tally;
mod writer;

pub use export::csv;
pub use report::{BadRange, Counts, Range, Report};
pub use tally::Tally;
pub use writer::{Writer, flush, spawn};

use std::time::Duration;

use crate::app::Ctx;
use crate::db::{self, Conn};

/// Rolled-up events are kept this long, to hold the counters against them.
const KEPT: Duration = Duration::from_hours(35 * 24);
/// Anybody can write a channel on a link's address: so many of a link and day are told apart, the rest is
/// [`OTHER`].
const MOST_CHANNELS: usize = 20;
/// The channel of all channels that are not told apart.
const OTHER: &str = "other";
/// How many old events go in one sweep.
const SWEEP: i64 = 5_000;

/// One step of a visitor on the way to a pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The page was shown, to whomever.
    View,
    /// The page was shown to a bot, a preview or a prefetch.
    BotView,
    /// The page's own beacon came back: somebody saw it.
    ConfirmedView,
    /// The page was reached by the printed QR code, or the code was scanned in the app.
    Scan,
    /// The App Store button was tapped.
    TapIos,
    /// The Google Play button was tapped.
    TapAndroid,
    /// The code was typed into the app and became a link token.
    CodeTyped,
    /// A text was sent to a phone: a code, or the app's link.
    SmsSent,
    /// A number was proven.
    Verified,
    /// A patient was paired.
    Paired,
    /// The practice confirmed who it is.
    Confirmed,
    /// The practice found that it is somebody else.
    Rejected,
}

impl Step {
    /// All of them, on the way from the page to the pairing.
    pub const ALL: [Self; 12] = [
        Self::View,
        Self::BotView,
        Self::ConfirmedView,
        Self::Scan,
        Self::TapIos,
        Self::TapAndroid,
        Self::CodeTyped,
        Self::SmsSent,
        Self::Verified,
        Self::Paired,
        Self::Confirmed,
        Self::Rejected,
    ];

    /// The word that the database uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::BotView => "bot_view",
            Self::ConfirmedView => "confirmed_view",
            Self::Scan => "scan",
            Self::TapIos => "tap_ios",
            Self::TapAndroid => "tap_android",
            Self::CodeTyped => "code_typed",
            Self::SmsSent => "sms_sent",
            Self::Verified => "verified",
            Self::Paired => "paired",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }

    /// The step behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// Counts one step in the transaction of the fact itself.
pub fn record(ctx: &Ctx, conn: &mut Conn, link_id: &str, step: Step) -> db::Result<()> {
    let event = store::Event {
        id: ctx.id("fun"),
        link_id: link_id.to_owned(),
        step: step.as_str(),
        channel: String::new(),
        count: 1,
        at: ctx.now,
    };
    store::insert(conn, &[event])
}

/// What became of a link's visitors in `range`, of all channels or of one.
pub fn of_link(conn: &mut Conn, link_id: &str, range: Range, channel: Option<&str>) -> db::Result<Report> {
    let rows = store::counts(conn, link_id, &range.first_day(), &range.last_day())?;
    Ok(Report::new(range, channel, &rows))
}

/// Forgets events that were rolled up long ago; the counters stay.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_rolled(conn, ctx.now - KEPT, SWEEP)
}
