//! Tests of the binary, as an operator uses it: start, README walkthrough, invalid settings, shutdown.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use practice_links::app::DECLARATIONS;
use practice_links::platform::db::{self, Db};
use practice_links::platform::settings::Database;
use practice_links::platform::settings::reference::{Setting, plain, sections};

/// A temporary folder, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("practice-links-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn binary(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_practice-links"));
    // The environment of the test run may hold settings of another server.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PRACTICE_LINKS_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments).envs(settings.iter().copied());
    command
}

fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    binary(folder, arguments, settings).output().unwrap()
}

/// A running server. It is killed when dropped.
struct Server {
    child: Child,
    address: String,
    banner: Vec<String>,
}

impl Server {
    fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = binary(folder, &[], settings);
        command.env("PRACTICE_LINKS_LISTEN", &address).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let banner = lines.take(4).map(Result::unwrap).collect();
        let server = Self { child, address, banner };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if self.request("GET /readyz HTTP/1.1", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("not ready");
    }

    /// Sends one request on a new connection.
    fn request(&self, head: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{head}\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(folder: &Path) -> Db {
    let url = format!("sqlite:{}", folder.join("data/practice-links.db").display());
    Db::new(&Database { url, pool_size: 1 }).unwrap()
}

fn execute(folder: &Path, statement: &str) {
    let run = |conn: &mut db::Conn| Ok(diesel::sql_query(statement).execute(conn)?);
    open(folder).write_blocking::<_, db::Error>(run).unwrap();
}

fn count(folder: &Path, table: &str) -> i64 {
    let db = open(folder);
    let query = format!("(SELECT count(*) FROM {table})");
    db.write_blocking(|conn| {
        Ok::<_, db::Error>(
            diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&query)).get_result(conn)?,
        )
    })
    .unwrap()
}

#[test]
fn first_start_needs_no_configuration() {
    let folder = Folder::new("first");
    let server = Server::start(&folder.0, &[]);
    assert!(server.banner[1].contains("/123456"), "{:?}", server.banner);
    assert!(server.banner[2].contains("/dev"));
    assert!(server.banner[3].contains("/docs"));
    let mode = fs::metadata(folder.0.join("data/keys.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let page = server.request("GET /123456 HTTP/1.1", "").unwrap();
    assert!(page.contains("Oak Street Family Medicine"), "{page}");
}

/// Runs the README's walk against a server; `phone` replaces its random number.
fn walk(server: &Server, phone: Option<&str>) -> Output {
    let readme = fs::read_to_string("README.md").unwrap();
    let walk = readme.split("```sh walk\n").nth(1).unwrap().split("```").next().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-c", walk]).env("URL", format!("http://{}", server.address)).env_remove("PHONE");
    bash.envs(phone.map(|phone| ("PHONE", phone))).output().unwrap()
}

/// A reader runs it twice: after an error, or with the same database the next day.
#[test]
fn readme_walkthrough_works_as_written_and_again() {
    let folder = Folder::new("walk");
    let server = Server::start(&folder.0, &[]);
    for _ in 0..2 {
        let output = walk(&server, None);
        let (said, asked) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}\n{asked}");
        assert!(said.contains("practice: Welcome to Oak Street Family Medicine."), "{said}");
        assert!(said.contains("\npatient: Hello"), "{said}");
        assert!(said.contains("A new patient connected"), "{said}");
        assert!(!said.contains("Rivera"), "{said}");
    }
}

#[test]
fn readme_walkthrough_stops_at_a_refusal_and_shows_it() {
    let folder = Folder::new("walk-refused");
    let server = Server::start(&folder.0, &[]);
    for (phone, code) in [("+18005551212", "phone_type_refused"), ("12345", "phone_invalid")] {
        let output = walk(&server, Some(phone));
        let asked = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && asked.contains(code), "{asked}");
    }
}

#[test]
fn invalid_setting_is_refused_in_one_line_that_names_it() {
    let folder = Folder::new("settings");
    let cases = [
        ("PRACTICE_LINKS_DATABASE__URL", "mysql://localhost/x", "database.url"),
        ("PRACTICE_LINKS_DATABASE__URL", "practice-links.db", "database.url"),
        ("PRACTICE_LINKS_LISTEN", "nowhere", "listen"),
        ("PRACTICE_LINKS_PUBLIC_URL", "ftp://example.org", "public_url"),
        ("PRACTICE_LINKS_DATABASE__POOL_SIZE", "0", "database.pool_size"),
        ("PRACTICE_LINKS_DATABASE__POOL_SIZE", "many", "database.pool_size"),
        ("PRACTICE_LINKS_TRUSTED_PROXIES", "10.0.0.0/99", "trusted_proxies"),
        ("PRACTICE_LINKS_ENVIRONMENT", "staging", "environment"),
        ("PRACTICE_LINKS_LIMITS__SCALE", "0", "limits.scale"),
        ("PRACTICE_LINKS_MAIL__SMTP_URL", "imap://example.org", "mail.smtp_url"),
        ("PRACTICE_LINKS_MAIL__EVENTS_SECRET", "secret", "mail.events_secret"),
        ("PRACTICE_LINKS_MAIL__EVENTS_SECRET", "whsec_", "mail.events_secret"),
        ("PRACTICE_LINKS_MAIL__EVENTS_SECRET", "whsec_no base64", "mail.events_secret"),
        ("PRACTICE_LINKS_SMS__PROVIDER", "pigeon", "sms.provider"),
        ("PRACTICE_LINKS_APP__APP_STORE_URL", "https://apps.example/id1,app-argument=x", "app.app_store_url"),
        ("PRACTICE_LINKS_APP__OPEN_URL", "open.example.org", "app.open_url"),
        ("PRACTICE_LINKS_APP__OPEN_URL", "https://open.example.org/there", "app.open_url"),
        ("PRACTICE_LINKS_APP__PLAY_PACKAGE", "messenger", "app.play_package"),
        (
            "PRACTICE_LINKS_APP__APPLE_APP_IDS",
            "com.example.messenger,TEAM123456.com.example",
            "app.apple_app_ids",
        ),
        ("PRACTICE_LINKS_APP__APP_CLIPS", "com.example.messenger.Clip", "app.app_clips"),
        ("PRACTICE_LINKS_APP__ANDROID_FINGERPRINTS", "14:6d:e9", "app.android_fingerprints"),
        ("PRACTICE_LINKS_APP__APP_STORE_BADGE", "nowhere.svg", "app.app_store_badge"),
        (
            "PRACTICE_LINKS_LISTNE",
            "127.0.0.1:1",
            "listne: is not a setting; did you mean PRACTICE_LINKS_LISTEN?",
        ),
        ("PRACTICE_LINKS_DATABASE_URL", "sqlite:x", "PRACTICE_LINKS_DATABASE__URL (two underscores after"),
        ("PRACTICE_LINKS_SMTP_URL", "smtp://x", "did you mean PRACTICE_LINKS_MAIL__SMTP_URL"),
        (
            "PRACTICE_LINKS_UNHEARD_OF",
            "x",
            "unheard_of: is not a setting; `practice-links settings toml` prints",
        ),
        ("PRACTICE_LINKS_ENVIRONMENT", "prod", "environment: must be `development` or `production`"),
        ("PRACTICE_LINKS_LOG__LEVEL", "loud", "log.level: must be one of `error`, `warn`"),
        (
            "PRACTICE_LINKS_LISTEN",
            "8080",
            "listen: invalid socket address syntax, for example 127.0.0.1:8080",
        ),
        ("PRACTICE_LINKS_VERIFICATION__COUNTRIES", "us,XX", "verification.countries: `XX` is not a country"),
        ("PRACTICE_LINKS_VERIFICATION__DEFAULT_REGION", "U", "verification.default_region: `U` is not"),
        ("PRACTICE_LINKS_VERIFICATION__CHECKS", "-1", "verification.checks: must be at least 1"),
        ("PRACTICE_LINKS_WEBHOOKS__ALLOW_PRIVATE", "maybe", "webhooks.allow_private: must be true or false"),
        ("PRACTICE_LINKS_DATA_DIR", "/proc/nowhere", "data_dir: /proc/nowhere"),
    ];
    for (variable, value, named) in cases {
        let output = run(&folder.0, &[], &[("PRACTICE_LINKS_LISTEN", "127.0.0.1:0"), (variable, value)]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{variable}={value} was accepted");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(named), "{variable}={value}: {said}");
    }
}

#[test]
fn wrong_file_is_refused_without_its_values() {
    let folder = Folder::new("wrong-file");
    for (toml, named) in [
        ("databse.url = 'sqlite:hunter2'", "databse.url: is not a setting; did you mean `database.url`?"),
        ("database = 'hunter2'", "database: is not a setting"),
        ("listen = '127.0.0.1:0'\nmail.smtp_url = 'hunter2", "practice-links.toml: line 2: "),
        (
            "kannel.password = ['hunter2']",
            "kannel.password: must be text in quotes, for example replace-this",
        ),
        ("database.pool_size = 'hunter2'", "database.pool_size: must be a whole number, for example 16"),
    ] {
        fs::write(folder.0.join("practice-links.toml"), toml).unwrap();
        let output = run(&folder.0, &["migrate"], &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.lines().count() == 1, "{toml}: {said}");
        assert!(said.contains(named) && !said.contains("hunter2"), "{toml}: {said}");
    }
    let output = run(&folder.0, &["migrate", "--config", "elsewhere.toml"], &[]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("elsewhere.toml: No such file"));
}

#[test]
fn settings_page_and_example_file_are_as_printed() {
    for (format, path) in [("markdown", "docs/settings.md"), ("toml", "docs/practice-links.example.toml")] {
        let output = run(Path::new("."), &["settings", format], &[]);
        let (printed, kept) = (String::from_utf8(output.stdout).unwrap(), fs::read_to_string(path).unwrap());
        assert!(printed == kept, "{path} is old: practice-links settings {format} > {path}");
    }
}

#[test]
fn every_setting_can_be_set_in_the_file_and_in_the_environment() {
    let folder = Folder::new("all-settings");
    for badge in ["app-store.svg", "google-play.png"] {
        fs::write(folder.0.join(badge), "a picture").unwrap();
    }
    let example = fs::read_to_string("docs/practice-links.example.toml").unwrap();
    let is_setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" = ");
    let uncommented: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix('#').filter(|line| is_setting(line)).unwrap_or(line))
        .collect();
    fs::write(folder.0.join("all.toml"), uncommented.join("\n")).unwrap();
    let settings: Vec<Setting> =
        sections(&DECLARATIONS).into_iter().flat_map(|section| section.settings).collect();
    assert_eq!(uncommented.iter().filter(|line| is_setting(line)).count(), settings.len());
    let variables: Vec<(String, String)> =
        settings.iter().map(|it| (it.variable(), plain(it.sample().unwrap()))).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for output in
        [run(&folder.0, &["migrate", "--config", "all.toml"], &[]), run(&folder.0, &["migrate"], &variables)]
    {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn phone_setting_in_the_environment_keeps_its_plus() {
    let folder = Folder::new("plus");
    let settings = [
        ("PRACTICE_LINKS_KANNEL__CALLBACK_URL", "http://10.0.0.1:8080"),
        ("PRACTICE_LINKS_VERIFICATION__RESEND_SECONDS", "30"),
        ("PRACTICE_LINKS_TRUSTED_PROXIES", "10.0.0.0/8,::1/128"),
    ];
    let output = run(&folder.0, &["admin", "kannel", "urls"], &settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let group = String::from_utf8(output.stdout).unwrap();
    let line = group.lines().find(|line| line.starts_with("get-url")).unwrap();
    assert!(
        line.starts_with("get-url = \"http://10.0.0.1:8080/v1/callbacks/kannel/inbound?token="),
        "{group}"
    );
    assert!(line.ends_with("&id=%I&from=%p&to=%P&text=%a\""), "{group}");
    // A sender without its plus is not a valid number. `sms.fallback` is validated only after `twilio.from`.
    let twilio = [
        ("PRACTICE_LINKS_LISTEN", "127.0.0.1:0"),
        ("PRACTICE_LINKS_SMS__PROVIDER", "twilio"),
        ("PRACTICE_LINKS_TWILIO__ACCOUNT_SID", "AC1"),
        ("PRACTICE_LINKS_TWILIO__AUTH_TOKEN", "0123"),
    ];
    let from = |number| {
        let settings = [
            &twilio[..],
            &[("PRACTICE_LINKS_TWILIO__FROM", number), ("PRACTICE_LINKS_SMS__FALLBACK", "pigeon")],
        ]
        .concat();
        String::from_utf8(run(&folder.0, &[], &settings).stderr).unwrap()
    };
    assert!(from("+15005550006").contains("sms.fallback"), "{}", from("+15005550006"));
    assert!(from("15005550006").contains("twilio.from"), "{}", from("15005550006"));
}

#[test]
fn production_refuses_development_settings_by_name() {
    let folder = Folder::new("production");
    let base = ("PRACTICE_LINKS_ENVIRONMENT", "production");
    let secure = ("PRACTICE_LINKS_PUBLIC_URL", "https://links.example.org");
    let twilio = ("PRACTICE_LINKS_SMS__PROVIDER", "twilio");
    let smtp = ("PRACTICE_LINKS_MAIL__SMTP_URL", "smtps://user:secret@mail.example.org");
    let from = ("PRACTICE_LINKS_MAIL__FROM", "Links <links@example.org>");
    for (settings, named) in [
        (vec![base], "public_url"),
        (vec![base, secure, ("PRACTICE_LINKS_LIMITS__SCALE", "2")], "limits.scale"),
        (vec![base, secure], "sms.provider"),
        (vec![base, secure, twilio, ("PRACTICE_LINKS_SMS__FALLBACK", "development")], "sms.fallback"),
        (vec![base, secure, twilio], "mail.smtp_url"),
        (
            vec![base, secure, twilio, ("PRACTICE_LINKS_MAIL__SMTP_URL", "smtp://mail.example.org")],
            "mail.smtp_url",
        ),
        (vec![base, secure, twilio, smtp], "mail.from"),
        (
            vec![base, secure, twilio, smtp, from, ("PRACTICE_LINKS_KANNEL__URL", "http://sms.example.org")],
            "kannel.url",
        ),
        (
            vec![base, secure, twilio, ("PRACTICE_LINKS_MAIL__SMTP_URL", "smtp://127.0.0.1:25"), from],
            "keys_file",
        ),
        (
            vec![base, secure, twilio, smtp, from, ("PRACTICE_LINKS_WEBHOOKS__ALLOW_PRIVATE", "true")],
            "webhooks.allow_private",
        ),
        (vec![base, secure, twilio, smtp, from], "keys_file"),
    ] {
        let output = run(&folder.0, &[], &settings);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(named), "{said}");
    }
}

// Empty settings in the environment count as unset; so do those in the file.
#[test]
fn empty_secret_in_the_file_counts_as_unset() {
    let folder = Folder::new("empty");
    let refusal = |toml: &str| {
        fs::write(folder.0.join("practice-links.toml"), toml).unwrap();
        String::from_utf8(run(&folder.0, &[], &[("PRACTICE_LINKS_LISTEN", "127.0.0.1:0")]).stderr).unwrap()
    };
    let twilio = "sms.provider = 'twilio'\ntwilio.account_sid = 'AC1'\ntwilio.from = '+15005550006'\n";
    let said = refusal(&format!("{twilio}twilio.auth_token = ''\n"));
    assert!(said.contains("twilio.auth_token"), "{said}");
    let kannel = "sms.provider = 'kannel'\nkannel.url = 'http://127.0.0.1:1'\nkannel.username = 'a'\n";
    let said = refusal(&format!("{kannel}kannel.from = '+15005550010'\nkannel.password = ' '\n"));
    assert!(said.contains("kannel.password"), "{said}");
    let production = "environment = 'production'\npublic_url = 'https://links.example.org'\n";
    let said = refusal(&format!("{production}mail.smtp_url = ''\nmail.events_secret = ''\n{twilio}"));
    assert!(said.contains("mail.smtp_url: is required"), "{said}");
}

#[test]
fn keys_are_created_before_first_start_and_rotated_later() {
    let folder = Folder::new("keys");
    let settings = [("PRACTICE_LINKS_ENVIRONMENT", "production")];
    for generations in 1..=2 {
        let output = run(&folder.0, &["admin", "keys", "rotate"], &settings);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = fs::read_to_string(folder.0.join("data/keys.json")).unwrap();
        assert_eq!(file.matches("\"kid\"").count(), generations);
    }
    // Each rotation is an event in the operator's audit chain.
    let audit = run(&folder.0, &["admin", "audit", "verify"], &settings);
    let said = String::from_utf8(audit.stdout).unwrap();
    assert!(said.contains("operator: 2 events"), "{said}");
}

#[test]
fn outbox_command_explains_an_unknown_message() {
    let folder = Folder::new("outbox");
    for (words, why) in [
        ("outbox requeue out_none", "no dead message"),
        ("outbox discard out_none", "no dead or queued message"),
        ("outbox resume sms", "not paused"),
        ("outbox resume fax", "not a channel"),
    ] {
        let (is_done, error) = said(&folder.0, words);
        assert!(!is_done && error.contains(why), "{error}");
    }
    assert_eq!(said(&folder.0, "outbox list --state queued"), (true, String::new()));
}

#[test]
fn sqlite_file_serves_one_server_and_admin_commands() {
    let folder = Folder::new("beside");
    let server = Server::start(&folder.0, &[]);
    let second = run(&folder.0, &[], &[("PRACTICE_LINKS_LISTEN", "127.0.0.1:0")]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success() && said.contains("database.url"), "{said}");
    let create = [
        "admin",
        "practice",
        "create",
        "--name",
        "Elm Pediatrics",
        "--city",
        "Austin",
        "--plan",
        "communicator",
    ];
    let made = String::from_utf8(run(&folder.0, &create, &[]).stdout).unwrap();
    let code = made.trim().rsplit('/').next().unwrap().to_owned();
    let page = server.request(&format!("GET /{code} HTTP/1.1"), "").unwrap();
    assert!(page.contains("Elm Pediatrics"), "{made}");
    let practice = made.split_whitespace().next().unwrap();
    let link = ["admin", "link", "create", "--practice", practice, "--label", "Card", "--tag", "card"];
    assert!(run(&folder.0, &link, &[]).status.success());
}

#[test]
fn second_server_does_not_migrate_the_file_of_the_first() {
    let folder = Folder::new("second");
    let server = Server::start(&folder.0, &[]);
    // As after an update whose first migration is still to come.
    let newest = "(SELECT max(version) FROM __diesel_schema_migrations)";
    execute(&folder.0, &format!("DELETE FROM __diesel_schema_migrations WHERE version = {newest}"));
    let migrations = count(&folder.0, "__diesel_schema_migrations");
    let second = run(&folder.0, &[], &[("PRACTICE_LINKS_LISTEN", "127.0.0.1:0")]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success() && said.contains("another server is using this SQLite file"), "{said}");
    assert_eq!(count(&folder.0, "__diesel_schema_migrations"), migrations);
    drop(server);
}

/// The value of a metric that has no labels.
fn metric(server: &Server, name: &str) -> f64 {
    let metrics = server.request("GET /metrics HTTP/1.1", "").unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}: {metrics}")).parse().unwrap()
}

/// Statements a second of a server that has nothing to do.
const IDLE_STATEMENTS: f64 = 2.0;

#[test]
fn idle_server_leaves_its_database_alone() {
    let folder = Folder::new("idle");
    let server = Server::start(&folder.0, &[]);
    thread::sleep(Duration::from_secs(2));
    let statements = || metric(&server, "db_statements_total");
    // What the question itself costs.
    let (first, second) = (statements(), statements());
    let start = Instant::now();
    thread::sleep(Duration::from_secs(8));
    let sent = statements() - second - (second - first);
    let rate = sent / start.elapsed().as_secs_f64();
    println!("{rate:.1} statements a second");
    assert!(rate <= IDLE_STATEMENTS, "{rate:.1} statements a second");
}

/// Starts verifications on one keep-alive connection until the server closes it.
fn keep_asking(address: &str, numbers: &AtomicU32, answered: &AtomicU32) -> Result<(), String> {
    'connect: loop {
        let Ok(mut stream) = TcpStream::connect(address) else { return Ok(()) };
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for turn in 0.. {
            let phone = 4_152_000_000_u64 + u64::from(numbers.fetch_add(1, Ordering::Relaxed));
            let body = format!("{{\"phone\": \"+1{phone}\"}}");
            let sent = write!(
                stream,
                "POST /v1/verifications HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            match sent.and_then(|()| read_answer(&mut reader)) {
                Ok(head) => {
                    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
                    answered.fetch_add(1, Ordering::Relaxed);
                    if head.contains("connection: close") {
                        continue 'connect;
                    }
                }
                // A connection that was never accepted ends with the listener; none of its requests was
                // handled.
                Err(_) if turn == 0 => return Ok(()),
                Err(error) => return Err(format!("cut off after {turn} replies: {error}")),
            }
        }
    }
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    reader.read_exact(&mut vec![0; length])?;
    Ok(head)
}

#[test]
fn sigterm_under_load_cuts_no_request() {
    let folder = Folder::new("sigterm");
    let mut server = Server::start(&folder.0, &[("PRACTICE_LINKS_LIMITS__SCALE", "100000")]);
    let (numbers, answered) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..8).map(|_| scope.spawn(|| keep_asking(&server.address, &numbers, &answered))).collect();
        thread::sleep(Duration::from_secs(1));
        server.signal("-TERM");
        for client in clients {
            client.join().unwrap().unwrap();
        }
    });
    let status = server.child.wait().unwrap();
    assert!(status.success(), "{status}");
    let answered = i64::from(answered.load(Ordering::Relaxed));
    assert!(answered > 20, "{answered}");
    assert_eq!(count(&folder.0, "verifications"), answered);
    assert_eq!(count(&folder.0, "outbox"), answered);
}

#[test]
fn shutdown_writes_page_views_held_in_memory() {
    let folder = Folder::new("flush");
    let mut server = Server::start(&folder.0, &[]);
    for _ in 0..7 {
        let page = server
            .request("GET /123456 HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "");
        assert!(page.unwrap().starts_with("HTTP/1.1 200"));
    }
    assert_eq!(count(&folder.0, "funnel_counts"), 0, "written too early");
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    let seven = "funnel_counts WHERE step = 'view' AND count = 7";
    assert_eq!(count(&folder.0, seven), 1);
}

/// Runs an `admin` command. Returns whether it succeeded, and its output.
fn said(folder: &Path, words: &str) -> (bool, String) {
    let words: Vec<&str> = ["admin"].into_iter().chain(words.split_whitespace()).collect();
    let output = run(folder, &words, &[]);
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Runs a command that must succeed. Returns the id that it prints first.
fn made(folder: &Path, words: &str) -> String {
    let (is_made, text) = said(folder, words);
    assert!(is_made, "{text}");
    text.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn operator_creates_and_retires_links() {
    let folder = Folder::new("links");
    let folder = folder.0.as_path();
    let elm = made(folder, "practice create --name Elm --city Austin --plan communicator");
    let solo = made(folder, "practice create --name Solo --city Austin --plan basic");
    let member = format!("staff create --practice {elm} --email ana@elm.example --role admin --name");
    let (_, staff) = said(folder, &format!("{member} Ana"));
    let ana = staff.split_whitespace().next().unwrap();
    let has_token = ana.starts_with("stf_") && staff.contains("\ntoken  ey");
    assert!(has_token, "the command prints a development token");
    let team = made(folder, &format!("team create --practice {elm} --name Hygienists --member {ana}"));
    let link = format!("link create --practice {elm} --label Card");
    let owned = format!("{link} --owner {team} --assignee {ana} --notify {ana} --code 24681012");
    let (is_made, card) = said(folder, &format!("{owned} --tag card --discreet"));
    assert!(is_made && card.contains("/24681012"), "{card}");
    for (words, why) in [
        (format!("link create --practice {solo} --label Second"), "communicator plan"),
        (owned.clone(), "--code"),
        (format!("{link} --owner tem_none"), "--owner"),
        (format!("{link} --member stf_none"), "--member"),
        (format!("{link} --tag {}", "x".repeat(41)), "--tag"),
        (
            format!("{link} --tag {}", (0..21).map(|n| n.to_string()).collect::<Vec<_>>().join(" --tag ")),
            "--tag",
        ),
        (format!("{link} --welcome {}", "x".repeat(1_001)), "--welcome"),
        (format!("{member} Bob"), "--email"),
    ] {
        let (is_made, error) = said(folder, &words);
        assert!(!is_made && error.contains(why) && error.trim().lines().count() == 1, "{error}");
    }
    let id = card.split_whitespace().next().unwrap();
    let (is_retired, retired) = said(folder, &format!("link retire {id}"));
    assert!(is_retired && retired.contains("retired"), "{retired}");
    assert!(!said(folder, &format!("link change {id} --state active")).0, "a retired link stays retired");
    let (_, listed) = said(folder, &format!("link list --practice {elm}"));
    assert!(listed.contains("24681012  retired  Card"), "{listed}");
    for (task, works) in
        [("suspend", true), ("suspend", false), ("resume", true), ("close", true), ("resume", false)]
    {
        assert_eq!(said(folder, &format!("practice {task} {elm}")).0, works, "{task}");
    }
    assert_eq!(count(folder, "practice_links WHERE state = 'closed'"), 2);
}

/// Loads `tests/data/last_release`, made by `scripts/release_fixture.py` with the last released binary.
fn last_release(folder: &Path) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/last_release");
    let data = folder.join("data");
    fs::create_dir_all(&data).unwrap();
    fs::copy(fixture.join("keys.json"), data.join("keys.json")).unwrap();
    fs::set_permissions(data.join("keys.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let url = data.join("practice-links.db");
    #[expect(clippy::disallowed_methods, reason = "the database of another release is not ours to open yet")]
    let mut connection = SqliteConnection::establish(&url.to_string_lossy()).unwrap();
    let dump = fs::read_to_string(fixture.join("database.sql")).unwrap();
    // The dump's tables are in the order of their names, not of their references.
    let script = format!("PRAGMA foreign_keys = OFF;\n{dump}");
    diesel::connection::SimpleConnection::batch_execute(&mut connection, &script).unwrap();
}

/// The issuer of tokens, the same for the command that mints one and the server that reads it.
const ISSUER: [(&str, &str); 1] = [("PRACTICE_LINKS_PUBLIC_URL", "http://links.example.test")];

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments, &ISSUER);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn database_of_the_last_release_is_taken_over() {
    let folder = Folder::new("last-release");
    last_release(&folder.0);
    succeed(&folder.0, &["migrate"]);
    let chains = succeed(&folder.0, &["admin", "audit", "verify"]);
    assert!(chains.contains("18 "), "{chains}");
    let practice =
        succeed(&folder.0, &["admin", "practice", "list"]).split_whitespace().next().unwrap().to_owned();
    let new = ["--practice", &practice, "--email", "eva@elm.example", "--name", "Eva", "--role", "admin"];
    let made = succeed(&folder.0, &[["admin", "staff", "create"].as_slice(), &new].concat());
    let token = made.split_whitespace().find(|word| word.starts_with("eyJ")).unwrap();
    let server = Server::start(&folder.0, &ISSUER);
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {token}");
        let reply = server.request(&head, "").unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{path}: {reply}");
        reply
    };
    let conversations = get("/v1/practice/conversations");
    for found in ["\"confirmed\"", "\"rejected\"", "\"closed\"", "\"demo\""] {
        assert!(conversations.contains(found), "{found}: {conversations}");
    }
    let id = conversations.split('"').find(|text| text.starts_with("cnv_")).unwrap();
    get(&format!("/v1/practice/conversations/{id}/entries"));
    get(&format!("/v1/practice/conversations/{id}/identity"));
    let links = get("/v1/practice/links");
    for found in ["\"retired\"", "\"team\"", "\"staff\"", "\"practice\""] {
        assert!(links.contains(found), "{found}: {links}");
    }
    for list in
        ["invites", "records", "records/imports", "notifications", "webhooks", "audit", "staff", "teams"]
    {
        assert!(get(&format!("/v1/practice/{list}")).contains("\"items\":[{"), "{list} is empty");
    }
    // Two more events in the chain that the last release began.
    for task in ["suspend", "resume"] {
        succeed(&folder.0, &["admin", "practice", task, &practice]);
    }
    let chains = succeed(&folder.0, &["admin", "audit", "verify"]);
    assert!(chains.contains(&format!("{practice}: 20 events")), "{chains}");
    assert!(chains.contains("complete and unchanged"), "{chains}");
}
