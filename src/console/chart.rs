//! Charts of a funnel: the numbers in percent of the highest, for bars that the page draws.

use crate::funnel::{Counts, Report};

/// One bar.
pub struct Bar {
    /// What it counts.
    pub count: i64,
    /// Its share of the longest, in percent.
    pub share: i64,
}

/// The steps of a funnel, in order: seen, code texted, number proven, connected.
pub fn steps(totals: &Counts) -> [Bar; 4] {
    let counts = [totals.views.confirmed, totals.sms_sent, totals.verified, totals.paired];
    let most = counts.into_iter().max().unwrap_or(0);
    counts.map(|count| Bar { count, share: share(count, most) })
}

/// Of one day: how far its two columns stand from the left, how high they are, and what they count.
pub struct Day {
    /// The day, as in the report.
    pub date: String,
    /// From the left, in thousandths of the width.
    pub x: i64,
    /// How wide a column is, in thousandths.
    pub width: i64,
    /// Who saw the page.
    pub seen: Bar,
    /// Who connected.
    pub paired: Bar,
}

/// The days of a report as columns, and the count that the highest stands for.
pub fn days(report: &Report) -> (Vec<Day>, i64) {
    let most = report.days.iter().map(|day| day.views.confirmed.max(day.paired)).max().unwrap_or(0);
    let slot = 1000 / i64::try_from(report.days.len()).unwrap_or(1).max(1);
    let bar = |count| Bar { count, share: share(count, most) };
    let each = report.days.iter().zip(0_i64..).map(|(counts, n)| Day {
        date: counts.day.clone().unwrap_or_default(),
        x: n * 1000 / i64::try_from(report.days.len()).unwrap_or(1).max(1),
        width: (slot * 7 / 10).max(1),
        seen: bar(counts.views.confirmed),
        paired: bar(counts.paired),
    });
    (each.collect(), most)
}

/// In percent; what is there at all can be seen.
fn share(count: i64, most: i64) -> i64 {
    match count {
        0 => 0,
        _ => (count.saturating_mul(100) / most.max(1)).clamp(2, 100),
    }
}
