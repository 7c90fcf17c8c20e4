//! Who may tell us of bounces: signatures as in Standard Webhooks 1.0.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::Ctx;
use crate::kit::Timestamp;

/// How far the sender's clock may be off, and how long a message that was overheard is good.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The three headers of a signed message, and its bytes.
pub struct Signed {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in seconds.
    pub timestamp: String,
    /// `webhook-signature`: one or more, while the sender's secret is being replaced.
    pub signatures: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// Whether `signed` is fresh and of whoever has `mail.events_secret`. Without a secret nobody has it.
pub fn is_ours(ctx: &Ctx, signed: &Signed) -> bool {
    let secret = ctx.config.mail.events_secret.as_ref().and_then(|secret| key(secret.expose()));
    let Some(secret) = secret else { return false };
    is_fresh(ctx.now, &signed.timestamp) && is_signed(&secret, signed)
}

/// `whsec_` and base64.
fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    (!bytes.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn is_fresh(now: Timestamp, timestamp: &str) -> bool {
    let sent = timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    let sent = sent.map(Timestamp::from_millis);
    sent.is_some_and(|sent| sent >= now - TOLERANCE && sent <= now + TOLERANCE)
}

fn is_signed(key: &hmac::Key, signed: &Signed) -> bool {
    let head = format!("{}.{}.", signed.id, signed.timestamp);
    let text = [head.as_bytes(), &signed.body].concat();
    let given = signed.signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let mut given = given.filter_map(|one| STANDARD.decode(one).ok());
    !signed.id.is_empty() && given.any(|mac| hmac::verify(key, &text, &mac).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification.
    fn example() -> Signed {
        Signed {
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".into(),
            timestamp: "1649367553".into(),
            signatures: "v1a,AAAA v1,AAAA v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=".into(),
            body: br#"{"email":"test@example.com","username":"test_user"}"#.to_vec(),
        }
    }

    #[test]
    fn the_specifications_example_is_signed() {
        let key = key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        assert!(is_signed(&key, &example()));
        let other = |change: fn(&mut Signed)| {
            let mut signed = example();
            change(&mut signed);
            is_signed(&key, &signed)
        };
        assert!(!other(|signed| signed.id.push('x')));
        assert!(!other(|signed| signed.timestamp.push('0')));
        assert!(!other(|signed| signed.body.push(b' ')));
        assert!(!other(|signed| signed.signatures = "v1,".into()));
        assert!(!is_signed(&super::key("whsec_AAAA").unwrap(), &example()));
    }

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
