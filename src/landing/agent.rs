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

/// Words in a `User-Agent` that only machines use, whatever else they say they are. Lower case; the kinds' own
/// words stand first, so that machines nobody has heard of yet are known too, names after them.
const MACHINES: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "scrap",
    "headless",
    "synthetics",
    "linkcheck",
    "vulnerability",
    "+http",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp",
    "telegram",
    "skypeuri",
    "slack-",
    "vkshare",
    "embedly",
    "outbrain",
    "mediapartners",
    "google-",
    "googleagent",
    "googleimageproxy",
    "google favicon",
    "playstore-google",
    "httpclient",
    "httpagent",
    "python",
    "curl",
    "wget",
    "okhttp",
    "axios",
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
    "nutch",
    "verity",
    "acunetix",
    "appinsights",
    "brokenlinkcheck",
    "contentscan",
    "cookiehub",
    "feeder.co",
    "ghost inspector",
    "infegy",
    "ips-agent",
    "newsai/",
    "newsnow",
    "nikto",
    "openvas",
    "researchscan",
    "securityheaders",
    "siteimprove",
    "thousandeyes",
    "translationserver",
    "watchtowr",
    "zgrab",
    "electron/",
];

/// Words that most often name a machine. An app of people may hold one, so a known app comes before them. What
/// apps of people are called by (a scanner of QR codes, a search, a reader, news) is not among them.
const DOUBTFUL: &[&str] = &[
    "validator",
    "fetch",
    "monitor",
    "probe",
    "archive",
    "index",
    "sitemap",
    "harvest",
    "extract",
    "analy",
    "audit",
    "survey",
    "optimizer",
    "favicon",
    ".com)",
    ".com/",
    "://",
];

/// Names of devices and browsers of people; some hold a machine's word.
const PEOPLE: &[&str] = &[
    "cubot",
    "whatsapp-ios-webview",
    "telegram-android",
    "telegram-ios",
    "duckduckgo/",
    "ecosia",
    "bingsapphire",
    "bingweb",
    "gsa/",
    "yandexsearch",
    "yabrowser",
    "bidubrowser",
    "searchcraft",
    "newsapp",
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
    "Telegram-iOS",
    "Viber/",
    "MetaIAB",
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
    /// A guess from a request's headers; `lead` guesses from a `User-Agent`. Bytes that are no text are left out
    /// of it: phones are named in every alphabet.
    pub fn of(headers: &HeaderMap, lead: impl FnOnce(&str) -> Lead) -> Self {
        let agent = headers.get(USER_AGENT).map_or(&[][..], |value| value.as_bytes());
        let lead = lead(&String::from_utf8_lossy(agent));
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

/// Browsers of people say `Mozilla/`, `Opera/` or the like and none of the machines' words. Who says nothing, or
/// nothing that can be read, is met as a person; the page's beacon then tells whether somebody saw it.
fn is_machine(agent: &str) -> bool {
    let mut lower = agent.to_ascii_lowercase();
    let mut is_known = WEBVIEWS.iter().any(|name| agent.contains(name));
    for name in PEOPLE {
        if lower.contains(name) {
            is_known = true;
            lower = lower.replace(name, "");
        }
    }
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(MACHINES) {
        return true;
    }
    let is_browser =
        ["mozilla/", "opera/", "dalvik/", "ucweb", "naver("].iter().any(|name| lower.starts_with(name));
    if !is_browser {
        return agent.is_ascii() && agent.bytes().any(|b| b.is_ascii_alphanumeric());
    }
    // Only very old browsers of people call themselves compatible, and say with what.
    let is_compatible =
        lower.contains("compatible;") && !lower.contains("msie") && !lower.contains("konqueror");
    is_compatible || (!is_known && has(DOUBTFUL))
}

/// A page fetched or drawn ahead of time, in case somebody comes.
pub fn is_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.contains("prefetch") || value.contains("prerender") || value.contains("preview")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn visitor(agent: Option<&[u8]>) -> Visitor {
        let mut headers = HeaderMap::new();
        if let Some(agent) = agent {
            headers.insert(USER_AGENT, HeaderValue::from_bytes(agent).unwrap());
        }
        Visitor::of(&headers, lead)
    }

    #[test]
    fn who_says_nothing_that_can_be_read_is_met_as_a_person() {
        let other = Visitor { lead: Lead::Other, is_machine: false };
        for agent in [None, Some(&b""[..]), Some(b"-"), Some(b"\xff\xfe\xe9"), Some(b"N\xe4vigateur 3")] {
            assert_eq!(visitor(agent), other, "{agent:?}");
        }
        let named =
            b"Mozilla/5.0 (Linux; Android 14; T\xc3\xa9l\xe9phone) AppleWebKit/537.36 Chrome/126.0.0.0";
        assert_eq!(visitor(Some(named)), Visitor { lead: Lead::Android, is_machine: false });
        assert!(visitor(Some(b"Caf\xe9bot/1.0")).is_machine);
    }
}
