//! Which servers may be reached without encryption in production, where messages with codes and passwords
//! would otherwise cross a network that others read.

use std::net::IpAddr;

use actix_web::http::Uri;

use crate::kit::internet::is_public;

/// Returns whether `url` uses the plaintext `scheme` to a host for which `is_allowed` is false. An invalid
/// URL is refused later, by the provider that uses it.
pub(super) fn is_plain(url: &str, scheme: &str, is_allowed: fn(&str) -> bool) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
    let is_clear = uri.scheme_str().is_some_and(|found| found.eq_ignore_ascii_case(scheme));
    is_clear && !is_allowed(&host.to_ascii_lowercase())
}

pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A private address, or a name that is not in the public DNS: a single label, as containers have, or a
/// suffix reserved for private networks.
pub(super) fn is_own_network(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return !is_public(address);
    }
    let endings = [".localhost", ".local", ".internal", ".home.arpa"];
    !host.contains('.') || endings.iter().any(|ending| host.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_allowed_only_to_local_hosts() {
        for url in ["smtp://127.0.0.1", "smtp://[::1]:25", "smtp://localhost", "smtps://mail.example.org"] {
            assert!(!is_plain(url, "smtp", is_this_machine), "{url}");
        }
        for url in ["smtp://mail.example.org", "smtp://10.0.0.1", "smtp://u:p@postfix:25", "SMTP://relay"] {
            assert!(is_plain(url, "smtp", is_this_machine), "{url}");
        }
        for url in ["http://127.0.0.1:13013", "http://10.0.0.1", "http://[fd00::1]", "http://kannel:13013"] {
            assert!(!is_plain(url, "http", is_own_network), "{url}");
        }
        for url in ["http://sms.internal", "https://sms.example.org", ""] {
            assert!(!is_plain(url, "http", is_own_network), "{url}");
        }
        for url in
            ["http://sms.example.org", "http://8.8.8.8:13013", "http://[2606:4700::1111]", "HTTP://a.b."]
        {
            assert!(is_plain(url, "http", is_own_network), "{url}");
        }
    }
}
