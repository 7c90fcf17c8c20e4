//! Styles and scripts of the public pages. The pages contain them, because one round trip brings all of it.
//! Their hashes are in the pages' policies, so nothing in them depends on the link or the visit.

use crate::web::http::html::Inline;

pub(super) static LANDING_STYLE: Inline =
    Inline::new(concat!(include_str!("../../../assets/tokens.css"), include_str!("landing.css")));

pub(super) static PLAIN_STYLE: Inline =
    Inline::new(concat!(include_str!("../../../assets/tokens.css"), include_str!("plain.css")));

pub(super) static UNSUBSCRIBE_STYLE: Inline =
    Inline::new(concat!(include_str!("../../../assets/tokens.css"), include_str!("unsubscribe.css")));

/// An iPad claims to be a Mac; only a script can tell them apart, and it runs before the first paint.
pub(super) static IPAD_SCRIPT: Inline =
    Inline::new("if (navigator.maxTouchPoints > 1) document.documentElement.className = \"ipad\";");

/// Reports that a person sees the page, and taps on a store's button. It stores nothing, and what it
/// reports has the page's visit token, which is in the page behind the script.
pub(super) static VISIT_SCRIPT: Inline = Inline::new(include_str!("visit.js"));
