//! Quiet hours: an unsolicited text is sent between 8 am and 9 pm of its recipient's day.
//!
//! A number reveals its country and no more: people keep their number when they move, and the North
//! American numbering plan counts as one country. So the practice's own time zone decides if the number is
//! from the practice's country, since that is where its patients are. For any other country of the table,
//! texts are sent in the hours at which it is day in all of its zones. For a country that is not in the
//! table, the practice's own zone is used.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::practices::Practice;
use crate::kit::{Phone, Timestamp};

/// First hour of the day, and the first hour after it.
const DAY: std::ops::Range<i8> = 8..21;
/// All offsets from UTC are multiples of this.
const STEP: Duration = Duration::from_mins(15);
/// Number of steps in two days, which is enough to find the next day.
const STEPS: usize = 2 * 24 * 4;

/// Countries that share a numbering plan or a border, and their zones (IANA), from east to west. An entry
/// that ends in a slash is a family of zones whose hours are those of the first zone named before it.
const ZONES: [(&str, &[&str]); 12] = [
    (
        "US",
        &[
            "America/New_York",
            "America/Detroit",
            "America/Kentucky/",
            "America/Indiana/",
            "America/Chicago",
            "America/Menominee",
            "America/North_Dakota/",
            "America/Denver",
            "America/Boise",
            "America/Phoenix",
            "America/Los_Angeles",
            "America/Anchorage",
            "America/Juneau",
            "America/Sitka",
            "America/Metlakatla",
            "America/Yakutat",
            "America/Nome",
            "America/Adak",
            "Pacific/Honolulu",
        ],
    ),
    (
        "CA",
        &[
            "America/St_Johns",
            "America/Halifax",
            "America/Glace_Bay",
            "America/Moncton",
            "America/Goose_Bay",
            "America/Toronto",
            "America/Iqaluit",
            "America/Winnipeg",
            "America/Resolute",
            "America/Rankin_Inlet",
            "America/Regina",
            "America/Swift_Current",
            "America/Edmonton",
            "America/Cambridge_Bay",
            "America/Inuvik",
            "America/Creston",
            "America/Dawson_Creek",
            "America/Fort_Nelson",
            "America/Whitehorse",
            "America/Dawson",
            "America/Vancouver",
        ],
    ),
    (
        "MX",
        &[
            "America/Cancun",
            "America/Merida",
            "America/Mexico_City",
            "America/Monterrey",
            "America/Chihuahua",
            "America/Mazatlan",
            "America/Hermosillo",
            "America/Tijuana",
        ],
    ),
    ("PR", &["America/Puerto_Rico"]),
    ("VI", &["America/St_Thomas"]),
    ("GU", &["Pacific/Guam"]),
    ("MP", &["Pacific/Saipan"]),
    ("AS", &["Pacific/Pago_Pago"]),
    ("GB", &["Europe/London"]),
    ("IE", &["Europe/Dublin"]),
    ("DE", &["Europe/Berlin"]),
    ("ES", &["Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary"]),
];

/// Returns the first moment from `now` on at which a number's owner may be texted.
pub(super) fn day_from(now: Timestamp, phone: &Phone, practice: &Practice) -> Timestamp {
    let zones = zones(phone.region(), &practice.time_zone);
    let step = i64::try_from(STEP.as_millis()).unwrap_or(i64::MAX);
    let next = Timestamp::from_millis((now.millis().div_euclid(step) + 1) * step);
    let steps = (0..STEPS).scan(next, |at, _| {
        let this = *at;
        *at = this + STEP;
        Some(this)
    });
    std::iter::once(now).chain(steps).find(|at| is_day(*at, &zones)).unwrap_or(now)
}

fn is_day(at: Timestamp, zones: &[TimeZone]) -> bool {
    zones.iter().all(|zone| DAY.contains(&at.to_jiff().to_zoned(zone.clone()).hour()))
}

/// Zones in which it has to be day.
fn zones(region: &str, own: &str) -> Vec<TimeZone> {
    let of_region = ZONES.iter().find(|(name, _)| *name == region).map_or(&[][..], |(_, zones)| zones);
    let is_own = |zone: &&str| if zone.ends_with('/') { own.starts_with(*zone) } else { own == *zone };
    let named: Vec<&str> = match of_region.iter().any(is_own) || of_region.is_empty() {
        true => vec![own],
        false => of_region.iter().copied().filter(|zone| !zone.ends_with('/')).collect(),
    };
    named.into_iter().map(|zone| TimeZone::get(zone).unwrap_or(TimeZone::UTC)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_from(now: &str, region: &str, own: &str) -> String {
        let at: jiff::Timestamp = now.parse().unwrap();
        let zones = zones(region, own);
        let mut at = Timestamp::from_millis(at.as_millisecond());
        while !is_day(at, &zones) {
            at = at + STEP;
        }
        at.to_string()
    }

    #[test]
    fn a_country_of_the_practice_keeps_the_practices_hours() {
        for (now, day) in [
            ("2026-11-22T13:45:00Z", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22T14:00:00Z", "2026-11-22T14:00:00.000Z"),
            ("2026-11-23T02:45:00Z", "2026-11-23T02:45:00.000Z"),
            ("2026-11-23T03:00:00Z", "2026-11-23T14:00:00.000Z"),
        ] {
            assert_eq!(day_from(now, "US", "America/Chicago"), day, "{now}");
        }
        assert_eq!(
            day_from("2026-11-22T12:00:00Z", "US", "America/Indiana/Knox"),
            "2026-11-22T14:00:00.000Z"
        );
    }

    /// Madrid is an hour ahead of the Canary Islands: 8:00 to 20:00 UTC in winter.
    #[test]
    fn another_country_must_be_awake_as_a_whole() {
        for (now, day) in [
            ("2026-11-22T07:15:00Z", "2026-11-22T08:00:00.000Z"),
            ("2026-11-22T19:45:00Z", "2026-11-22T19:45:00.000Z"),
            ("2026-11-22T20:00:00Z", "2026-11-23T08:00:00.000Z"),
        ] {
            assert_eq!(day_from(now, "ES", "America/Chicago"), day, "{now}");
        }
    }

    #[test]
    fn every_country_has_hours_in_which_all_of_it_is_awake() {
        let start = Timestamp::from_millis(1_795_359_600_000);
        for (region, named) in ZONES {
            let zones = zones(region, "Antarctica/Troll");
            let mut steps = (0_u32..96).map(|n| start + STEP * n);
            assert!(steps.any(|at| is_day(at, &zones)), "{region}");
            for zone in named.iter().filter(|zone| !zone.ends_with('/')) {
                assert!(TimeZone::get(zone).is_ok(), "{zone}");
            }
        }
    }
}
