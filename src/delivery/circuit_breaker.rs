//! Circuit breaker per provider: three failures within half a minute open it, and for a minute no message
//! waits for that provider. Then one message is a trial; if it goes through, the breaker closes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kit::Timestamp;

/// Number of failures that open the breaker …
const MOST_FAILURES: usize = 3;
/// … if they occur within this time.
const WINDOW: Duration = Duration::from_secs(30);
/// How long it stays open, and the time from one trial to the next.
const OPEN: Duration = Duration::from_mins(1);

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
}

impl CircuitBreaker {
    /// Starts with the breaker closed.
    pub(super) fn new(provider: &'static str) -> Self {
        let this = Self { provider, state: Mutex::default() };
        this.report(false);
        this
    }

    /// Whether a message may go to the provider; otherwise when one may try. A message that passes an open
    /// breaker is its trial, and postpones the next one.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), Timestamp> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.trial_at {
            // A trial time further off than any we set precedes a clock that was put back, and is due.
            Some(at) if at > now && at <= now + OPEN => Err(at),
            Some(_) => {
                state.trial_at = Some(now + OPEN);
                Ok(())
            }
            None => Ok(()),
        }
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
            state.trial_at = Some(now + OPEN);
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
        assert_eq!(breaker.admit(at(31)), Err(at(91)));
        assert_eq!(breaker.admit(at(90)), Err(at(91)));
    }

    #[test]
    fn half_open_breaker_admits_one_trial_that_decides() {
        let breaker = CircuitBreaker::new("test");
        (0..3).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.admit(at(60)), Ok(()));
        assert_eq!(breaker.admit(at(60)), Err(at(120)), "one trial");
        breaker.failed(at(61));
        assert_eq!(breaker.admit(at(120)), Err(at(121)));
        assert_eq!(breaker.admit(at(121)), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.admit(at(121)), Ok(()));
        breaker.failed(at(122));
        assert_eq!(breaker.admit(at(122)), Ok(()), "it forgot the old failures");
    }

    #[test]
    fn clock_put_back_does_not_extend_the_pause() {
        let breaker = CircuitBreaker::new("test");
        (0..3).for_each(|_| breaker.failed(at(7_200)));
        assert_eq!(breaker.admit(at(3_600)), Ok(()), "a trial");
        assert_eq!(breaker.admit(at(3_601)), Err(at(3_660)));
        breaker.succeeded();
        (0..2).for_each(|_| breaker.failed(at(7_200)));
        breaker.failed(at(3_600));
        assert_eq!(breaker.admit(at(3_600)), Ok(()), "failures of a time to come are none");
    }
}
