//! Charts of a visitor funnel: counts as percentages of the highest count, for the page's bars.

use crate::domain::link_analytics::{Counts, Report};

pub(super) struct Bar {
    pub count: i64,
    /// Percentage of the longest bar, 0 to 100.
    pub share: i64,
}

/// The steps of the funnel, in order: page seen, code texted, number verified, connected.
pub(super) fn steps(totals: &Counts) -> [Bar; 4] {
    let counts = [totals.views.confirmed, totals.sms_sent, totals.verified, totals.paired];
    let most = counts.into_iter().max().unwrap_or(0);
    counts.map(|count| Bar { count, share: share(count, most) })
}

/// One day of the chart: the position, heights and counts of its two columns.
pub(super) struct Day {
    /// The day as in the report, `YYYY-MM-DD`.
    pub date: String,
    /// Offset from the left, in thousandths of the chart's width.
    pub x: i64,
    /// Width of a column, in thousandths of the chart's width.
    pub width: i64,
    /// Visitors who saw the page.
    pub seen: Bar,
    /// Patients who connected that day.
    pub paired: Bar,
}

/// The days of a report as columns, and the highest count, which is drawn at full height.
pub(super) fn days(report: &Report) -> (Vec<Day>, i64) {
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

/// Percentage of the highest count. A count above zero gets at least 2 percent, so that it stays visible.
fn share(count: i64, most: i64) -> i64 {
    match count {
        0 => 0,
        _ => (count.saturating_mul(100) / most.max(1)).clamp(2, 100),
    }
}
