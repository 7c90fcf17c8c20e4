//! Templates of the landing pages.

use askama::Template;

use super::cache::Badges;
use super::document::VISIT;
use super::inline;
use super::user_agent::Platform;
use crate::domain::links::Destination;
use crate::domain::printing::{self, PreviewImage, Sheet, grouped};
use crate::kit::{Accent, Language, Wait};
use crate::platform::settings::Settings;

/// Data that a page of a practice is rendered from.
pub(super) struct View<'a> {
    pub settings: &'a Settings,
    pub badges: &'a Badges,
    pub to: &'a Destination,
    pub language: Language,
    pub platform: Platform,
    /// Whether it is shown on the second host.
    pub is_open_host: bool,
}

impl View<'_> {
    /// Whether the practice is not named at all. Some previews read the body too, so a bot gets a page of a
    /// discreet link that would suit any practice. A person who opens it sees the practice.
    fn is_hidden(&self) -> bool {
        self.to.is_discreet() && self.platform == Platform::Preview
    }

    /// The practice's name, or the text `message` where it is hidden.
    fn practice_or(&self, message: &'static str) -> &str {
        if self.is_hidden() { self.language.text(message) } else { &self.to.practice.name }
    }
}

/// Submitted "text me the link" form: the input is kept, with the error next to it.
#[derive(Default)]
pub(super) struct Form {
    pub phone: String,
    /// Error message in the page's language.
    pub error: String,
}

#[derive(Template)]
#[template(path = "web/landing/landing.html")]
struct Landing<'a> {
    visit: &'a str,
    language: Language,
    practice_name: &'a str,
    practice_city: &'a str,
    is_discreet: bool,
    is_hidden: bool,
    initials: &'a str,
    logo: &'a str,
    accent: &'a str,
    code: &'a str,
    code_grouped: &'a str,
    platform: &'a str,
    app_store_url: &'a str,
    play_url: &'a str,
    app_store_badge: &'a str,
    google_play_badge: &'a str,
    banner: &'a str,
    open_url: &'a str,
    qr: &'a str,
    host: &'a str,
    /// Host and code, as people type it.
    address: &'a str,
    /// The practice's name; "your practice" and "The practice" where it is hidden.
    your_practice: &'a str,
    the_practice: &'a str,
    url: &'a str,
    picture: &'a str,
    app_name: &'a str,
    form: &'a Form,
}

/// Page of a link that accepts new patients, with placeholders for the visit token.
pub(super) fn landing(view: &View<'_>, form: &Form) -> askama::Result<String> {
    let View { settings, to, platform, .. } = view;
    let code = to.link.code.as_str();
    let is_preview = *platform == Platform::Preview;
    let qr = if is_preview { String::new() } else { qr(view) };
    Landing {
        visit: VISIT,
        language: view.language,
        practice_name: &to.practice.name,
        practice_city: &to.practice.city,
        is_discreet: to.is_discreet(),
        is_hidden: view.is_hidden(),
        initials: &initials(if view.is_hidden() { &settings.app.name } else { &to.practice.name }),
        logo: &logo(view),
        accent: &accent(view),
        code,
        code_grouped: &grouped(code),
        platform: platform.as_str(),
        app_store_url: &settings.app.app_store_url,
        play_url: &play_url(settings, code),
        app_store_badge: view.badges.app_store.as_deref().unwrap_or_default(),
        google_play_badge: view.badges.google_play.as_deref().unwrap_or_default(),
        banner: &banner(settings, code),
        open_url: &open_url(view),
        qr: &qr,
        host: settings.public_host(),
        address: &format!("{}/{code}", settings.public_host()),
        your_practice: view.practice_or("landing-your-practice"),
        the_practice: view.practice_or("landing-the-practice"),
        url: &format!("{}/{code}", settings.public_url),
        picture: &picture(view),
        app_name: &settings.app.name,
        form,
    }
    .render()
}

/// URL of the logo; empty if the page shows initials. It is on the page's own host, and a file of its own:
/// a data URL would not fit into the page's 50 KB.
fn logo(view: &View<'_>) -> String {
    let code = &view.to.link.code;
    let version = view.to.logo_version().filter(|_| !view.is_hidden());
    version.map(|version| format!("/{code}/logo.png?v={version}")).unwrap_or_default()
}

/// Colors of the practice, if it has some; the page of a discreet link uses the default ones.
pub(super) fn accent(view: &View<'_>) -> String {
    let accent = view.to.practice.accent().filter(|_| !view.to.is_discreet());
    accent.map(Accent::tokens).unwrap_or_default()
}

/// A URL that cannot be encoded as a QR code leaves the image out; the URL itself is on the page.
fn qr(view: &View<'_>) -> String {
    let sheet = sheet(view.settings, view.to, view.language);
    printing::qr_svg(&sheet).unwrap_or_default()
}

/// The image's URL contains its language and version: caches keep one image for each, and a changed image
/// has a new URL.
fn picture(view: &View<'_>) -> String {
    let version = PreviewImage::of(&sheet(view.settings, view.to, view.language)).version();
    let (origin, code, language) = (&view.settings.public_url, &view.to.link.code, view.language.as_str());
    format!("{origin}/{code}/share.png?l={language}&v={version}")
}

/// Text of a link's preview image.
pub(super) fn sheet<'a>(settings: &'a Settings, to: &'a Destination, language: Language) -> Sheet<'a> {
    Sheet {
        practice: (!to.is_discreet()).then_some(to.practice.name.as_str()),
        city: &to.practice.city,
        app_name: &settings.app.name,
        public_url: &settings.public_url,
        code: &to.link.code,
        language,
    }
}

/// Apple's Smart App Banner. Its parameters are separated by commas, so a value with a
/// comma could inject others.
fn banner(settings: &Settings, code: &str) -> String {
    let Some(id) = settings.app.app_store_id() else { return String::new() };
    if settings.public_url.contains(',') {
        return String::new();
    }
    format!("app-id={id}, app-argument={}/{code}", settings.public_url)
}

/// URL of the same page on the other host: on iOS a tap on a link to the page's own domain
/// never opens an app.
fn open_url(view: &View<'_>) -> String {
    let (settings, code) = (view.settings, &view.to.link.code);
    match (settings.app.open_url.as_str(), view.is_open_host) {
        ("", _) => String::new(),
        (_, true) => format!("{}/{code}", settings.public_url),
        (open, false) => format!("{open}/{code}"),
    }
}

#[derive(Template)]
#[template(path = "web/landing/not_found.html")]
struct NotFound<'a> {
    language: Language,
    mistyped: bool,
    host: &'a str,
}

/// Page of an unknown or closed code: the same one, whatever the reason.
pub(super) fn not_found(settings: &Settings, language: Language, mistyped: bool) -> askama::Result<String> {
    NotFound { language, mistyped, host: settings.public_host() }.render()
}

#[derive(Template)]
#[template(path = "web/landing/paused.html")]
struct Paused<'a> {
    language: Language,
    practice_name: &'a str,
    practice_city: &'a str,
    app_name: &'a str,
    is_discreet: bool,
    is_hidden: bool,
}

/// Page of a link that is paused, so that it accepts no new patients for now.
pub(super) fn paused(view: &View<'_>) -> askama::Result<String> {
    Paused {
        language: view.language,
        practice_name: &view.to.practice.name,
        practice_city: &view.to.practice.city,
        app_name: &view.settings.app.name,
        is_discreet: view.to.is_discreet(),
        is_hidden: view.is_hidden(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "web/landing/texted.html")]
struct Texted<'a> {
    language: Language,
    practice_name: &'a str,
    is_discreet: bool,
    the_practice: &'a str,
    app_name: &'a str,
    code: &'a str,
    code_grouped: &'a str,
}

/// Page after "text me the link": the same answer for all numbers.
pub(super) fn texted(view: &View<'_>) -> askama::Result<String> {
    Texted {
        language: view.language,
        practice_name: &view.to.practice.name,
        is_discreet: view.to.is_discreet(),
        the_practice: view.practice_or("landing-the-practice"),
        app_name: &view.settings.app.name,
        code: &view.to.link.code,
        code_grouped: &grouped(&view.to.link.code),
    }
    .render()
}

#[derive(Template)]
#[template(path = "web/landing/challenge.html")]
struct Challenge<'a> {
    language: Language,
    token: &'a str,
    code: &'a str,
    early: u64,
}

/// Page for an address that tried many wrong codes; `early` is how many seconds too soon it came back,
/// 0 the first time.
pub(super) fn challenge(language: Language, token: &str, code: &str, early: u64) -> askama::Result<String> {
    Challenge { language, token, code, early }.render()
}

/// Rate limit message next to the phone number field.
pub(super) fn limited(language: Language, wait: Wait) -> String {
    let minutes = wait.seconds.div_ceil(60);
    language.text_with("landing-limited", &[("minutes", minutes.into())])
}

/// Error message next to the phone number field.
pub(super) fn phone_error(language: Language, problem: PhoneError) -> &'static str {
    language.text(match problem {
        PhoneError::Unreadable => "landing-phone-unreadable",
        PhoneError::Country => "landing-phone-country",
        PhoneError::Landline => "landing-phone-landline",
        PhoneError::Stale => "landing-phone-stale",
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PhoneError {
    Unreadable,
    Country,
    /// The number cannot receive texts.
    Landline,
    /// The form's visit token is invalid or has expired.
    Stale,
}

/// Google Play passes the referrer to the app after the install (kept for 90 days).
fn play_url(settings: &Settings, code: &str) -> String {
    let package = &settings.app.play_package;
    format!("https://play.google.com/store/apps/details?id={package}&referrer=plink%3D{code}")
}

/// First letters of the first words, at most three.
fn initials(name: &str) -> String {
    let words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    words.take(3).flat_map(char::to_uppercase).collect()
}
