//! DKIM signatures (RFC 6376), `relaxed/relaxed`, with RSA or Ed25519 (RFC 8463).
//!
//! Written here because the mail library's own implementation brings the `rsa` crate (RUSTSEC-2023-0071), and
//! so does `mail-auth` 0.15 with `rust-crypto`; with `aws-lc-rs` it brings a DNS resolver.
//! `Content-Type` is not signed: servers on the way rewrite its folding and quotes. `From` is listed once
//! more than it occurs, so that a second one, added on the way, breaks the signature.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kit::Timestamp;
use crate::platform::settings::BadSetting;

/// Header fields that are signed, if present.
const SIGNED: [&str; 9] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// DKIM signer for one domain.
pub(super) struct Dkim {
    key: Key,
    domain: String,
    selector: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl Dkim {
    /// Reads the key in `path` (PEM, RSA or Ed25519).
    pub(super) fn load(path: &Path, domain: &str, selector: &str) -> Result<Self, BadSetting> {
        let pem = fs::read_to_string(path)
            .map_err(|error| BadSetting::new("mail.dkim_key_file", format!("cannot be read: {error}")))?;
        let key = Key::parse(&pem).ok_or_else(|| {
            BadSetting::new(
                "mail.dkim_key_file",
                "contains no PEM private key (RSA of 2,048 bits or more, or Ed25519)",
            )
        })?;
        let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if selector.is_empty() || !selector.chars().all(is_label) {
            return Err(BadSetting::new("mail.dkim_selector", "is not a valid DNS name"));
        }
        Ok(Self { key, domain: domain.to_owned(), selector: selector.to_owned() })
    }

    /// The `DKIM-Signature` field for `mail`, with its line ending, to be placed before all other fields.
    pub(super) fn sign(&self, mail: &[u8], now: Timestamp) -> Option<String> {
        let (head, body) = split(mail)?;
        let fields = fields(&head);
        let names: Vec<&str> = SIGNED
            .into_iter()
            .filter(|name| fields.iter().any(|(known, _)| known == name))
            .chain(["from"])
            .collect();
        let unsigned = self.unsigned(&names, &body_hash(body), now);
        let signature = self.key.sign(signed_text(&fields, &names, &unsigned).as_bytes())?;
        Some(format!("DKIM-Signature:{unsigned}{}\r\n", folded(&STANDARD.encode(signature))))
    }

    /// The field's value up to the signature itself.
    fn unsigned(&self, names: &[&str], body_hash: &str, now: Timestamp) -> String {
        let Self { domain, selector, .. } = self;
        let (algorithm, at, names) = (self.key.algorithm(), now.seconds(), names.join(":"));
        format!(
            " v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={selector}; t={at};\r\n \
             h={names};\r\n bh={body_hash};\r\n b="
        )
    }
}

impl Key {
    fn parse(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
        let rsa = |key: RsaKeyPair| Self::Rsa(Box::new(key));
        match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok().map(rsa),
            "PRIVATE KEY" => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
                Ok(key) => Some(Self::Ed25519(key)),
                Err(_) => RsaKeyPair::from_pkcs8(&der).ok().map(rsa),
            },
            _ => None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Ed25519 signs the hash of the text, not the text (RFC 8463, 3).
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                // PKCS#1 v1.5 uses no randomness; the parameter is for the other paddings.
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ed25519(key) => {
                Some(key.sign(digest::digest(&digest::SHA256, text).as_ref()).as_ref().to_vec())
            }
        }
    }
}

fn split(mail: &[u8]) -> Option<(String, &[u8])> {
    let at = mail.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(mail.get(..at + 2)?).ok()?;
    Some((head.to_owned(), mail.get(at + 4..)?))
}

/// The header fields in order: the name in lower case, and the canonical `name:value` line.
fn fields(head: &str) -> Vec<(String, String)> {
    let mut unfolded: Vec<String> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match unfolded.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
            _ => unfolded.push(line.to_owned()),
        }
    }
    let pair = |field: &String| {
        let (name, value) = field.split_once(':')?;
        let name = name.trim().to_ascii_lowercase();
        let line = relaxed(&name, value);
        Some((name, line))
    };
    unfolded.iter().filter_map(pair).collect()
}

/// Canonical line of a field (RFC 6376, 3.4.2), without the line ending.
fn relaxed(name: &str, value: &str) -> String {
    let words = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    format!("{name}:{}", words.collect::<Vec<_>>().join(" "))
}

/// The text to be signed (RFC 6376, 3.7): of several fields with one name the last comes first, a missing
/// field adds nothing, and the signature's own field comes last, without its line ending.
fn signed_text(fields: &[(String, String)], names: &[&str], unsigned: &str) -> String {
    let mut text = String::new();
    for (place, name) in names.iter().enumerate() {
        let earlier = names.iter().take(place).filter(|other| *other == name).count();
        if let Some((_, line)) = fields.iter().rev().filter(|(known, _)| known == name).nth(earlier) {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    text + &relaxed("dkim-signature", unsigned)
}

/// The hash of the canonical body (RFC 6376, 3.4.4).
fn body_hash(body: &[u8]) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, &relaxed_body(body)))
}

fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len());
    let mut blank_lines = 0;
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in body.split(|byte| *byte == b'\n') {
        let line = relaxed_line(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        text.extend(b"\r\n".repeat(blank_lines));
        text.extend(line);
        text.extend(b"\r\n");
        blank_lines = 0;
    }
    text
}

fn relaxed_line(line: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(line.len());
    let mut is_gap = false;
    for byte in line {
        match byte {
            b' ' | b'\t' => is_gap = true,
            _ => {
                if is_gap {
                    text.push(b' ');
                }
                is_gap = false;
                text.push(*byte);
            }
        }
    }
    text
}

fn folded(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(72).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    // Example of RFC 8463, A.3.
    const MAIL: &str = "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q \
        <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 \
        (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost \
        the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const UNSIGNED: &str = " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; \
        i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date \
        : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
    const SIGNATURE: &str =
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

    fn ed25519() -> Dkim {
        let key = Ed25519KeyPair::from_seed_unchecked(&STANDARD.decode(SEED).unwrap()).unwrap();
        assert_eq!(STANDARD.encode(key.public_key()), PUBLIC);
        Dkim { key: Key::Ed25519(key), domain: "football.example.com".into(), selector: "brisbane".into() }
    }

    #[test]
    fn rfc_6376_3_4_5_example_is_canonicalized() {
        let found = fields("A: X\r\nB : Y\t\r\n\tZ  \r\n");
        assert_eq!(found, [("a".into(), "a:X".into()), ("b".into(), "b:Y Z".into())]);
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"a"), b"a\r\n");
    }

    #[test]
    fn rfc_8463_example_has_the_same_signature() {
        let (head, body) = split(MAIL.as_bytes()).unwrap();
        assert_eq!(body_hash(body), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        let names = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"];
        let text = signed_text(&fields(&head), &names, UNSIGNED);
        // Ed25519 uses no randomness, so the signature itself equals the RFC's.
        assert_eq!(STANDARD.encode(ed25519().key.sign(text.as_bytes()).unwrap()), SIGNATURE);
    }

    #[test]
    fn second_from_header_breaks_the_signature() {
        let dkim = ed25519();
        let field = dkim.sign(MAIL.as_bytes(), Timestamp::from_millis(1_528_637_909_000)).unwrap();
        let (unsigned, signature) = field.strip_prefix("DKIM-Signature:").unwrap().rsplit_once("b=").unwrap();
        let unsigned = format!("{unsigned}b=");
        assert!(unsigned.contains("h=from:to:subject:date:message-id:from;"), "{field}");
        let signature = STANDARD.decode(signature.split_ascii_whitespace().collect::<String>()).unwrap();
        let names = ["from", "to", "subject", "date", "message-id", "from"];
        let is_good = |mail: &str| {
            let text = signed_text(&fields(&split(mail.as_bytes()).unwrap().0), &names, &unsigned);
            let hash = digest::digest(&digest::SHA256, text.as_bytes());
            let key = UnparsedPublicKey::new(&ED25519, STANDARD.decode(PUBLIC).unwrap());
            key.verify(hash.as_ref(), &signature).is_ok()
        };
        assert!(is_good(MAIL));
        assert!(!is_good(&format!("From: other@example.com\r\n{MAIL}")));
        assert!(!is_good(&MAIL.replace("dinner", "supper")));
    }

    #[test]
    fn file_without_a_private_key_is_rejected() {
        for pem in [
            "",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(Key::parse(pem).is_none(), "{pem}");
        }
    }
}
