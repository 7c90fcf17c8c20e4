//! Verifies reports of bounces: signatures as in Standard Webhooks 1.0.

use std::time::Duration;

use crate::kit::{Secret, Timestamp, standard_webhooks};

/// How far the sender's clock may be off, and so how long an overheard message can be replayed.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The three headers of a signed message, and its raw body.
pub struct Signed {
    /// Value of the `webhook-id` header.
    pub message: String,
    /// Value of `webhook-timestamp`, in Unix seconds.
    pub timestamp: String,
    /// Value of `webhook-signature`: several signatures while the sender's secret is being replaced.
    pub signatures: String,
    /// The body exactly as it was received.
    pub body: Vec<u8>,
}

/// Whether `signed` is fresh and signed with `secret`. Without a secret nothing is accepted.
pub fn is_ours(secret: Option<&Secret>, signed: &Signed, now: Timestamp) -> bool {
    let Some(secret) = secret else { return false };
    let Signed { message, timestamp, signatures, body } = signed;
    is_fresh(now, timestamp) && standard_webhooks::is_signed(secret, message, timestamp, signatures, body)
}

fn is_fresh(now: Timestamp, timestamp: &str) -> bool {
    Timestamp::parse_seconds(timestamp).is_some_and(|sent| sent >= now - TOLERANCE && sent <= now + TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_for_five_minutes() {
        let now = Timestamp::from_millis(1_649_367_553_000);
        for (seconds, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let text = (1_649_367_553 + seconds).to_string();
            assert_eq!(is_fresh(now, &text), good, "{seconds}");
        }
        for text in ["", "soon", "9223372036854775807", "-9223372036854775808"] {
            assert!(!is_fresh(now, text), "{text}");
        }
    }
}
