//! Default settings: those of the development service that the first command starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{
    App, Database, Environment, Kannel, Level, Limits, Log, Mail, Outbox, Server, Settings, Sms,
    SmsProviderName, Twilio, Verification, Webhooks,
};

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            data_dir: PathBuf::from("data"),
            keys_file: PathBuf::new(),
            trusted_proxies: Vec::new(),
            database: Database::default(),
            limits: Limits::default(),
            verification: Verification::default(),
            mail: Mail::default(),
            sms: Sms::default(),
            twilio: Twilio::default(),
            kannel: Kannel::default(),
            webhooks: Webhooks::default(),
            outbox: Outbox::default(),
            app: App::default(),
            server: Server::default(),
            log: Log { level: Level::Info },
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), pool_size: 16 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scale: 1.0,
            number_10min: 4,
            number_day: 10,
            ip_10min: 10,
            practice_10min: 120,
            country_10min: 600,
        }
    }
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            countries: vec!["US".into(), "CA".into()],
            default_region: "US".into(),
            code_seconds: 600,
            session_seconds: 1800,
            proof_seconds: 600,
            checks: 5,
            number_checks: 10,
            resend_seconds: vec![30, 60, 120, 300],
            voice_after_seconds: 60,
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp_url: None,
            ca_file: None,
            from: "Practice Links <no-reply@localhost>".into(),
            dkim_key_file: None,
            dkim_selector: "links".into(),
            events_secret: None,
        }
    }
}

impl Default for Sms {
    fn default() -> Self {
        Self { provider: SmsProviderName::Development.as_str().to_owned(), fallback: None }
    }
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            base_url: "https://api.twilio.com".into(),
            account_sid: String::new(),
            auth_token: None,
            signing_key: None,
            from: String::new(),
            voice_from: String::new(),
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            sms_threads: 4,
            sms_per_second: 10,
            voice_threads: 1,
            voice_per_second: 1,
            email_threads: 2,
            email_per_second: 10,
            webhook_threads: 2,
            webhook_per_second: 20,
            task_threads: 2,
        }
    }
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: "Practice Messenger".into(),
            app_store_url: "https://apps.apple.com/app/id0000000000".into(),
            play_package: "com.example.messenger".into(),
            open_url: String::new(),
            app_store_badge: None,
            google_play_badge: None,
            apple_app_ids: Vec::new(),
            app_clips: Vec::new(),
            android_fingerprints: Vec::new(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { workers: 2, body_timeout_seconds: 10, shutdown_seconds: 30 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info }
    }
}
