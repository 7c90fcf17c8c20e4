//! Validation of the app's settings, which end up in files and tags that phones parse strictly.

use std::fs;
use std::path::Path;

use super::{App, BadSetting};
use actix_web::http::Uri;

/// A landing page may weigh 50 KiB, and an embedded badge is a third larger than its file.
const LARGEST_BADGE: u64 = 12 * 1024;

impl App {
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        if self.app_store_url.contains(',') || self.open_url.contains(',') {
            // The Smart App Banner separates its parameters by commas.
            return Err(BadSetting::new("app.app_store_url", "must not contain a comma"));
        }
        if !self.open_url.is_empty() && !is_origin(&self.open_url) {
            return Err(BadSetting::new(
                "app.open_url",
                "must be a bare origin, like https://open.example.org",
            ));
        }
        if !is_package(&self.play_package) {
            return Err(BadSetting::new("app.play_package", "is not an Android package name"));
        }
        for (setting, ids) in [("app.apple_app_ids", &self.apple_app_ids), ("app.app_clips", &self.app_clips)]
        {
            if let Some(id) = ids.iter().find(|id| !is_apple_id(id)) {
                return Err(BadSetting::new(setting, format!("{id} is not of the form TEAMID.bundle")));
            }
        }
        if self.android_fingerprints.iter().any(|print| !is_fingerprint(print)) {
            let problem = "must be SHA-256 fingerprints: 32 pairs of upper-case hex digits, joined by colons";
            return Err(BadSetting::new("app.android_fingerprints", problem));
        }
        check_badge("app.app_store_badge", self.app_store_badge.as_deref())?;
        check_badge("app.google_play_badge", self.google_play_badge.as_deref())
    }

    /// Returns the app's App Store id, if the store URL ends in one.
    pub fn app_store_id(&self) -> Option<&str> {
        let (_, id) = self.app_store_url.rsplit_once("/id")?;
        (!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())).then_some(id)
    }
}

fn is_origin(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        let schemed = matches!(uri.scheme_str(), Some("http" | "https"));
        schemed
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path() == "/"
            && uri.query().is_none()
    })
}

fn is_package(name: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    name.contains('.') && name.split('.').all(word)
}

/// Accepts a team id of ten characters, a dot and a bundle id.
fn is_apple_id(text: &str) -> bool {
    let Some((team, bundle)) = text.split_once('.') else { return false };
    team.len() == 10
        && team.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && !bundle.is_empty()
        && bundle.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

fn is_fingerprint(print: &str) -> bool {
    let pair = |part: &str| {
        part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    print.split(':').count() == 32 && print.split(':').all(pair)
}

fn check_badge(setting: &str, path: Option<&Path>) -> Result<(), BadSetting> {
    let Some(path) = path else { return Ok(()) };
    if !path.extension().is_some_and(|end| end == "svg" || end == "png") {
        return Err(BadSetting::new(setting, "must be an SVG or PNG file"));
    }
    match fs::metadata(path) {
        Ok(file) if file.len() <= LARGEST_BADGE => Ok(()),
        Ok(_) => Err(BadSetting::new(setting, "must be at most 12 KiB")),
        Err(e) => Err(BadSetting::new(setting, e.to_string())),
    }
}
