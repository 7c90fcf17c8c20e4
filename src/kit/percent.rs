//! Percent-encoding (RFC 3986, 2.1).

use std::fmt::Write as _;

/// `text` with all but the unreserved characters escaped.
pub fn encode(text: &str) -> String {
    encode_except(text, b"")
}

/// [`encode`], with the characters of `kept` left as they are.
pub fn encode_except(text: &str, kept: &[u8]) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
