//! Standard Webhooks 1.0: how a message over HTTP proves where it comes from.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Secret;

/// What a symmetric secret begins with.
const PREFIX: &str = "whsec_";

/// The secret of a key.
pub fn secret(key: &[u8]) -> Secret {
    Secret::from_client(&format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// The key of a secret; `None` for one that is none of this kind.
pub fn key(secret: &Secret) -> Option<Vec<u8>> {
    STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()
}

/// The signature `v1,…` of a message that is sent at `seconds`; `None` for a secret that is none of this kind.
pub fn sign(secret: &Secret, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key(secret)?);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_published_vector_is_met() {
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let made = sign(&Secret::from_client(SECRET), "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(made.as_deref(), Some("v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="));
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
