//! What the funnel says of a link.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::Sum;
use super::{OTHER, Step};

/// A report never covers more days than this.
const MOST_DAYS: i32 = 366;
/// It lists this many channels, those with the highest counts; the others are told as one.
const MOST_LISTED: usize = 50;
/// What it covers when nothing is asked for.
const DEFAULT_DAYS: i32 = 30;

/// Days from one to another, both included, in the practice's own time zone.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    from: Date,
    to: Date,
}

/// Why a range cannot be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// `from` is no date.
    #[error("`from` must be a date like 2026-11-22.")]
    From,
    /// `to` is no date.
    #[error("`to` must be a date like 2026-11-22.")]
    To,
    /// The range is empty or too long.
    #[error("Ask for 1 to 366 days.")]
    Length,
}

impl Range {
    /// The days from `from` to `to` (ISO 8601 dates); by default the thirty up to `today`.
    pub fn parse(from: Option<&str>, to: Option<&str>, today: Date) -> Result<Self, BadRange> {
        let to: Date = to.map_or(Ok(today), |to| to.parse().map_err(|_| BadRange::To))?;
        let first = to.checked_sub((DEFAULT_DAYS - 1).days()).map_err(|_| BadRange::To)?;
        let from = from.map_or(Ok(first), |from| from.parse().map_err(|_| BadRange::From))?;
        let days = (to - from).get_days();
        if (0..MOST_DAYS).contains(&days) { Ok(Self { from, to }) } else { Err(BadRange::Length) }
    }

    pub(super) fn first_day(self) -> String {
        self.from.to_string()
    }

    pub(super) fn last_day(self) -> String {
        self.to.to_string()
    }

    fn days(self) -> impl Iterator<Item = String> {
        let to = self.to;
        self.from.series(1.day()).take_while(move |day| *day <= to).map(|day| day.to_string())
    }
}

/// How often the page was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Views {
    /// To whomever.
    #[schema(example = 120)]
    pub raw: i64,
    /// Of these: to bots, previews and prefetches.
    #[schema(example = 30)]
    pub bot: i64,
    /// The page's own beacon came back: somebody saw it.
    #[schema(example = 80)]
    pub confirmed: i64,
}

/// How often a store's button was tapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoreTaps {
    /// The App Store's.
    #[schema(example = 22)]
    pub ios: i64,
    /// Google Play's.
    #[schema(example = 19)]
    pub android: i64,
}

/// The steps from the page to the pairing, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FunnelCounts)]
pub struct Counts {
    /// The day, in the practice's time zone, where they are of one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-22")]
    pub day: Option<String>,
    /// The channel, where they are of one: `?s=brochure` on the link's address; empty for visitors without one,
    /// and for all that happens in the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "brochure")]
    pub channel: Option<String>,
    /// Page views.
    pub views: Views,
    /// The printed QR code was scanned, by a camera or in the app.
    #[schema(example = 40)]
    pub scans: i64,
    /// Taps on a store's button.
    pub store_taps: StoreTaps,
    /// The code was typed into the app.
    #[schema(example = 6)]
    pub codes_typed: i64,
    /// Codes sent by text.
    #[schema(example = 35)]
    pub sms_sent: i64,
    /// Numbers proven.
    #[schema(example = 31)]
    pub verified: i64,
    /// Patients paired.
    #[schema(example = 30)]
    pub paired: i64,
    /// Of those, confirmed by the practice to be who they say.
    #[schema(example = 27)]
    pub confirmed: i64,
    /// Of those, found by the practice to be somebody else.
    #[schema(example = 1)]
    pub rejected: i64,
}

impl Counts {
    fn add(&mut self, step: Step, count: i64) {
        let field = match step {
            Step::View => &mut self.views.raw,
            Step::BotView => &mut self.views.bot,
            Step::ConfirmedView => &mut self.views.confirmed,
            Step::Scan => &mut self.scans,
            Step::TapIos => &mut self.store_taps.ios,
            Step::TapAndroid => &mut self.store_taps.android,
            Step::CodeTyped => &mut self.codes_typed,
            Step::SmsSent => &mut self.sms_sent,
            Step::Verified => &mut self.verified,
            Step::Paired => &mut self.paired,
            Step::Confirmed => &mut self.confirmed,
            Step::Rejected => &mut self.rejected,
        };
        *field += count;
    }
}

/// What became of a link's visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Funnel)]
pub struct Report {
    /// The first day.
    #[schema(example = "2026-10-24")]
    pub from: String,
    /// The last day.
    #[schema(example = "2026-11-22")]
    pub to: String,
    /// Every day in between, also those on which nothing happened.
    pub days: Vec<Counts>,
    /// Their sums.
    pub totals: Counts,
    /// The sums by channel, in alphabetical order. Of a link and day 20 channels are told apart, of a report the
    /// 50 largest; what is beyond is the channel `other`.
    pub channels: Vec<Counts>,
}

impl Report {
    pub(super) fn new(range: Range, channel: Option<&str>, rows: &[Sum]) -> Self {
        let mut by_day: BTreeMap<String, Counts> = range.days().map(|day| (day, Counts::default())).collect();
        let (mut by_channel, mut totals) = (BTreeMap::<&str, Counts>::new(), Counts::default());
        let listed = listed(rows);
        let wanted = rows.iter().filter(|(_, _, of, _)| channel.is_none_or(|only| only == of));
        for (day, step, of, count) in wanted {
            let Some(step) = Step::from_word(step) else { continue };
            by_day.entry(day.clone()).or_default().add(step, *count);
            let of = if channel.is_some() || listed.contains(of.as_str()) { of.as_str() } else { OTHER };
            by_channel.entry(of).or_default().add(step, *count);
            totals.add(step, *count);
        }
        let of_day = |(day, counts)| Counts { day: Some(day), ..counts };
        let of_channel =
            |(channel, counts): (&str, _)| Counts { channel: Some(channel.to_owned()), ..counts };
        Self {
            from: range.first_day(),
            to: range.last_day(),
            days: by_day.into_iter().map(of_day).collect(),
            totals,
            channels: by_channel.into_iter().map(of_channel).collect(),
        }
    }
}

/// The channels with the highest counts, and always the empty one, which is no channel.
fn listed(rows: &[Sum]) -> BTreeSet<&str> {
    let mut sums = BTreeMap::<&str, i64>::new();
    for (_, _, channel, count) in rows {
        *sums.entry(channel).or_default() += count;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(channel, sum)| (!channel.is_empty(), -sum));
    sums.into_iter().take(MOST_LISTED).map(|(channel, _)| channel).collect()
}
