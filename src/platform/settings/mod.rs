//! All settings, one struct per concern. The file is TOML, the environment overrides it, and an invalid
//! setting stops the start with one line that names it. [`SETTINGS`] is the settings table in the README.

mod app;
mod defaults;
mod delivery;
mod table;

pub use delivery::{Kannel, Mail, Outbox, Sms, SmsProviderName, Twilio, Webhooks};
pub use table::{SETTINGS, Setting};

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Development shows messages on `/dev`; production refuses every setting that is only for development.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// All settings. [`Settings::load`] fills the optional ones, so that readers never meet a gap.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub environment: Environment,
    pub listen: SocketAddr,
    pub public_url: String,
    pub data_dir: PathBuf,
    pub keys_file: PathBuf,
    pub trusted_proxies: Vec<IpNet>,
    pub database: Database,
    pub limits: Limits,
    pub verification: Verification,
    pub mail: Mail,
    pub sms: Sms,
    pub twilio: Twilio,
    pub kannel: Kannel,
    pub webhooks: Webhooks,
    pub outbox: Outbox,
    pub app: App,
    pub server: Server,
    pub log: Log,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub pool_size: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub scale: f64,
    pub number_10min: u32,
    pub number_day: u32,
    pub ip_10min: u32,
    pub practice_10min: u32,
    pub country_10min: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verification {
    pub countries: Vec<String>,
    pub default_region: String,
    pub code_seconds: u64,
    pub session_seconds: u64,
    pub proof_seconds: u64,
    pub checks: i32,
    pub number_checks: i32,
    pub resend_seconds: Vec<u64>,
    pub voice_after_seconds: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    pub name: String,
    pub app_store_url: String,
    pub play_package: String,
    pub open_url: String,
    pub app_store_badge: Option<PathBuf>,
    pub google_play_badge: Option<PathBuf>,
    pub apple_app_ids: Vec<String>,
    pub app_clips: Vec<String>,
    pub android_fingerprints: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub workers: usize,
    pub body_timeout_seconds: u64,
    pub shutdown_seconds: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: Level,
}

/// Verbosity of our own log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Reads `file` (or `practice-links.toml`, if it exists) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, BadSetting> {
        let base = config::Config::builder();
        let base = match file {
            Some(path) => base.add_source(config::File::from(path).format(config::FileFormat::Toml)),
            None => base.add_source(
                config::File::new("practice-links.toml", config::FileFormat::Toml).required(false),
            ),
        };
        let mut base = base.add_source(environment());
        for (setting, list) in lists_of_environment() {
            base = base.set_override(setting, list).map_err(|e| bad_setting(&e))?;
        }
        let raw = base.build().map_err(|e| bad_setting(&e))?;
        let parsed: Self = raw.try_deserialize().map_err(|e| bad_setting(&e))?;
        parsed.complete()
    }

    /// Fills the settings that depend on others, and validates all of them.
    pub fn complete(mut self) -> Result<Self, BadSetting> {
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
        self.app.open_url.truncate(self.app.open_url.trim_end_matches('/').len());
        self.drop_empty_secrets();
        self.check()?;
        self.check_events_secret()?;
        self.app.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), BadSetting> {
        let uri: Uri = self.public_url.parse().map_err(|_| BadSetting::new("public_url", "is not a URL"))?;
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(BadSetting::new("public_url", "must start with http:// or https:// and name a host"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(BadSetting::new("public_url", "must be a bare origin, without path or query"));
        }
        if self.limits.scale.is_nan() || self.limits.scale <= 0.0 {
            return Err(BadSetting::new("limits.scale", "must be greater than 0"));
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), BadSetting> {
        let positive = [
            ("database.pool_size", u64::from(self.database.pool_size)),
            ("server.workers", self.server.workers as u64),
            ("server.body_timeout_seconds", self.server.body_timeout_seconds),
            ("verification.code_seconds", self.verification.code_seconds),
            ("verification.session_seconds", self.verification.session_seconds),
            ("verification.proof_seconds", self.verification.proof_seconds),
            ("verification.checks", u64::try_from(self.verification.checks).unwrap_or(0)),
            ("verification.number_checks", u64::try_from(self.verification.number_checks).unwrap_or(0)),
            ("limits.number_10min", u64::from(self.limits.number_10min)),
            ("limits.number_day", u64::from(self.limits.number_day)),
            ("limits.ip_10min", u64::from(self.limits.ip_10min)),
            ("limits.practice_10min", u64::from(self.limits.practice_10min)),
            ("limits.country_10min", u64::from(self.limits.country_10min)),
            ("outbox.sms_threads", u64::from(self.outbox.sms_threads)),
            ("outbox.sms_per_second", u64::from(self.outbox.sms_per_second)),
            ("outbox.voice_threads", u64::from(self.outbox.voice_threads)),
            ("outbox.voice_per_second", u64::from(self.outbox.voice_per_second)),
            ("outbox.email_threads", u64::from(self.outbox.email_threads)),
            ("outbox.email_per_second", u64::from(self.outbox.email_per_second)),
            ("outbox.webhook_threads", u64::from(self.outbox.webhook_threads)),
            ("outbox.webhook_per_second", u64::from(self.outbox.webhook_per_second)),
            ("outbox.task_threads", u64::from(self.outbox.task_threads)),
        ];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(BadSetting::new(name, "must be at least 1")),
            None => Ok(()),
        }
    }

    /// Refuses settings that are only for development. Called by `serve`, not by preparing commands.
    pub fn check_environment(&self) -> Result<(), BadSetting> {
        if self.is_development() {
            return Ok(());
        }
        if !self.public_url.starts_with("https://") {
            return Err(BadSetting::new("public_url", "must be https in production"));
        }
        if (self.limits.scale - 1.0).abs() > f64::EPSILON {
            return Err(BadSetting::new("limits.scale", "is only for load tests and refused in production"));
        }
        self.check_delivery()?;
        if !self.keys_file.is_file() {
            return Err(BadSetting::new(
                "keys_file",
                "does not exist; create it with `practice-links admin keys rotate`",
            ));
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

/// Settings that are comma-separated lists in the environment.
const LISTS: [&str; 6] = [
    "trusted_proxies",
    "verification.countries",
    "verification.resend_seconds",
    "app.apple_app_ids",
    "app.app_clips",
    "app.android_fingerprints",
];

/// Strings stay strings: the library's own parsing would read the plus of a phone number as a sign, and
/// drop the leading zeros of a password.
fn environment() -> config::Environment {
    config::Environment::with_prefix("PRACTICE_LINKS")
        .prefix_separator("_")
        .separator("__")
        .ignore_empty(true)
}

fn lists_of_environment() -> Vec<(&'static str, Vec<String>)> {
    let read = |setting: &'static str| {
        let name = format!("PRACTICE_LINKS_{}", setting.replace('.', "__").to_ascii_uppercase());
        let value = std::env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())?;
        Some((setting, value.split(',').map(str::to_owned).collect()))
    };
    LISTS.into_iter().filter_map(read).collect()
}

/// The library's message already names the key if it knows one; one line, and only its first level.
fn bad_setting(error: &config::ConfigError) -> BadSetting {
    let text = error.to_string().replace('\n', " ");
    match text.rsplit_once("for key `").and_then(|(head, tail)| Some((head, tail.split_once('`')?.0))) {
        Some((head, key)) => BadSetting::new(key, head.trim()),
        None => BadSetting::new("configuration", text),
    }
}
