//! Where a sign-in leads afterwards: to a page of the console and nowhere else.

use crate::kit::percent;

/// `wanted` where it is the address of a page of ours, else the console itself. What is not plain ASCII, or could
/// be read as another host, is not.
pub fn local(wanted: &str) -> &str {
    let is_plain = wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'"');
    let rest = wanted
        .strip_prefix("/console")
        .filter(|_| is_plain && !wanted.contains("//") && !wanted.contains(".."));
    let is_ours = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    // Signing in again right after signing in would look like a refusal.
    if is_ours && !wanted.starts_with("/console/sign-") { wanted } else { "/console" }
}

/// An address as a value in a query.
pub fn in_query(address: &str) -> String {
    percent::encoded_but(address, b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_are_led_to() {
        for ours in ["/console", "/console/links?cursor=MQ", "/console/links/lnk_1/edit"] {
            assert_eq!(local(ours), ours);
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "/console//evil.example",
            "https://evil.example/console",
            "/consoles",
            "/console/../v1",
            "/console\\evil",
            "/console/a\r\nset-cookie: x",
            "/console/sign-in",
            "/console é",
        ] {
            assert_eq!(local(other), "/console", "{other:?}");
        }
    }
}
