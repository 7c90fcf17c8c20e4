//! Pages of an invite. They name the practice to people but not to bots, and never the invited person.

use askama::Template;

use super::cache::Badges;
use super::inline;
use super::user_agent::Platform;
use crate::domain::links::Destination;
use crate::kit::Language;
use crate::platform::settings::Settings;

#[derive(Template)]
#[template(path = "web/landing/invited.html")]
struct Invited<'a> {
    language: Language,
    practice_name: &'a str,
    practice_city: &'a str,
    app_name: &'a str,
    host: &'a str,
    origin: &'a str,
    is_hidden: bool,
    platform: &'a str,
    app_store_url: &'a str,
    play_url: &'a str,
    app_store_badge: &'a str,
    google_play_badge: &'a str,
}

/// Page behind the link of an invite's text message. The link works once, so the secret is neither in a
/// preview's URL nor in a store's referrer: after the install, the patient taps the link in the text again.
pub(super) fn invited(
    settings: &Settings,
    badges: &Badges,
    to: &Destination,
    (language, platform): (Language, Platform),
) -> askama::Result<String> {
    let package = &settings.app.play_package;
    Invited {
        language,
        practice_name: &to.practice.name,
        practice_city: &to.practice.city,
        app_name: &settings.app.name,
        host: settings.public_host(),
        origin: &settings.public_url,
        is_hidden: platform == Platform::Preview,
        platform: platform.as_str(),
        app_store_url: &settings.app.app_store_url,
        play_url: &format!("https://play.google.com/store/apps/details?id={package}"),
        app_store_badge: badges.app_store.as_deref().unwrap_or_default(),
        google_play_badge: badges.google_play.as_deref().unwrap_or_default(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "web/landing/invite_email.html")]
struct Email<'a> {
    language: Language,
    is_proven: bool,
    app_name: &'a str,
}

/// Page behind the link of an invite's e-mail: one button, or the next steps.
pub(super) fn email(settings: &Settings, is_proven: bool, language: Language) -> askama::Result<String> {
    Email { language, is_proven, app_name: &settings.app.name }.render()
}

#[derive(Template)]
#[template(path = "web/landing/invite_gone.html")]
struct Gone {
    language: Language,
}

/// Page for every invalid secret, whatever the reason.
pub(super) fn gone(language: Language) -> askama::Result<String> {
    Gone { language }.render()
}
