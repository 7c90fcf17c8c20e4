//! The landing page: the first thing that a patient sees of a practice.

use askama::Template;

use super::Destination;
use crate::config::Config;
use crate::kit::Language;

/// Which phone the page is most likely read on; it orders the buttons and never hides one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// An iPhone or iPad.
    Ios,
    /// An Android device.
    Android,
    /// Anything else.
    Other,
}

impl Lead {
    /// A guess from the `User-Agent`.
    pub fn guess(user_agent: &str) -> Self {
        if ["iPhone", "iPod", "iPad"].iter().any(|device| user_agent.contains(device)) {
            Self::Ios
        } else if user_agent.contains("Android") {
            Self::Android
        } else {
            Self::Other
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Other => "other",
        }
    }
}

#[derive(Template)]
#[template(path = "links/landing.html")]
struct Landing<'a> {
    nonce: &'a str,
    lang: &'a str,
    practice_name: &'a str,
    practice_city: &'a str,
    initials: &'a str,
    code: &'a str,
    code_grouped: &'a str,
    lead: &'a str,
    app_store_url: &'a str,
    play_url: &'a str,
    host: &'a str,
    url: &'a str,
    app_name: &'a str,
}

#[derive(Template)]
#[template(path = "links/not_found.html")]
struct NotFound<'a> {
    nonce: &'a str,
    lang: &'a str,
    mistyped: bool,
    host: &'a str,
}

/// The page of a link that leads somewhere.
pub fn landing(
    config: &Config,
    to: &Destination,
    language: Language,
    lead: Lead,
    nonce: &str,
) -> askama::Result<String> {
    let code = to.link.code.as_str();
    Landing {
        nonce,
        lang: language.as_str(),
        practice_name: &to.practice.name,
        practice_city: &to.practice.city,
        initials: &initials(&to.practice.name),
        code,
        code_grouped: &grouped(code),
        lead: lead.as_str(),
        app_store_url: &config.app.app_store_url,
        play_url: &play_url(config, code),
        host: config.public_host(),
        url: &format!("{}/{code}", config.public_url),
        app_name: &config.app.name,
    }
    .render()
}

/// The page of a code that leads nowhere: the same one, whatever the reason.
pub fn not_found(config: &Config, language: Language, mistyped: bool, nonce: &str) -> askama::Result<String> {
    NotFound { nonce, lang: language.as_str(), mistyped, host: config.public_host() }.render()
}

/// Google Play hands the referrer to the app after the install (kept for 90 days).
fn play_url(config: &Config, code: &str) -> String {
    let package = &config.app.play_package;
    format!("https://play.google.com/store/apps/details?id={package}&referrer=plink%3D{code}")
}

/// The first letters of the first words, at most three.
fn initials(name: &str) -> String {
    let words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    words.take(3).flat_map(char::to_uppercase).collect()
}

/// Digits in groups of three or four, so that nobody loses the place while typing them.
fn grouped(code: &str) -> String {
    let size = if code.len().is_multiple_of(4) { 4 } else { 3 };
    let digits: Vec<char> = code.chars().collect();
    digits.chunks(size).map(String::from_iter).collect::<Vec<_>>().join(" ")
}
