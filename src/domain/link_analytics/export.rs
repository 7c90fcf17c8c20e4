//! CSV export of a funnel with small counts suppressed: it contains no count below five and nothing
//! to infer one from.
//!
//! A 0 identifies no person, so it is kept. Within a column, daily counts from 1 to 4 are written as `<5`.
//! If the total would reveal one of them (only one is suppressed, or their sum can be composed in only one
//! way), the total is written as `*`.

use super::report::{Counts, Report};
use crate::kit::csv;

/// Smallest count that is exported as a number.
const FEWEST: i64 = 5;
const FEW: &str = "<5";
const WITHHELD: &str = "*";

type Column = (&'static str, fn(&Counts) -> i64);

const COLUMNS: [Column; 12] = [
    ("views", |counts| counts.views.raw),
    ("bot_views", |counts| counts.views.bot),
    ("confirmed_views", |counts| counts.views.confirmed),
    ("scans", |counts| counts.scans),
    ("app_store_taps", |counts| counts.store_taps.ios),
    ("google_play_taps", |counts| counts.store_taps.android),
    ("codes_typed", |counts| counts.codes_typed),
    ("sms_sent", |counts| counts.sms_sent),
    ("verified", |counts| counts.verified),
    ("paired", |counts| counts.paired),
    ("confirmed", |counts| counts.confirmed),
    ("rejected", |counts| counts.rejected),
];

/// One row per day, with the totals in the last row.
pub fn csv(report: &Report) -> String {
    let columns: Vec<Vec<String>> = COLUMNS.iter().map(|(_, count)| column(report, *count)).collect();
    let mut heads = vec!["day"];
    heads.extend(COLUMNS.iter().map(|(name, _)| *name));
    let mut text = csv::row(&heads);
    let days = report.days.iter().map(|day| day.day.as_deref().unwrap_or_default());
    for (n, day) in days.chain(["total"]).enumerate() {
        let cells = columns.iter().filter_map(|column| column.get(n)).map(String::as_str);
        text += &csv::row(&[day].into_iter().chain(cells).collect::<Vec<_>>());
    }
    text
}

/// The cells of one column, followed by its total.
fn column(report: &Report, count: fn(&Counts) -> i64) -> Vec<String> {
    let days: Vec<i64> = report.days.iter().map(count).collect();
    let mut cells: Vec<String> = days.iter().map(|count| cell(*count)).collect();
    let total = count(&report.totals);
    cells.push(if gives_away(&days) { WITHHELD.to_owned() } else { cell(total) });
    cells
}

fn cell(count: i64) -> String {
    if is_few(count) { FEW.to_owned() } else { count.to_string() }
}

fn is_few(count: i64) -> bool {
    (1..FEWEST).contains(&count)
}

/// Returns true if the total minus the exported counts determines a suppressed count: for `n` counts from 1
/// to 4 whose sum is between `n` and `4n` (both excluded), none is certain unless it is the only one.
fn gives_away(days: &[i64]) -> bool {
    let few: Vec<i64> = days.iter().copied().filter(|count| is_few(*count)).collect();
    let (n, sum) = (i64::try_from(few.len()).unwrap_or(i64::MAX), few.iter().sum::<i64>());
    n == 1 || (n > 1 && (sum == n || sum == n * (FEWEST - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_told_where_it_gives_nothing_away() {
        for (days, gives) in [
            (vec![], false),
            (vec![0, 7, 12], false),
            (vec![3, 7], true),
            (vec![1, 1, 9], true),
            (vec![4, 4, 9], true),
            (vec![1, 2, 9], false),
            (vec![3, 4], false),
        ] {
            assert_eq!(gives_away(&days), gives, "{days:?}");
        }
    }

    /// Tries every column of up to four days with counts of up to six: knowing the rule and the export is
    /// not enough to find a count below five.
    #[test]
    fn no_export_gives_a_small_count_away() {
        let exported = |days: &[i64]| {
            let column = |counts: &Counts| counts.paired;
            let of = |paired| Counts { paired, ..Counts::default() };
            let (days, totals) = (days.iter().map(|n| of(*n)).collect(), of(days.iter().sum()));
            super::column(
                &Report { from: String::new(), to: String::new(), days, totals, channels: vec![] },
                column,
            )
        };
        for length in 1..=4_u32 {
            let mut by_export = std::collections::HashMap::<Vec<String>, Vec<Vec<i64>>>::new();
            for number in 0..7_i64.pow(length) {
                let days: Vec<i64> = (0..length).map(|digit| number / 7_i64.pow(digit) % 7).collect();
                by_export.entry(exported(&days)).or_default().push(days);
            }
            for (export, possible) in by_export {
                for day in (0..length as usize).filter(|day| export[*day] == FEW) {
                    let counts: std::collections::BTreeSet<i64> =
                        possible.iter().map(|days| days[day]).collect();
                    assert!(counts.len() > 1, "{export:?} can only be {possible:?}");
                }
            }
        }
    }
}
