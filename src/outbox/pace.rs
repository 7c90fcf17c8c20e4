//! How fast a channel may go: so many rows a second an instance, since providers answer haste with 429.

use std::sync::Mutex;
use std::time::Duration;

use crate::kit::Timestamp;

/// A token bucket of one second's depth.
pub struct Pace {
    a_second: u32,
    state: Mutex<Option<(f64, Timestamp)>>,
}

impl Pace {
    /// `a_second` rows a second.
    pub fn new(a_second: u32) -> Self {
        Self { a_second, state: Mutex::new(None) }
    }

    /// Takes up to `most` rows' worth.
    pub fn take(&self, most: usize, now: Timestamp) -> usize {
        let full = f64::from(self.a_second);
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tokens = match *state {
            Some((tokens, at)) => (tokens + full * seconds(at, now)).min(full),
            None => full,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a u32")]
        let taken = most.min(tokens as usize);
        #[expect(clippy::cast_precision_loss, reason = "a batch")]
        let rest = tokens - taken as f64;
        *state = Some((rest, now));
        taken
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, unused: usize) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((tokens, _)) = state.as_mut() {
            #[expect(clippy::cast_precision_loss, reason = "a batch")]
            let more = unused as f64;
            *tokens += more;
        }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let millis = u64::try_from(to.millis() - from.millis()).unwrap_or(0);
    Duration::from_millis(millis).as_secs_f64()
}
