//! Funnel statistics of a link: how many visitors reach each step.
//!
//! Facts (a code typed, a text sent, a number verified, a pairing) append an event in their own
//! transaction, so they are exact and no request waits for a counter. Page views are too many for that:
//! they are summed in memory and written in batches, off the request path. A writer then rolls events up
//! into counters per link and day. A counter always equals the sum of the events that carry a batch id,
//! because both change together.

pub mod export;
pub mod page_views;
pub mod report;
pub mod store;
pub mod writer;

pub use export::csv;
pub use page_views::PageViews;
pub use report::{BadRange, Counts, Range, Report};
pub use writer::{Writer, flush, spawn};

use std::time::Duration;

use crate::kit::ids::LinkId;
use crate::platform::db;
use crate::platform::tx::Tx;

/// How long rolled-up events are kept, so that counters can be checked against them.
const KEPT: Duration = Duration::from_hours(35 * 24);
/// How many channels are counted separately per link and day; the rest is counted as [`OTHER`]. The limit
/// exists because anyone can write a channel into a link's URL.
const MOST_CHANNELS: usize = 20;
/// Channel that collects the counts beyond [`MOST_CHANNELS`].
const OTHER: &str = "other";
/// How many old events one sweep deletes.
const SWEEP: i64 = 5_000;

/// One step of a visitor on the way to a pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The page was shown, to a person or a bot.
    View,
    /// The page was shown to a bot, a preview or a prefetch.
    BotView,
    /// The page's own beacon came back, so a person saw it.
    ConfirmedView,
    /// The page was reached by the printed QR code, or the code was scanned in the app.
    Scan,
    TapIos,
    TapAndroid,
    /// The code was typed into the app and became a link token.
    CodeTyped,
    /// A text was sent to a phone: a code or the link to the app.
    SmsSent,
    /// A phone number was verified.
    Verified,
    Paired,
    /// The practice confirmed the patient's identity.
    Confirmed,
    /// The practice rejected the patient's identity.
    Rejected,
}

impl Step {
    /// All steps in order, from the page view to the identity check.
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

    /// Returns the value stored in the database.
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

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// Counts one step in the transaction of the fact itself.
pub fn record(tx: &mut Tx, link_id: &LinkId, step: Step) -> db::Result<()> {
    let event = store::Event {
        id: tx.id(),
        link_id: link_id.to_owned(),
        step: step.as_str(),
        channel: String::new(),
        count: 1,
        at: tx.now,
    };
    store::insert(tx.conn, &[event])
}

/// Returns the funnel of a link in `range`, over all channels or for one.
pub fn of_link(tx: &mut Tx, link_id: &LinkId, range: Range, channel: Option<&str>) -> db::Result<Report> {
    let rows = store::counts(tx.conn, link_id, &range.first_day(), &range.last_day())?;
    Ok(Report::new(range, channel, &rows))
}

/// Deletes events that were rolled up long ago; the counters stay.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_rolled(tx.conn, tx.now - KEPT, SWEEP)
}
