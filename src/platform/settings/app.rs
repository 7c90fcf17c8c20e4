//! The app's settings, which end up in files and tags that phones parse strictly.

use std::fs;
use std::path::{Path, PathBuf};

use actix_web::http::Uri;
use confique::Config;

/// A landing page may weigh 50 KiB, and an embedded badge is a third larger than its file.
const LARGEST_BADGE: u64 = 12 * 1024;

/// The messenger app that patients install.
#[derive(Debug, Clone, Config)]
pub struct App {
    /// Name of the app on the landing page.
    #[config(default = "Practice Messenger")]
    pub name: String,
    /// URL of the App Store button.
    #[config(default = "https://apps.apple.com/app/id0000000000", validate = has_no_comma)]
    pub app_store_url: String,
    /// Android package: Play link and `assetlinks.json`.
    #[config(default = "com.example.messenger", validate = is_package)]
    pub play_package: String,
    /// Origin of a second host that also serves this service: "open the app" links to it, since a link to the
    /// page's own domain does not open an app on iOS. Example: `"https://open.example.org"`
    #[config(default = "", validate = is_origin)]
    pub open_url: String,
    /// File with the official App Store badge (SVG or PNG, at most 12 KiB).
    /// Default: none, a plain button. Example: `"app-store.svg"`
    #[config(validate = is_badge)]
    pub app_store_badge: Option<PathBuf>,
    /// File with the official Google Play badge (SVG or PNG, at most 12 KiB).
    /// Default: none, a plain button. Example: `"google-play.png"`
    #[config(validate = is_badge)]
    pub google_play_badge: Option<PathBuf>,
    /// `TEAMID.bundle` of every app, for `apple-app-site-association`.
    /// Example: `["TEAM123456.com.example.messenger"]`
    #[config(default = [], validate = are_apple_ids)]
    pub apple_app_ids: Vec<String>,
    /// `TEAMID.bundle` of every App Clip, for the same file.
    /// Example: `["TEAM123456.com.example.messenger.Clip"]`
    #[config(default = [], validate = are_apple_ids)]
    pub app_clips: Vec<String>,
    /// SHA-256 fingerprints of the signing certificates, for `assetlinks.json`. Example:
    /// `["14:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5"]`
    #[config(default = [], validate = are_fingerprints)]
    pub android_fingerprints: Vec<String>,
}

impl App {
    /// Returns the app's App Store id, if the store URL ends in one.
    pub fn app_store_id(&self) -> Option<&str> {
        let (_, id) = self.app_store_url.rsplit_once("/id")?;
        (!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())).then_some(id)
    }
}

/// The Smart App Banner separates its parameters by commas.
fn has_no_comma<T: AsRef<str>>(url: &T) -> Result<(), &'static str> {
    if url.as_ref().contains(',') { Err("must not contain a comma") } else { Ok(()) }
}

/// The trailing slash that people copy with an origin is removed later.
fn is_origin<T: AsRef<str>>(url: &T) -> Result<(), &'static str> {
    let is_bare = |uri: Uri| {
        let schemed = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().unwrap_or_default();
        schemed && !host.is_empty() && uri.path().trim_end_matches('/').is_empty() && uri.query().is_none()
    };
    match url.as_ref() {
        "" => Ok(()),
        url if url.parse().is_ok_and(is_bare) => Ok(()),
        _ => Err("must be a bare origin, like https://open.example.org"),
    }
}

fn is_package<T: AsRef<str>>(name: &T) -> Result<(), &'static str> {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let name = name.as_ref();
    if name.contains('.') && name.split('.').all(word) {
        Ok(())
    } else {
        Err("is not an Android package name")
    }
}

fn are_apple_ids<T: AsRef<[String]>>(ids: &T) -> Result<(), String> {
    match ids.as_ref().iter().find(|id| !is_apple_id(id)) {
        Some(id) => Err(format!("{id} is not of the form TEAMID.bundle")),
        None => Ok(()),
    }
}

/// Accepts a team id of ten characters, a dot and a bundle id.
fn is_apple_id(text: &str) -> bool {
    let Some((team, bundle)) = text.split_once('.') else { return false };
    team.len() == 10
        && team.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && !bundle.is_empty()
        && bundle.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

fn are_fingerprints<T: AsRef<[String]>>(prints: &T) -> Result<(), &'static str> {
    match prints.as_ref().iter().all(|print| is_fingerprint(print)) {
        true => Ok(()),
        false => Err("must be SHA-256 fingerprints: 32 pairs of upper-case hex digits, joined by colons"),
    }
}

fn is_fingerprint(print: &str) -> bool {
    let pair = |part: &str| {
        part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    print.split(':').count() == 32 && print.split(':').all(pair)
}

fn is_badge<T: AsRef<Path>>(path: &T) -> Result<(), String> {
    let path = path.as_ref();
    if !path.extension().is_some_and(|end| end == "svg" || end == "png") {
        return Err("must be an SVG or PNG file".into());
    }
    match fs::metadata(path) {
        Ok(file) if file.len() <= LARGEST_BADGE => Ok(()),
        Ok(_) => Err("must be at most 12 KiB".into()),
        Err(e) => Err(e.to_string()),
    }
}
