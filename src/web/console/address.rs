//! Validates the page to open after a sign-in: only pages of the console are allowed (no open redirect).

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters (RFC 3986, 2.3) and the slash, so that the address stays readable.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Returns `wanted` if it is the path of a console page, otherwise `/console`. Anything that is not plain
/// ASCII, or that a browser could read as another host, is rejected.
pub(super) fn local(wanted: &str) -> &str {
    let is_plain = wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'"');
    let rest = wanted
        .strip_prefix("/console")
        .filter(|_| is_plain && !wanted.contains("//") && !wanted.contains(".."));
    let is_ours = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    // Returning to the sign-in page right after signing in would look like a failure.
    if is_ours && !wanted.starts_with("/console/sign-") { wanted } else { "/console" }
}

/// Percent-encodes an address for use as a query value.
pub(super) fn in_query(address: &str) -> impl Display {
    utf8_percent_encode(address, ESCAPED)
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
