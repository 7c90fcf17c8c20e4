//! Validation of a webhook URL, as far as the URL itself tells. The resolver of each call decides about the
//! addresses behind a host name; this check spares a practice from waiting for calls that can never be
//! made.

use std::net::{Ipv4Addr, Ipv6Addr};

// The same parser reads the URL again when the call is made.
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::kit::internet::is_public;

/// Maximum length of a URL.
const MOST_BYTES: usize = 2_000;

/// Returns the reason why `url` is refused. `allow_private` permits plain HTTP and private addresses.
pub(super) fn check(url: &str, allow_private: bool) -> Result<(), &'static str> {
    if url.len() > MOST_BYTES || !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains('#') {
        return Err("Use up to 2,000 visible ASCII characters, without a fragment.");
    }
    let uri: Uri = url.parse().map_err(|_| "Enter a valid URL.")?;
    let authority = uri.authority().ok_or("This URL has no host.")?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_private => {}
        _ => return Err("Use an https:// URL."),
    }
    if authority.as_str().contains('@') {
        return Err("Leave out user and password: the signature authenticates the call.");
    }
    check_port(authority, allow_private)?;
    match allow_private || is_public_host(authority.host()) {
        true => Ok(()),
        false => Err("This host is not on the public Internet."),
    }
}

/// Allows 443 and ports on which no well-known service of another kind listens.
fn check_port(authority: &Authority, allow_private: bool) -> Result<(), &'static str> {
    let named = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    match (named, authority.port_u16()) {
        ("", _) | (_, Some(443 | 1024..)) => Ok(()),
        (_, Some(1..)) if allow_private => Ok(()),
        _ => Err("Use port 443, or port 1024 or higher."),
    }
}

fn is_public_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[') {
        let address = literal.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return address.is_some_and(|address| is_public(address.into()));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    // Resolvers read a host that ends in a number as an IPv4 address: with fewer parts, in octal or in
    // hexadecimal.
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return host.parse::<Ipv4Addr>().is_ok_and(|address| is_public(address.into()));
    }
    !["localhost", "local", "internal", "lan", "home", "test", "invalid"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_https_url_is_fine() {
        for url in [
            "https://hooks.practice.com/in?token=1",
            "https://hooks.practice.com:443/",
            "https://hooks.practice.com:8443",
            "https://hooks.example/",
            "HTTPS://Hooks.Practice.COM./x",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
        ] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_can_never_be_called_is_refused() {
        for url in [
            "",
            "/path",
            "hooks.practice.com",
            "http://hooks.practice.com/",
            "ftp://hooks.practice.com/",
            "https://",
            "https:///x",
            "https://user@hooks.practice.com/",
            "https://user:pw@hooks.practice.com/",
            "https://hooks.practice.com:22/",
            "https://hooks.practice.com:0/",
            "https://hooks.practice.com:/",
            "https://hooks.practice.com:99999/",
            "https://hooks.practice.com/#x",
            "https://hooks.practice.com/a b",
            "https://bücher.example/",
            "https://intranet/",
            "https://localhost/",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://127.0.0.1/",
            "https://10.1.2.3:8443/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://017700000001/",
            "https://0177.0.0.1/",
            "https://127.0.0.1./",
            "https://256.1.1.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[fe80::1%25eth0]/",
            "https://[::1/",
        ] {
            assert!(check(url, false).is_err(), "{url}");
        }
        assert!(check(&format!("https://a.example/{}", "x".repeat(2_000)), false).is_err());
    }

    #[test]
    fn development_may_call_its_own_machine() {
        for url in ["http://127.0.0.1:9000/in", "http://localhost:81/", "https://[::1]/"] {
            assert_eq!(check(url, true), Ok(()), "{url}");
        }
        for url in ["ftp://localhost/", "http://user@localhost/", "http://localhost:0/"] {
            assert!(check(url, true).is_err(), "{url}");
        }
    }
}
