//! Hosts that let calls hang. A few threads call the servers of all practices, so one that never answers
//! must not be waited for again and again: after each timeout it is skipped for longer, and then one
//! call is a trial.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kit::Timestamp;

/// How long a host is skipped after its first timeout; each further one doubles it …
const FIRST: Duration = Duration::from_secs(30);
/// … up to this, which is little compared with the waits between an event's later attempts.
const LONGEST: Duration = Duration::from_mins(8);
/// A host that was not called for this long is forgotten.
const KEPT: Duration = Duration::from_hours(1);

/// Hosts that hang, as this instance sees them.
#[derive(Default)]
pub(super) struct SlowHosts(Mutex<HashMap<String, Slow>>);

struct Slow {
    wait: Duration,
    until: Timestamp,
}

impl SlowHosts {
    /// Whether a host may be called; otherwise how long to wait. The call that is let through to a host
    /// that hung is its trial, and the others wait for its end.
    pub(super) fn admit(&self, host: &str, now: Timestamp) -> Result<(), Duration> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slow) = hosts.get_mut(host) else { return Ok(()) };
        // A time further off than any we set was written before the clock was put back.
        if slow.until > now && slow.until <= now + LONGEST {
            return Err(Duration::from_secs(slow.until.seconds_from(now).max(1)));
        }
        slow.until = now + slow.wait;
        Ok(())
    }

    /// Records how a call ended.
    pub(super) fn learn(&self, host: &str, has_hung: bool, now: Timestamp) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.remove(host);
        if has_hung {
            hosts.retain(|_, slow| slow.until + KEPT > now);
            let wait = known.map_or(FIRST, |slow| (slow.wait * 2).min(LONGEST));
            hosts.insert(host.to_owned(), Slow { wait, until: now + wait });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn hanging_host_is_skipped_for_longer_each_time() {
        let (hosts, seconds) = (SlowHosts::default(), Duration::from_secs);
        assert_eq!(hosts.admit("a", at(0)), Ok(()));
        hosts.learn("a", true, at(10));
        assert_eq!(hosts.admit("a", at(10)), Err(seconds(30)));
        assert_eq!(hosts.admit("b", at(10)), Ok(()), "others are called");
        assert_eq!(hosts.admit("a", at(40)), Ok(()), "the trial");
        assert_eq!(hosts.admit("a", at(40)), Err(seconds(30)), "only one");
        hosts.learn("a", true, at(50));
        assert_eq!(hosts.admit("a", at(50)), Err(seconds(60)));
        for _ in 0..9 {
            hosts.learn("a", true, at(50));
        }
        assert_eq!(hosts.admit("a", at(50)), Err(LONGEST));
        assert_eq!(hosts.admit("a", at(-9_999)), Ok(()), "the clock was put back");
        hosts.learn("a", false, at(60));
        assert_eq!(hosts.admit("a", at(60)), Ok(()));
        hosts.learn("a", true, at(60));
        hosts.learn("b", true, at(99_999));
        assert_eq!(hosts.0.lock().unwrap().len(), 1, "the old one is forgotten");
    }
}
