//! Standard Webhooks 1.0: signatures that authenticate a message over HTTP.
//!
//! `standardwebhooks` 1.0 signs in the same way, but with a second implementation of HMAC, and it verifies
//! against the wall clock, which no test can move.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Secret;

/// The prefix of a symmetric secret.
const PREFIX: &str = "whsec_";

/// The secret in text form of a key.
pub fn secret(key: &[u8]) -> Secret {
    Secret::from_client(&format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// The key of a secret; `None` for a secret of another kind.
pub fn key(secret: &Secret) -> Option<Vec<u8>> {
    STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()
}

/// The signature `v1,…` of a message that is sent at `seconds`; `None` for a secret of another kind.
pub fn sign(secret: &Secret, message: &str, seconds: i64, body: &str) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key(secret)?);
    let tag = hmac::sign(&key, format!("{message}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

/// Whether `signatures` (one or more `v1,…`, because a secret may be in rotation) contain the signature of
/// this message by `secret`. In constant time; the caller checks that the timestamp is recent.
pub fn is_signed(secret: &Secret, message: &str, timestamp: &str, signatures: &str, body: &[u8]) -> bool {
    let Some(key) = key(secret).filter(|key| !key.is_empty()) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let text = [format!("{message}.{timestamp}.").as_bytes(), body].concat();
    let given = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let mut given = given.filter_map(|one| STANDARD.decode(one).ok());
    !message.is_empty() && given.any(|mac| hmac::verify(&key, &text, &mac).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURES: &str = "v1a,AAAA v1,AAAA v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_published_vector_is_met() {
        let made = sign(&Secret::from_client(SECRET), ID, 1_649_367_553, BODY);
        assert_eq!(made.as_deref(), Some("v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="));
    }

    #[test]
    fn nothing_of_a_signed_message_can_be_changed() {
        let is_signed = |secret: &str, message: &str, timestamp: &str, signatures: &str, body: &str| {
            super::is_signed(&Secret::from_client(secret), message, timestamp, signatures, body.as_bytes())
        };
        assert!(is_signed(SECRET, ID, "1649367553", SIGNATURES, BODY));
        assert!(!is_signed(SECRET, "msg_other", "1649367553", SIGNATURES, BODY));
        assert!(!is_signed(SECRET, ID, "1649367554", SIGNATURES, BODY));
        assert!(!is_signed(SECRET, ID, "1649367553", SIGNATURES, "{}"));
        assert!(!is_signed(SECRET, ID, "1649367553", "v1,", BODY));
        assert!(!is_signed("whsec_AAAA", ID, "1649367553", SIGNATURES, BODY));
        assert!(!is_signed("whsec_", ID, "1649367553", SIGNATURES, BODY));
    }

    #[test]
    fn a_secret_is_its_key_and_nothing_else_is_one() {
        let known = Secret::from_client(SECRET);
        assert_eq!(secret(&key(&known).unwrap()).expose(), SECRET);
        for wrong in ["", "whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_not base64", "whpk_C2FV"] {
            assert!(key(&Secret::from_client(wrong)).is_none_or(|key| key.is_empty()), "{wrong}");
        }
    }
}
