//! The settings as people read about them.

/// One row of the README's table of settings: name, default, meaning. The environment's name of a setting is
/// `PRACTICE_LINKS_` and the name in capitals, its levels joined by `__`.
pub type Setting = (&'static str, &'static str, &'static str);

/// Every setting there is; a test holds it against [`super::Config`] and against the README.
pub const SETTINGS: &[Setting] = &[
    (
        "environment",
        "development",
        "`development` or `production`; the latter refuses development conveniences",
    ),
    ("listen", "127.0.0.1:8080", "address and port of the HTTP listener"),
    (
        "public_url",
        "`http://` + `listen`",
        "what links, text messages and e-mails point at; https in production",
    ),
    ("data_dir", "data", "where SQLite's file and the keys live"),
    ("keys_file", "`data_dir`/keys.json", "signing keys and code secrets; several instances share one file"),
    ("trusted_proxies", "none", "networks whose `X-Forwarded-For` is believed, e.g. `10.0.0.0/8,::1/128`"),
    ("database.url", "`sqlite:`+`data_dir`+`/practice-links.db`", "`sqlite:PATH` or `postgres://…`"),
    ("database.pool_size", "16", "connections kept; as many requests use the database at once"),
    ("limits.scale", "1", "multiplies every budget, for load tests; refused in production"),
    ("limits.number_10min", "4", "messages to one number in 10 minutes"),
    ("limits.number_day", "10", "messages to one number in 24 hours"),
    ("limits.ip_10min", "10", "new verifications from one address (IPv6: /64) in 10 minutes"),
    ("limits.practice_10min", "120", "messages on one practice's behalf in 10 minutes"),
    ("limits.country_10min", "600", "messages to one country in 10 minutes"),
    ("verification.countries", "US,CA", "countries that are texted and called (ISO 3166-1 alpha-2)"),
    ("verification.default_region", "US", "region of a number written without `+`"),
    ("verification.code_seconds", "600", "lifetime of a code"),
    ("verification.session_seconds", "1800", "lifetime of a verification session"),
    ("verification.proof_seconds", "600", "lifetime of a phone proof"),
    ("verification.checks", "5", "checks a session"),
    ("verification.number_checks", "10", "wrong codes a number in 24 hours before waits begin"),
    ("verification.resend_seconds", "30,60,120,300", "wait after the first, second, … message of a session"),
    ("verification.voice_after_seconds", "60", "from the first SMS until a call is offered"),
    (
        "mail.smtp_url",
        "none: caught in `/dev`",
        "`smtp://HOST:PORT` (plain, loopback), `smtp+starttls://…` or `smtps://USER:PASSWORD@HOST`",
    ),
    ("mail.from", "Practice Links <no-reply@localhost>", "sender of e-mails"),
    (
        "sms.provider",
        "development",
        "`development` catches texts and calls in `/dev`; real providers come with issue 4",
    ),
    ("app.name", "Practice Messenger", "the app's name, as the landing page says it"),
    ("app.app_store_url", "https://apps.apple.com/app/id0000000000", "where the App Store button leads"),
    ("app.play_package", "com.example.messenger", "Android package: Play link and `assetlinks.json`"),
    (
        "app.open_url",
        "none",
        "origin of a second host that leads here too: \"open the app\" points at it, since a tap on a page's own domain opens no app on iOS",
    ),
    (
        "app.app_store_badge",
        "none: a plain button",
        "file with the App Store's official badge (SVG or PNG, at most 12 KiB)",
    ),
    ("app.google_play_badge", "none: a plain button", "the same for Google Play"),
    ("app.apple_app_ids", "none", "`TEAMID.bundle` of every app, for `apple-app-site-association`"),
    (
        "app.android_fingerprints",
        "none",
        "SHA-256 fingerprints of the signing certificates, for `assetlinks.json`",
    ),
    ("server.workers", "2", "HTTP worker threads"),
    ("server.body_timeout_seconds", "10", "how long a request's body may take to arrive"),
    ("server.shutdown_seconds", "30", "how long running requests may take after SIGTERM"),
    (
        "log.level",
        "info",
        "`error`, `warn`, `info`, `debug` or `trace` for the house's own records; libraries stay at `warn`",
    ),
];
