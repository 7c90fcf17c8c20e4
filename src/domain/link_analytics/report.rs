//! The funnel report of a link.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::SlotCount;
use super::{OTHER, Step};

/// Longest range of a report, in days.
const MOST_DAYS: i32 = 366;
/// How many channels a report lists (those with the highest counts); the others are summed up as one.
const MOST_LISTED: usize = 50;
/// Range of a report if the request names none, in days.
const DEFAULT_DAYS: i32 = 30;

/// Days in the practice's own time zone, first and last included.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    from: Date,
    to: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    #[error("`from` must be a date like 2026-11-22.")]
    From,
    #[error("`to` must be a date like 2026-11-22.")]
    To,
    #[error("Choose a range of 1 to 366 days.")]
    Length,
}

impl Range {
    /// Parses ISO 8601 dates; the default is the 30 days that end `today`.
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

/// How often the landing page was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Views {
    /// All page views, by people and bots.
    #[schema(example = 120)]
    pub raw: i64,
    /// Page views by bots, link previews and prefetches.
    #[schema(example = 30)]
    pub bot: i64,
    /// Page views confirmed by the page's own beacon: a person saw it.
    #[schema(example = 80)]
    pub confirmed: i64,
}

/// How often each app store button was tapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoreTaps {
    /// Taps on the App Store button.
    #[schema(example = 22)]
    pub ios: i64,
    /// Taps on the Google Play button.
    #[schema(example = 19)]
    pub android: i64,
}

/// Counts for each step from the page view to the pairing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FunnelCounts)]
pub struct Counts {
    /// The day in the practice's time zone, if the counts are of one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-22")]
    pub day: Option<String>,
    /// The channel, if the counts are of one channel: `?s=brochure` in the link's URL. Empty for visitors
    /// without one and for everything that happens in the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "brochure")]
    pub channel: Option<String>,
    /// Views of the landing page.
    pub views: Views,
    /// Scans of the printed QR code, by a camera or in the app.
    #[schema(example = 40)]
    pub scans: i64,
    /// Taps on the app store buttons.
    pub store_taps: StoreTaps,
    /// How often the code was typed into the app.
    #[schema(example = 6)]
    pub codes_typed: i64,
    /// Texts sent, with a code or the link to the app.
    #[schema(example = 35)]
    pub sms_sent: i64,
    /// Phone numbers that were verified.
    #[schema(example = 31)]
    pub verified: i64,
    /// Patients who were paired with the practice.
    #[schema(example = 30)]
    pub paired: i64,
    /// Paired patients whose identity the practice confirmed.
    #[schema(example = 27)]
    pub confirmed: i64,
    /// Paired patients whose identity the practice rejected.
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

/// Funnel of one link, from page view to pairing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Funnel)]
pub struct Report {
    /// First day of the report.
    #[schema(example = "2026-10-24")]
    pub from: String,
    /// Last day of the report.
    #[schema(example = "2026-11-22")]
    pub to: String,
    /// Every day of the range, including days without any event.
    pub days: Vec<Counts>,
    /// Sums over all days of the range.
    pub totals: Counts,
    /// Sums per channel, in alphabetical order. Up to 20 channels are counted separately per link and day,
    /// and a report lists the 50 largest; everything else is in the channel `other`.
    pub channels: Vec<Counts>,
}

impl Report {
    pub(super) fn new(range: Range, channel: Option<&str>, rows: &[SlotCount]) -> Self {
        let mut by_day: BTreeMap<String, Counts> = range.days().map(|day| (day, Counts::default())).collect();
        let (mut by_channel, mut totals) = (BTreeMap::<&str, Counts>::new(), Counts::default());
        let listed = listed(rows);
        for row in rows.iter().filter(|row| channel.is_none_or(|only| only == row.channel)) {
            let is_listed = channel.is_some() || listed.contains(row.channel.as_str());
            let channel = if is_listed { row.channel.as_str() } else { OTHER };
            by_day.entry(row.day.clone()).or_default().add(row.step, row.count);
            by_channel.entry(channel).or_default().add(row.step, row.count);
            totals.add(row.step, row.count);
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

/// The channels with the highest counts, and always the empty one (visits without a channel).
fn listed(rows: &[SlotCount]) -> BTreeSet<&str> {
    let mut sums = BTreeMap::<&str, i64>::new();
    for row in rows {
        *sums.entry(&row.channel).or_default() += row.count;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(channel, sum)| (!channel.is_empty(), -sum));
    sums.into_iter().take(MOST_LISTED).map(|(channel, _)| channel).collect()
}
