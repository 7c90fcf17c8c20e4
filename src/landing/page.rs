//! What the pages say.

use askama::Template;

use super::agent::Lead;
use super::cache::{Badges, NONCE, VISIT};
use crate::config::Config;
use crate::kit::{Accent, Language, Wait};
use crate::links::Destination;
use crate::printing::{self, Share, Sheet, grouped};

/// What a page of a practice is drawn from.
pub struct View<'a> {
    /// All settings.
    pub config: &'a Config,
    /// The stores' badges.
    pub badges: &'a Badges,
    /// The link and its practice.
    pub to: &'a Destination,
    /// The page's language.
    pub language: Language,
    /// What it leads with.
    pub lead: Lead,
    /// Whether it is shown on the second host.
    pub is_open_host: bool,
}

impl View<'_> {
    /// Whether the practice is not named at all: some previews read the body too, so that of a discreet link a
    /// machine gets a page that would suit any practice. A person who opens it sees where it leads.
    fn is_hidden(&self) -> bool {
        self.to.is_discreet() && self.lead == Lead::Preview
    }
}

/// The "text me the link" form as it was sent: what was typed stays, and what is wrong stands beside it.
#[derive(Default)]
pub struct Form {
    /// What was typed.
    pub phone: String,
    /// What is wrong with it, in the page's language.
    pub error: String,
}

#[derive(Template)]
#[template(path = "landing/landing.html")]
struct Landing<'a> {
    nonce: &'a str,
    visit: &'a str,
    lang: &'a str,
    practice_name: &'a str,
    practice_city: &'a str,
    is_discreet: bool,
    is_hidden: bool,
    initials: &'a str,
    logo: &'a str,
    accent: &'a str,
    code: &'a str,
    code_grouped: &'a str,
    lead: &'a str,
    app_store_url: &'a str,
    play_url: &'a str,
    app_store_badge: &'a str,
    google_play_badge: &'a str,
    banner: &'a str,
    open_url: &'a str,
    qr: &'a str,
    host: &'a str,
    url: &'a str,
    picture: &'a str,
    app_name: &'a str,
    form: &'a Form,
}

/// The page of a link that takes patients in, with places for nonce and visit.
pub fn landing(view: &View<'_>, form: &Form) -> askama::Result<String> {
    let View { config, to, lead, .. } = view;
    let code = to.link.code.as_str();
    let is_preview = *lead == Lead::Preview;
    let qr = if is_preview { String::new() } else { qr(view) };
    Landing {
        nonce: NONCE,
        visit: VISIT,
        lang: view.language.as_str(),
        practice_name: &to.practice.name,
        practice_city: &to.practice.city,
        is_discreet: to.is_discreet(),
        is_hidden: view.is_hidden(),
        initials: &initials(if view.is_hidden() { &config.app.name } else { &to.practice.name }),
        logo: &logo(view),
        accent: &accent(view),
        code,
        code_grouped: &grouped(code),
        lead: lead.as_str(),
        app_store_url: &config.app.app_store_url,
        play_url: &play_url(config, code),
        app_store_badge: view.badges.app_store.as_deref().unwrap_or_default(),
        google_play_badge: view.badges.google_play.as_deref().unwrap_or_default(),
        banner: &banner(config, code),
        open_url: &open_url(view),
        qr: &qr,
        host: config.public_host(),
        url: &format!("{}/{code}", config.public_url),
        picture: &picture(view),
        app_name: &config.app.name,
        form,
    }
    .render()
}

/// The logo's address; empty where the page shows initials. It is on the page's own host, and apart from the
/// page: a data URL of it would not fit into the page's 50 KB.
fn logo(view: &View<'_>) -> String {
    let code = &view.to.link.code;
    let version = view.to.logo_version().filter(|_| !view.is_hidden());
    version.map(|version| format!("/{code}/logo.png?v={version}")).unwrap_or_default()
}

/// The practice's own colours, where it has some; a discreet link's page is in the house's.
fn accent(view: &View<'_>) -> String {
    let accent = view.to.practice.accent().filter(|_| !view.to.is_discreet());
    accent.map(Accent::tokens).unwrap_or_default()
}

/// An address that cannot be made a QR code of leaves the picture out; the address itself is on the page.
fn qr(view: &View<'_>) -> String {
    let sheet = sheet(view.config, view.to, view.language);
    printing::qr_svg(&sheet).unwrap_or_default()
}

/// The picture's address holds its language and its version: caches keep one for each, and a changed one is
/// another.
fn picture(view: &View<'_>) -> String {
    let version = Share::of(&sheet(view.config, view.to, view.language)).version();
    let (origin, code, language) = (&view.config.public_url, &view.to.link.code, view.language.as_str());
    format!("{origin}/{code}/share.png?l={language}&v={version}")
}

/// What a picture of a link says.
pub fn sheet<'a>(config: &'a Config, to: &'a Destination, language: Language) -> Sheet<'a> {
    Sheet {
        practice: (!to.is_discreet()).then_some(to.practice.name.as_str()),
        city: &to.practice.city,
        app_name: &config.app.name,
        public_url: &config.public_url,
        code: &to.link.code,
        language,
    }
}

/// Apple's Smart App Banner; its parameters are separated by commas, so a value with one would smuggle in more.
fn banner(config: &Config, code: &str) -> String {
    let Some(id) = config.app.app_store_id() else { return String::new() };
    if config.public_url.contains(',') {
        return String::new();
    }
    format!("app-id={id}, app-argument={}/{code}", config.public_url)
}

/// The same page on the other host: a tap on the page's own domain never opens an app on iOS.
fn open_url(view: &View<'_>) -> String {
    let (config, code) = (view.config, &view.to.link.code);
    match (config.app.open_url.as_str(), view.is_open_host) {
        ("", _) => String::new(),
        (_, true) => format!("{}/{code}", config.public_url),
        (open, false) => format!("{open}/{code}"),
    }
}

#[derive(Template)]
#[template(path = "landing/not_found.html")]
struct NotFound<'a> {
    nonce: &'a str,
    lang: &'a str,
    mistyped: bool,
    host: &'a str,
}

/// The page of a code that leads nowhere: the same one, whatever the reason.
pub fn not_found(config: &Config, language: Language, mistyped: bool, nonce: &str) -> askama::Result<String> {
    NotFound { nonce, lang: language.as_str(), mistyped, host: config.public_host() }.render()
}

#[derive(Template)]
#[template(path = "landing/paused.html")]
struct Paused<'a> {
    nonce: &'a str,
    lang: &'a str,
    practice_name: &'a str,
    practice_city: &'a str,
    app_name: &'a str,
    is_discreet: bool,
    is_hidden: bool,
}

/// The page of a link through which nobody is taken in for now.
pub fn paused(view: &View<'_>) -> askama::Result<String> {
    Paused {
        nonce: NONCE,
        lang: view.language.as_str(),
        practice_name: &view.to.practice.name,
        practice_city: &view.to.practice.city,
        app_name: &view.config.app.name,
        is_discreet: view.to.is_discreet(),
        is_hidden: view.is_hidden(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "landing/texted.html")]
struct Texted<'a> {
    nonce: &'a str,
    lang: &'a str,
    practice_name: &'a str,
    is_discreet: bool,
    is_hidden: bool,
    app_name: &'a str,
    code: &'a str,
    code_grouped: &'a str,
}

/// After "text me the link": one answer for all numbers.
pub fn texted(view: &View<'_>, nonce: &str) -> askama::Result<String> {
    Texted {
        nonce,
        lang: view.language.as_str(),
        practice_name: &view.to.practice.name,
        is_discreet: view.to.is_discreet(),
        is_hidden: view.is_hidden(),
        app_name: &view.config.app.name,
        code: &view.to.link.code,
        code_grouped: &grouped(&view.to.link.code),
    }
    .render()
}

#[derive(Template)]
#[template(path = "landing/challenge.html")]
struct Challenge<'a> {
    nonce: &'a str,
    lang: &'a str,
    ticket: &'a str,
    code: &'a str,
    early: u64,
}

/// For an address that tried many codes in vain; `early` is how many seconds too soon it came back, 0 the
/// first time.
pub fn challenge(
    language: Language,
    ticket: &str,
    code: &str,
    early: u64,
    nonce: &str,
) -> askama::Result<String> {
    Challenge { nonce, lang: language.as_str(), ticket, code, early }.render()
}

/// What a refused "text me the link" says beside the field.
pub fn limited(language: Language, wait: Wait) -> String {
    let minutes = wait.seconds.div_ceil(60);
    match language {
        Language::En => format!("Too many links were asked for. Try again in {minutes} min."),
        Language::Es => format!("Se pidieron demasiados enlaces. Inténtelo de nuevo en {minutes} min."),
    }
}

/// What a number that cannot be used says beside the field.
pub fn wrong_number(language: Language, problem: WrongNumber) -> &'static str {
    match (language, problem) {
        (Language::En, WrongNumber::Unreadable) => {
            "Enter a mobile number with its area code, like (415) 555-2671."
        }
        (Language::Es, WrongNumber::Unreadable) => {
            "Escriba un número de celular con su código de área, como (415) 555-2671."
        }
        (Language::En, WrongNumber::Country) => {
            "We can’t text numbers of this country. Use the code above in the app."
        }
        (Language::Es, WrongNumber::Country) => {
            "No enviamos mensajes a números de este país. Use el código de arriba en la aplicación."
        }
        (Language::En, WrongNumber::Landline) => "This number takes no text messages. Enter a mobile number.",
        (Language::Es, WrongNumber::Landline) => {
            "Este número no recibe mensajes de texto. Escriba uno de celular."
        }
        (Language::En, WrongNumber::Stale) => {
            "This page was open for a while. Please send your number again."
        }
        (Language::Es, WrongNumber::Stale) => {
            "Esta página llevaba mucho tiempo abierta. Envíe su número otra vez."
        }
    }
}

/// Why a number left on the page is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongNumber {
    /// No number.
    Unreadable,
    /// A country that we do not text.
    Country,
    /// A number that takes no texts.
    Landline,
    /// The form was not one that we gave out lately.
    Stale,
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
