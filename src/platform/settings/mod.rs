//! Settings: those that rules and the platform need ([`Settings`]), and the machinery that reads any of them.
//!
//! A setting is declared once, as a field: its type, its default, the checks of its value, and in its comment
//! what it means. Everything else follows: its name in the file and in the environment ([`Source`]), the
//! operator's page and the example file (`practice-links settings`), and the line that refuses a wrong value.
//! `confique` derives the declaration's description, the optional fields of a layer and the checks; the
//! environment's names are derived from the path instead of being written at each field, because 60 repeated
//! paths could differ from theirs. Weighed: `config` keeps no description and no default of a field, so each
//! was in five places; `figment` reads a variable that looks like a number as one, and loses the plus of
//! +1415…; `schematic` has both, and a validator, terminal colors and merge strategies that we do not use.
//!
//! The struct of all settings is `app::Settings`: it is read once, and joins these with those of `delivery`,
//! which a lower layer must not know. What a provider needs is declared in that provider's folder.
//!
//! # Adding a setting
//!
//! 1. Add the field to the struct of its section: here, or in `delivery` where only a provider needs it. Its
//!    comment ends with `Default: …` where the default is computed or needs words, and with an
//!    `` Example: `…` `` (as in a TOML file) where there is no default.
//! 2. Run `cargo run -- settings markdown > docs/settings.md` and
//!    `cargo run -- settings toml > docs/practice-links.example.toml`. A test compares both.

mod app;
mod lenient;
pub mod reference;
mod source;

pub use app::App;
pub use source::Source;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::Uri;
use confique::Config;
use ipnet::IpNet;
use serde::Deserialize;

use crate::kit::phone;

/// Development shows messages on `/dev`; production refuses every setting that is only for development.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// One machine, messages caught, keys created on the first start.
    Development,
    /// Serves real patients over HTTPS.
    Production,
}

/// A start refused because of an invalid setting, on one line.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct BadSetting {
    /// The path of the setting, e.g. `database.url`.
    pub setting: String,
    /// The reason, which continues the line after the name.
    pub problem: String,
}

impl BadSetting {
    pub fn new(setting: &str, problem: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), problem: problem.into() }
    }
}

/// The service itself. [`Settings::complete`] fills what depends on other settings, so that readers never
/// meet a gap.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// `development` or `production`; production refuses settings that are only for development.
    #[config(default = "development")]
    pub environment: Environment,
    /// Address and port of the HTTP listener.
    #[config(default = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Base URL in links, text messages and e-mails; must be https in production.
    /// Default: `http://` and `listen`. Example: `"https://links.example.org"`
    #[config(default = "", validate = is_public_url)]
    pub public_url: String,
    /// Folder of the SQLite database and the key file.
    #[config(default = "data")]
    pub data_dir: PathBuf,
    /// Signing keys and code secrets; several instances share one file.
    /// Default: `keys.json` in `data_dir`. Example: `"data/keys.json"`
    #[config(default = "")]
    pub keys_file: PathBuf,
    /// Networks whose `X-Forwarded-For` is trusted. Example: `["10.0.0.0/8", "::1/128"]`
    #[config(default = [])]
    pub trusted_proxies: Vec<IpNet>,
    #[config(nested)]
    pub database: Database,
    #[config(nested)]
    pub limits: Limits,
    #[config(nested)]
    pub verification: Verification,
    #[config(nested)]
    pub webhooks: Webhooks,
    #[config(nested)]
    pub outbox: Outbox,
    #[config(nested)]
    pub app: App,
    #[config(nested)]
    pub server: Server,
    #[config(nested)]
    pub log: Log,
}

/// SQLite in a file of its own, or PostgreSQL, which several instances share.
#[derive(Debug, Clone, Config)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    /// Default: `practice-links.db` in `data_dir`. Example: `"sqlite:data/practice-links.db"`
    #[config(default = "")]
    pub url: String,
    /// Database connections; as many requests use the database in parallel.
    #[config(default = 16, validate = at_least_one)]
    pub pool_size: u32,
}

/// Rate limits: how many messages may be sent, to whom and for whom.
#[derive(Debug, Clone, Config)]
pub struct Limits {
    /// Multiplies every rate limit, for load tests; refused in production.
    #[config(default = 1.0, validate(*scale > 0.0, "must be greater than 0"))]
    pub scale: f64,
    /// Messages to one number per 10 minutes.
    #[config(default = 4, validate = at_least_one)]
    pub number_10min: u32,
    /// Messages to one number per 24 hours.
    #[config(default = 10, validate = at_least_one)]
    pub number_day: u32,
    /// New verifications from one IP address (IPv6: /64) per 10 minutes; texts with the app link have a
    /// separate limit of the same size (IPv6: /56).
    #[config(default = 10, validate = at_least_one)]
    pub ip_10min: u32,
    /// Messages for one practice per 10 minutes; texts with the app link have a separate limit of a quarter
    /// of this.
    #[config(default = 120, validate = at_least_one)]
    pub practice_10min: u32,
    /// Messages to one country per 10 minutes; texts with the app link have a separate limit of a quarter of
    /// this.
    #[config(default = 600, validate = at_least_one)]
    pub country_10min: u32,
}

/// Proving a phone number with a code.
#[derive(Debug, Clone, Config)]
pub struct Verification {
    /// Countries whose numbers are texted and called (ISO 3166-1 alpha-2).
    #[config(default = ["US", "CA"], validate = are_countries)]
    pub countries: Vec<String>,
    /// Country assumed for a number written without `+`.
    #[config(default = "US", validate = is_country)]
    pub default_region: String,
    /// Lifetime of a code.
    #[config(default = 600, validate = at_least_one)]
    pub code_seconds: u64,
    /// Lifetime of a verification session.
    #[config(default = 1800, validate = at_least_one)]
    pub session_seconds: u64,
    /// Lifetime of a phone proof.
    #[config(default = 600, validate = at_least_one)]
    pub proof_seconds: u64,
    /// Code checks per session.
    #[config(default = 5, validate = at_least_one)]
    pub checks: i32,
    /// Wrong codes per number in 24 hours before waits begin.
    #[config(default = 10, validate = at_least_one)]
    pub number_checks: i32,
    /// Wait after the first, second, … message of a session; the last value applies to all later ones.
    #[config(default = [30, 60, 120, 300])]
    pub resend_seconds: Vec<u64>,
    /// Seconds from the first SMS until a call is offered.
    #[config(default = 60)]
    pub voice_after_seconds: u64,
}

/// Signed calls to the practices' own servers.
#[derive(Debug, Clone, Config)]
pub struct Webhooks {
    /// Allows webhooks to plain HTTP and private addresses, for development; refused in production.
    #[config(default = false)]
    pub allow_private: bool,
}

/// How fast queued messages leave, per instance.
#[derive(Debug, Clone, Config)]
pub struct Outbox {
    /// Texts sent in parallel.
    #[config(default = 4, validate = at_least_one)]
    pub sms_threads: u32,
    /// Texts per second.
    #[config(default = 10, validate = at_least_one)]
    pub sms_per_second: u32,
    /// Calls placed in parallel.
    #[config(default = 1, validate = at_least_one)]
    pub voice_threads: u32,
    /// Calls per second.
    #[config(default = 1, validate = at_least_one)]
    pub voice_per_second: u32,
    /// E-mails sent in parallel.
    #[config(default = 2, validate = at_least_one)]
    pub email_threads: u32,
    /// E-mails per second.
    #[config(default = 10, validate = at_least_one)]
    pub email_per_second: u32,
    /// Webhooks sent in parallel.
    #[config(default = 2, validate = at_least_one)]
    pub webhook_threads: u32,
    /// Webhooks per second.
    #[config(default = 20, validate = at_least_one)]
    pub webhook_per_second: u32,
    /// Background jobs run in parallel.
    #[config(default = 2, validate = at_least_one)]
    pub task_threads: u32,
}

/// The HTTP server.
#[derive(Debug, Clone, Config)]
pub struct Server {
    /// HTTP worker threads.
    #[config(default = 2, validate = at_least_one)]
    pub workers: usize,
    /// How long a request's body may take to arrive.
    #[config(default = 10, validate = at_least_one)]
    pub body_timeout_seconds: u64,
    /// How long running requests may take after SIGTERM.
    #[config(default = 30)]
    pub shutdown_seconds: u64,
}

/// Log records, one JSON object per line.
#[derive(Debug, Clone, Config)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace` for our own log records; libraries stay at `warn`.
    #[config(default = "info")]
    pub level: Level,
}

/// Verbosity of our own log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Verification {
    /// Lifetime of a verification code.
    pub fn code_life(&self) -> Duration {
        Duration::from_secs(self.code_seconds)
    }

    /// Lifetime of a session, regardless of how many codes were sent.
    pub fn session_life(&self) -> Duration {
        Duration::from_secs(self.session_seconds)
    }

    /// Time in which a phone proof can be exchanged for an account or a session.
    pub fn proof_life(&self) -> Duration {
        Duration::from_secs(self.proof_seconds)
    }

    /// Returns the wait after the `sends`-th message of a session; the last value applies to all later ones.
    pub fn resend_wait(&self, sends: i32) -> Duration {
        let index = usize::try_from(sends.saturating_sub(1)).unwrap_or(0);
        let seconds = self.resend_seconds.get(index).or(self.resend_seconds.last());
        Duration::from_secs(seconds.copied().unwrap_or(300))
    }
}

impl Settings {
    /// Fills the settings that depend on others.
    #[must_use]
    pub fn complete(mut self) -> Self {
        if self.public_url.is_empty() {
            self.public_url = format!("http://{}", self.listen);
        }
        self.public_url.truncate(self.public_url.trim_end_matches('/').len());
        if self.keys_file.as_os_str().is_empty() {
            self.keys_file = self.data_dir.join("keys.json");
        }
        if self.database.url.is_empty() {
            self.database.url = format!("sqlite:{}", self.data_dir.join("practice-links.db").display());
        }
        self.verification.countries.iter_mut().for_each(|country| country.make_ascii_uppercase());
        self.app.open_url.truncate(self.app.open_url.trim_end_matches('/').len());
        self
    }

    /// Refuses settings that are only for development.
    pub fn check_production(&self) -> Result<(), BadSetting> {
        if !self.public_url.starts_with("https://") {
            return Err(BadSetting::new("public_url", "must be https in production"));
        }
        if (self.limits.scale - 1.0).abs() > f64::EPSILON {
            return Err(BadSetting::new("limits.scale", "is only for load tests and refused in production"));
        }
        if self.webhooks.allow_private {
            return Err(BadSetting::new("webhooks.allow_private", "is refused in production"));
        }
        Ok(())
    }

    /// Returns whether `/dev` exists.
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }

    /// Returns the host of the public URL without its port, as the last line of a text message needs it.
    pub fn public_domain(&self) -> &str {
        let host = self.public_host();
        match host.rsplit_once(':') {
            Some((domain, port)) if port.bytes().all(|b| b.is_ascii_digit()) => domain,
            _ => host,
        }
    }

    /// Returns the host of the public URL, with its port unless that is the default of the scheme.
    pub fn public_host(&self) -> &str {
        self.public_url.split_once("://").map_or("", |(_, host)| host)
    }
}

fn at_least_one<T: PartialOrd + From<u8>>(number: &T) -> Result<(), &'static str> {
    if *number < T::from(1) { Err("must be at least 1") } else { Ok(()) }
}

fn is_public_url<T: AsRef<str>>(url: &T) -> Result<(), &'static str> {
    let url = url.as_ref();
    if url.is_empty() {
        return Ok(());
    }
    let uri: Uri = url.parse().map_err(|_| "is not a URL")?;
    if uri.host().is_none_or(str::is_empty) || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must start with http:// or https:// and name a host");
    }
    if uri.path().trim_end_matches('/').is_empty() && uri.query().is_none() {
        Ok(())
    } else {
        Err("must be a bare origin, without path or query")
    }
}

fn is_country<T: AsRef<str>>(code: &T) -> Result<(), String> {
    match phone::is_region(code.as_ref()) {
        true => Ok(()),
        false => Err(format!("`{}` is not a country (two letters, such as US)", code.as_ref())),
    }
}

fn are_countries<T: AsRef<[String]>>(codes: &T) -> Result<(), String> {
    codes.as_ref().iter().try_for_each(is_country)
}
