//! Single parameters of a query string, for pages that must not fail at one that they do not know.

use std::borrow::Cow;

/// The decoded value of the first parameter with this name. A value without escapes is not copied.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value)
}
