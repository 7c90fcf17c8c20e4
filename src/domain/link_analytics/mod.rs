//! Funnel statistics of a link: how many visitors reach each step.
//!
//! Facts (a text sent, a number verified, a pairing) are events of the event log, and a [reaction](Funnel)
//! adds them to the counters per link and day, so they are exact and no request waits for a counter. Page
//! views and codes that became link tokens are too many for that, and nobody's history: they are summed in
//! memory and written in batches, off the request path, as rows that a writer rolls up into the same
//! counters.

mod backlog;
mod export;
mod page_views;
mod reaction;
mod report;
mod store;
mod writer;

pub use export::csv;
pub use page_views::PageViews;
pub use reaction::Funnel;
pub use report::{BadRange, Counts, Range, Report};
pub use writer::{Writer, flush, spawn};

use std::time::Duration;

use crate::kit::LinkId;
use crate::platform::{Tx, db};

/// How long rolled-up events are kept, so that counters can be checked against them.
const RETENTION: Duration = Duration::from_hours(35 * 24);
/// How many channels are counted separately per link and day; the rest is counted as [`OTHER`]. The limit
/// exists because anyone can write a channel into a link's URL.
const MOST_CHANNELS: usize = 20;
/// Channel that collects the counts beyond [`MOST_CHANNELS`].
const OTHER: &str = "other";
/// How many old events one sweep deletes.
const SWEEP: i64 = 5_000;

crate::text_enum! {
    /// One step of a visitor on the way to a pairing.
    pub enum Step {
        /// The page was shown, to a person or a bot.
        View = "view",
        /// The page was shown to a bot, a preview or a prefetch.
        BotView = "bot_view",
        /// The page's own beacon came back, so a person saw it.
        ConfirmedView = "confirmed_view",
        /// The page was reached by the printed QR code, or the code was scanned in the app.
        Scan = "scan",
        TapIos = "tap_ios",
        TapAndroid = "tap_android",
        /// The code was typed into the app and became a link token.
        CodeTyped = "code_typed",
        /// A text was sent to a phone: a code or the link to the app.
        SmsSent = "sms_sent",
        /// A phone number was verified.
        Verified = "verified",
        Paired = "paired",
        /// The practice confirmed the patient's identity.
        Confirmed = "confirmed",
        /// The practice rejected the patient's identity.
        Rejected = "rejected",
    }
}

/// Counts one step of a visitor.
pub fn record(tx: &mut Tx, link_id: &LinkId, step: Step) -> db::Result<()> {
    let event = store::Event {
        id: tx.id(),
        link_id: link_id.to_owned(),
        step,
        channel: String::new(),
        count: 1,
        at: tx.now,
    };
    store::insert(tx.conn, &[event])
}

/// Returns the funnel of a link in `range`, over all channels or for one.
pub fn of_link(tx: &mut Tx, link_id: &LinkId, range: Range, channel: Option<&str>) -> db::Result<Report> {
    let counts = store::counts(tx.conn, link_id, &range.first_day(), &range.last_day())?;
    Ok(Report::new(range, channel, &counts))
}

/// Deletes events that were rolled up long ago; the counters stay.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_rolled(tx.conn, tx.now - RETENTION, SWEEP)
}
