//! Circuit breaker per provider: three failures within half a minute open it, and no message waits for that
//! provider any more. Every few seconds one message is a trial; if it goes through, the breaker closes.
//!
//! A patient looks at the screen while a code waits: a longer pause between trials makes a hiccup of the
//! provider longer than it is. One message in five seconds is no burden for a provider that has trouble.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kit::Timestamp;

/// Number of failures that open the breaker …
const MOST_FAILURES: usize = 3;
/// … if they occur within this time.
const WINDOW: Duration = Duration::from_secs(30);
/// The time from a failure to the next trial.
const BETWEEN_TRIALS: Duration = Duration::from_secs(5);
/// How long a message waits while another one is the trial.
const DURING_TRIAL: Duration = Duration::from_secs(2);
/// A trial without a result after this long has none: its sender is gone.
const LONGEST_TRIAL: Duration = Duration::from_secs(10);

/// Circuit breaker of one provider, as this instance sees it.
pub(super) struct CircuitBreaker {
    provider: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: Vec<Timestamp>,
    /// When the next trial may begin; `None` while the breaker is closed.
    trial_at: Option<Timestamp>,
    /// When the trial that is running began.
    trial_since: Option<Timestamp>,
}

impl State {
    /// When a message may try again, which is not now; `None` if it may try now.
    fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.trial_at?;
        if self.trial_since.is_some_and(|since| since <= now && now < since + LONGEST_TRIAL) {
            return Some(now + DURING_TRIAL);
        }
        // A trial time further off than any we set precedes a clock that was put back, and is due.
        Some(at).filter(|at| *at > now && *at <= now + BETWEEN_TRIALS)
    }
}

impl CircuitBreaker {
    /// Starts with the breaker closed.
    pub(super) fn new(provider: &'static str) -> Self {
        let this = Self { provider, state: Mutex::default() };
        this.report(false);
        this
    }

    /// Whether a message may go to the provider; otherwise when it may try again. A message that passes an
    /// open breaker is its trial.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), Timestamp> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.closed_until(now) {
            return Err(at);
        }
        if state.trial_at.is_some() {
            state.trial_since = Some(now);
        }
        Ok(())
    }

    /// Records that the provider answered as it should.
    pub(super) fn succeeded(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
        self.report(false);
    }

    /// Records a failure of the provider.
    pub(super) fn failed(&self, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures.retain(|at| *at + WINDOW > now && *at <= now);
        state.failures.push(now);
        // One failed trial is enough; no second and third are needed.
        if state.trial_at.is_some() || state.failures.len() >= MOST_FAILURES {
            state.trial_at = Some(now + BETWEEN_TRIALS);
            state.trial_since = None;
            self.report(true);
        }
    }

    fn report(&self, is_open: bool) {
        metrics::gauge!("provider_breaker_open", "provider" => self.provider)
            .set(f64::from(u8::from(is_open)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn three_failures_in_half_a_minute_open_the_breaker() {
        let breaker = CircuitBreaker::new("test");
        for second in [0, 15, 30] {
            breaker.failed(at(second));
        }
        assert_eq!(breaker.admit(at(30)), Ok(()), "the first is out of the window");
        breaker.failed(at(31));
        assert_eq!(breaker.admit(at(31)), Err(at(36)));
        assert_eq!(breaker.admit(at(35)), Err(at(36)));
    }

    #[test]
    fn half_open_breaker_admits_one_trial_that_decides() {
        let breaker = CircuitBreaker::new("test");
        (0..3).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.admit(at(5)), Ok(()));
        assert_eq!(breaker.admit(at(6)), Err(at(8)), "one trial, and soon its result");
        breaker.failed(at(8));
        assert_eq!(breaker.admit(at(12)), Err(at(13)));
        assert_eq!(breaker.admit(at(13)), Ok(()));
        assert_eq!(breaker.admit(at(22)), Err(at(24)));
        assert_eq!(breaker.admit(at(23)), Ok(()), "the trial's sender is gone");
        breaker.succeeded();
        assert_eq!(breaker.admit(at(23)), Ok(()));
        breaker.failed(at(24));
        assert_eq!(breaker.admit(at(24)), Ok(()), "it forgot the old failures");
    }

    #[test]
    fn clock_put_back_does_not_extend_the_pause() {
        let breaker = CircuitBreaker::new("test");
        (0..3).for_each(|_| breaker.failed(at(7_200)));
        assert_eq!(breaker.admit(at(3_600)), Ok(()), "a trial");
        assert_eq!(breaker.admit(at(3_601)), Err(at(3_603)));
        breaker.succeeded();
        (0..2).for_each(|_| breaker.failed(at(7_200)));
        breaker.failed(at(3_600));
        assert_eq!(breaker.admit(at(3_600)), Ok(()), "failures of a time to come are none");
    }
}
