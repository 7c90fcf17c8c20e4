//! The documented list of settings.

/// A row of the settings table in the README: name, default, meaning. The environment variable of a setting
/// is `PRACTICE_LINKS_` and the name in capitals, its levels joined by `__`.
pub type Setting = (&'static str, &'static str, &'static str);

/// All settings; a test compares them with [`super::Settings`] and with the README.
pub const SETTINGS: &[Setting] = &[
    (
        "environment",
        "development",
        "`development` or `production`; production refuses settings that are only for development",
    ),
    ("listen", "127.0.0.1:8080", "address and port of the HTTP listener"),
    (
        "public_url",
        "`http://` + `listen`",
        "base URL in links, text messages and e-mails; must be https in production",
    ),
    ("data_dir", "data", "folder of the SQLite database and the key file"),
    ("keys_file", "`data_dir`/keys.json", "signing keys and code secrets; several instances share one file"),
    ("trusted_proxies", "none", "networks whose `X-Forwarded-For` is trusted, e.g. `10.0.0.0/8,::1/128`"),
    ("database.url", "`sqlite:`+`data_dir`+`/practice-links.db`", "`sqlite:PATH` or `postgres://…`"),
    ("database.pool_size", "16", "database connections; as many requests use the database in parallel"),
    ("limits.scale", "1", "multiplies every rate limit, for load tests; refused in production"),
    ("limits.number_10min", "4", "messages to one number per 10 minutes"),
    ("limits.number_day", "10", "messages to one number per 24 hours"),
    (
        "limits.ip_10min",
        "10",
        "new verifications from one IP address (IPv6: /64) per 10 minutes; texts with the app link have a \
         separate limit of the same size (IPv6: /56)",
    ),
    (
        "limits.practice_10min",
        "120",
        "messages for one practice per 10 minutes; texts with the app link have a separate limit of a \
         quarter of this",
    ),
    (
        "limits.country_10min",
        "600",
        "messages to one country per 10 minutes; texts with the app link have a separate limit of a \
         quarter of this",
    ),
    ("verification.countries", "US,CA", "countries whose numbers are texted and called (ISO 3166-1 alpha-2)"),
    ("verification.default_region", "US", "region assumed for a number written without `+`"),
    ("verification.code_seconds", "600", "lifetime of a code"),
    ("verification.session_seconds", "1800", "lifetime of a verification session"),
    ("verification.proof_seconds", "600", "lifetime of a phone proof"),
    ("verification.checks", "5", "code checks per session"),
    ("verification.number_checks", "10", "wrong codes per number in 24 hours before waits begin"),
    ("verification.resend_seconds", "30,60,120,300", "wait after the first, second, … message of a session"),
    ("verification.voice_after_seconds", "60", "seconds from the first SMS until a call is offered"),
    (
        "mail.smtp_url",
        "none: caught in `/dev`",
        "`smtp://HOST:PORT` (plain, loopback), `smtp+starttls://…` or `smtps://USER:PASSWORD@HOST`",
    ),
    (
        "mail.ca_file",
        "none: public authorities only",
        "PEM file with the mail server's certificate authority, if you run your own",
    ),
    ("mail.from", "Practice Links <no-reply@localhost>", "sender of e-mails"),
    (
        "mail.dkim_key_file",
        "none: unsigned",
        "PEM file with the private key (Ed25519 in PKCS#8; RSA of 2,048 bits or more in PKCS#8 or PKCS#1) \
         that signs e-mails for the domain of `mail.from`",
    ),
    ("mail.dkim_selector", "links", "the key's name in the DNS: `SELECTOR._domainkey.DOMAIN`"),
    (
        "mail.events_secret",
        "none: refused",
        "`whsec_…` that signs `POST /v1/callbacks/mail-events` (Standard Webhooks)",
    ),
    (
        "sms.provider",
        "development",
        "`twilio`, `kannel`, or `development`, which shows texts and calls in `/dev` instead of sending them",
    ),
    ("sms.fallback", "none", "provider that takes over when the first one fails; same values"),
    ("twilio.base_url", "https://api.twilio.com", "origin of Twilio's API, or of a compatible one"),
    ("twilio.account_sid", "none", "`AC…`"),
    ("twilio.auth_token", "none", "account token: authenticates requests and verifies callbacks"),
    (
        "twilio.signing_key",
        "none: SHA-1 with the token",
        "shared key, if callbacks are signed with HMAC-SHA256 instead",
    ),
    ("twilio.from", "none", "number (E.164) that texts come from, or a messaging service `MG…`"),
    ("twilio.voice_from", "`twilio.from`", "number that calls come from"),
    ("kannel.url", "none", "origin of Kannel's smsbox, e.g. `http://127.0.0.1:13013`"),
    ("kannel.username", "none", "name of Kannel's `sendsms-user`"),
    ("kannel.password", "none", "password of that user"),
    ("kannel.from", "none", "number or short code that texts come from"),
    (
        "kannel.callback_url",
        "`public_url`",
        "origin at which Kannel reaches this service, for delivery receipts and inbound texts",
    ),
    (
        "webhooks.allow_private",
        "false",
        "allows webhooks to plain HTTP and private addresses, for development; refused in production",
    ),
    ("outbox.sms_threads", "4", "texts sent in parallel per instance"),
    ("outbox.sms_per_second", "10", "texts per second per instance"),
    ("outbox.voice_threads", "1", "calls placed in parallel per instance"),
    ("outbox.voice_per_second", "1", "calls per second per instance"),
    ("outbox.email_threads", "2", "e-mails sent in parallel per instance"),
    ("outbox.email_per_second", "10", "e-mails per second per instance"),
    ("outbox.webhook_threads", "2", "webhooks sent in parallel per instance"),
    ("outbox.webhook_per_second", "20", "webhooks per second per instance"),
    ("outbox.task_threads", "2", "background jobs run in parallel per instance"),
    ("app.name", "Practice Messenger", "name of the app on the landing page"),
    ("app.app_store_url", "https://apps.apple.com/app/id0000000000", "URL of the App Store button"),
    ("app.play_package", "com.example.messenger", "Android package: Play link and `assetlinks.json`"),
    (
        "app.open_url",
        "none",
        "origin of a second host that also serves this service: \"open the app\" links to it, since a link \
         to the page's own domain does not open an app on iOS",
    ),
    (
        "app.app_store_badge",
        "none: a plain button",
        "file with the official App Store badge (SVG or PNG, at most 12 KiB)",
    ),
    ("app.google_play_badge", "none: a plain button", "file with the official Google Play badge"),
    ("app.apple_app_ids", "none", "`TEAMID.bundle` of every app, for `apple-app-site-association`"),
    ("app.app_clips", "none", "`TEAMID.bundle` of every App Clip, for the same file"),
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
        "`error`, `warn`, `info`, `debug` or `trace` for our own log records; libraries stay at `warn`",
    ),
];
