//! Who asks for a page, as far as the request tells: it orders the page and keeps machines out of the counts.
//! A guess hides nothing: every page holds every way to the app.

use actix_web::http::header::{HeaderMap, USER_AGENT};

/// What a page leads with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lead {
    /// A machine that makes a preview: tags alone matter to it.
    Preview,
    /// A browser inside another app, from which stores and other apps open badly.
    Webview,
    /// An iPhone, iPod, or an iPad that says so.
    Ios,
    /// A Mac, or an iPad that says it is one: a script in the page can tell.
    Mac,
    /// An Android device with Google's store.
    Android,
    /// An Amazon device: Android without Google's store.
    Amazon,
    /// Anything else.
    Other,
}

impl Lead {
    /// The word that the page's markup uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Webview => "webview",
            Self::Ios => "ios",
            Self::Mac => "mac",
            Self::Android => "android",
            Self::Amazon => "amazon",
            Self::Other => "other",
        }
    }
}

/// Words in a `User-Agent` that only machines use. Lower case; most are the kind's own name, so that machines
/// nobody has heard of yet are known too.
const MACHINES: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp",
    "telegram",
    "viber",
    "skypeuri",
    "slack-",
    "vkshare",
    "embedly",
    "outbrain",
    "mediapartners",
    "google-",
    "googleagent",
    "playstore-google",
    "validator",
    "scan",
    "fetch",
    "httpclient",
    "httpagent",
    "python",
    "curl",
    "wget",
    "okhttp",
    "axios",
    "headless",
    "phantom",
    "puppeteer",
    "playwright",
    "selenium",
    "lighthouse",
    "pagespeed",
    "gtmetrix",
    "pingdom",
    "ptst/",
    "uptim",
    "monitor",
    "synthetics",
    "check",
    "probe",
    "archive",
    "index",
    "search",
    "rss",
    "feed",
    "news",
    "reader",
    "collect",
    "extract",
    "harvest",
    "scrape",
    "download",
    "analy",
    "audit",
    "insight",
    "research",
    "survey",
    "security",
    "nutch",
    "grab",
    "proxy",
    "sitemap",
    "inspector",
    "verity",
    "verify",
    "optimizer",
    "critical",
    "agent",
    "favicon",
    "engine;",
    "watch",
    ".com)",
    ".com/",
    "://",
    "@",
    "+http",
    "electron/",
];

/// Names of devices and browsers of people that hold one of those words.
const PEOPLE: &[&str] = &[
    "cubot",
    "duckduckgo/",
    "bingsapphire",
    "silk-accelerated",
    "whatsapp-ios-webview",
    "gsa/",
    "searchcraft",
    "yandexsearch",
    "yabrowser",
    "bidubrowser",
    "baiduboxapp",
    "newsapp",
    "telegram-android",
    "bingweb",
];

/// Browsers inside other apps.
const WEBVIEWS: &[&str] = &[
    "FBAN/",
    "FBAV/",
    "FB_IAB/",
    "Instagram",
    "musical_ly",
    "BytedanceWebview",
    "TikTok",
    "trill_",
    "LinkedInApp",
    "Snapchat",
    "Line/",
    "MicroMessenger",
    "Twitter for",
    "Pinterest for",
    "[Pinterest",
    "GSA/",
    "KAKAOTALK",
    "Barcelona",
    "baiduboxapp",
    "WhatsApp-iOS-WebView",
    "; wv)",
    "NAVER(",
    "Reddit/",
    "Telegram-Android",
];

/// Whoever asks for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// What the page leads with.
    pub lead: Lead,
    /// Whether it is a machine, or a browser that fetches ahead of a person who may never come.
    pub is_machine: bool,
}

impl Visitor {
    /// A guess from a request's headers; `lead` guesses from a `User-Agent`.
    pub fn of(headers: &HeaderMap, lead: impl FnOnce(&str) -> Lead) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let lead = lead(agent);
        Self { lead, is_machine: lead == Lead::Preview || is_ahead(headers) }
    }
}

/// What a page for `agent` leads with. Machines first: iMessage's preview says that it is Safari on a Mac and
/// two bots at once. Webviews next: they also say which phone they are on.
pub fn lead(agent: &str) -> Lead {
    let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if is_machine(agent) {
        Lead::Preview
    } else if has(WEBVIEWS) {
        Lead::Webview
    } else if has(&["iPhone", "iPod", "iPad"]) {
        Lead::Ios
    } else if agent.contains("Macintosh")
        && agent.contains("AppleWebKit")
        && !has(&["Chrome/", "Firefox/", "Edg/", "OPR/"])
    {
        Lead::Mac
    } else if has(&["Silk/"]) || is_kindle(agent) {
        Lead::Amazon
    } else if agent.contains("Android") {
        Lead::Android
    } else {
        Lead::Other
    }
}

/// Amazon's tablets name themselves `KF` and four or five capitals.
fn is_kindle(agent: &str) -> bool {
    agent.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.strip_prefix("KF").is_some_and(|model| {
            (3..=6).contains(&model.len()) && model.bytes().all(|b| b.is_ascii_uppercase())
        })
    })
}

/// Browsers of people say `Mozilla/`, `Opera/` or the like and none of the machines' words.
fn is_machine(agent: &str) -> bool {
    let mut lower = agent.to_ascii_lowercase();
    for name in PEOPLE {
        if lower.contains(name) {
            lower = lower.replace(name, "");
        }
    }
    let is_browser = ["mozilla/", "opera/", "dalvik/", "ucweb"].iter().any(|name| lower.starts_with(name));
    // Only very old browsers of people call themselves compatible, and say with what.
    let is_compatible =
        lower.contains("compatible;") && !lower.contains("msie") && !lower.contains("konqueror");
    !is_browser || is_compatible || MACHINES.iter().any(|word| lower.contains(word))
}

/// A page fetched or drawn ahead of time, in case somebody comes.
pub fn is_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.contains("prefetch") || value.contains("prerender") || value.contains("preview")
    })
}
