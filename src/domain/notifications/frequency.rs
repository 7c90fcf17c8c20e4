//! Notification frequency: how often a person is notified of new patients, and when the next digest is due.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::kit::Timestamp;

/// In a burst (more pairings at once than people want mails about), patients are gathered for this long.
const BURST: Duration = Duration::from_mins(15);
/// Hour of the day when daily digests go out, in the practice's time zone.
const MORNING: i8 = 8;

crate::text_enum! {
    /// How often a person is notified of a link's new patients.
    pub enum Frequency (default Immediate) {
        /// One e-mail per patient; a burst is merged into one e-mail.
        Immediate = "immediate",
        /// One e-mail at the full hour.
        Hourly = "hourly",
        /// One e-mail a day, at 8 AM in the practice's time zone.
        Daily = "daily",
        /// No e-mails about new patients.
        Off = "off",
    }
}

impl Frequency {
    /// When a digest opened now is due. The time is the same for all that are opened within the same
    /// minute, so that they share one digest.
    pub fn due(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = now.to_jiff().to_zoned(zone.clone());
        let due = match self {
            Self::Immediate | Self::Off => None,
            Self::Hourly => local
                .with()
                .minute(0)
                .second(0)
                .subsec_nanosecond(0)
                .build()
                .and_then(|hour| hour.checked_add(1.hour()))
                .ok(),
            Self::Daily => {
                let today = local.date().at(MORNING, 0, 0, 0).to_zoned(zone.clone()).ok();
                today.filter(|at| *at > local).or_else(|| {
                    let tomorrow = local.date().tomorrow().ok()?;
                    tomorrow.at(MORNING, 0, 0, 0).to_zoned(zone.clone()).ok()
                })
            }
        };
        match due {
            Some(due) => Timestamp::from_millis(due.timestamp().as_millisecond()),
            None => full_minute(now + BURST),
        }
    }

    /// Start of the window in which a link's pairings count as a burst.
    pub fn burst_began(now: Timestamp) -> Timestamp {
        now - BURST
    }
}

fn full_minute(at: Timestamp) -> Timestamp {
    const MINUTE: i64 = 60_000;
    Timestamp::from_millis(at.millis().saturating_add(MINUTE - 1).div_euclid(MINUTE) * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_digest_goes_out_at_the_practices_own_hour() {
        for (frequency, zone, now, due) in [
            (Frequency::Immediate, "America/Chicago", "2026-11-22T15:00:00.001Z", "2026-11-22T15:16:00Z"),
            (Frequency::Immediate, "America/Chicago", "2026-11-22T15:00:00Z", "2026-11-22T15:15:00Z"),
            (Frequency::Hourly, "America/Chicago", "2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z"),
            (Frequency::Hourly, "America/Chicago", "2026-11-22T15:59:59.999Z", "2026-11-22T16:00:00Z"),
            (Frequency::Hourly, "Asia/Kolkata", "2026-11-22T15:00:00Z", "2026-11-22T15:30:00Z"),
            (Frequency::Daily, "America/Chicago", "2026-11-22T13:59:59Z", "2026-11-22T14:00:00Z"),
            (Frequency::Daily, "America/Chicago", "2026-11-22T14:00:00Z", "2026-11-23T14:00:00Z"),
            // The night when daylight saving time begins.
            (Frequency::Daily, "America/Chicago", "2026-03-08T06:30:00Z", "2026-03-08T13:00:00Z"),
            (Frequency::Hourly, "America/Chicago", "2026-03-08T07:30:00Z", "2026-03-08T08:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(frequency.due(at(now), &zone), at(due), "{frequency:?} at {now}");
        }
    }
}
