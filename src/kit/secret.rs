//! Bearer tokens: opaque, random, stored only as SHA-256, never written to logs.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Entropy;

/// The prefix of a token in a browser's cookie. Such a token is accepted only in a cookie: a client that
/// sends it in a header can only have stolen it.
pub const COOKIE: &str = "sc";

/// A client's token in clear: it is sent out once and never stored. 256 random bits behind a prefix that
/// tells secret scanners what it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Secret(String);

impl Secret {
    /// A fresh token such as `rt_6c3…`.
    pub fn generate(prefix: &str, entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 32];
        entropy.fill(&mut random);
        Self::from_bytes(prefix, &random)
    }

    /// A token made of bytes that are as good as random, such as a MAC.
    pub fn from_bytes(prefix: &str, bytes: &[u8]) -> Self {
        Self(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A token that a client sent.
    pub fn from_client(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token itself: only for the response that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is a token for a browser's cookie.
    pub fn is_cookie(&self) -> bool {
        self.0.split_once('_').is_some_and(|(prefix, _)| prefix == COOKIE)
    }

    /// The value that the database stores. No salt and no stretching: the token has 256 random bits.
    pub fn hash(&self) -> String {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256, base64url without padding.
pub fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes))
}

/// HMAC-SHA256 over `parts`, each preceded by its length so that no two lists of parts collide.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0_u8; 32];
    for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    out
}

/// [`mac`] as base64url text: a key by which the database can count without identifying a person.
pub fn mac_text(key: &[u8], parts: &[&[u8]]) -> String {
    URL_SAFE_NO_PAD.encode(mac(key, parts))
}

/// Compares two MACs, or two texts of which one is secret, in constant time: how long it takes does not tell
/// how much of a guess is right.
pub fn is_equal(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    constant_time::verify_slices_are_equal(one.as_ref(), other.as_ref()).is_ok()
}
