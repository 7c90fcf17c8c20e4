//! PostgreSQL for the tests: the server that `TEST_DATABASE_URL` names, else a temporary one that the harness
//! starts if it finds the programs. It holds a migrated template, and as many copies as tests run at once.
//!
//! No code of a test process runs when it ends, least of all when it is killed. Therefore a watchdog shell
//! holds the other end of a pipe: when the pipe closes, it stops the server and removes its folder.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::{env, fs, process};

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::result::Error;
use diesel::sql_types::Bool;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};

use super::database::migrate;

/// A server with a migrated template.
struct Server {
    /// The URL of the maintenance database.
    url: String,
    template: String,
    /// The first half of the advisory lock keys of the copies.
    lock: i32,
    /// Closes when this process ends.
    _watched: Option<ChildStdin>,
}

/// A database that belongs to one test for as long as `_lock` lives.
pub struct Copy {
    pub url: String,
    /// The connection that holds the lock; in a mutex, because tests share a `TestApp` between threads.
    _lock: Mutex<PgConnection>,
}

/// Returns whether there is a server. Prints the reason once if not, and fails if skipping is not allowed.
pub fn is_available() -> bool {
    match server() {
        Ok(_) => true,
        Err(why) => {
            let required = is_set("REQUIRE_POSTGRES") || env_text("CI").as_deref() == Some("true");
            assert!(!required, "PostgreSQL tests must run here: {why}");
            false
        }
    }
}

/// Returns an empty database. Databases are numbered, reused and never dropped: a DROP waits for a
/// checkpoint, a second for each test. The holder of a number's lock owns that database. The lock ends with
/// the connection, however that ends: a killed process leaves nothing locked, and the next process reuses the
/// database.
pub fn copy() -> Copy {
    let server = server().as_ref().unwrap();
    let mut conn = connect(&server.url);
    let number = (0..1000).find(|number| try_lock(&mut conn, server.lock, *number)).unwrap();
    let name = format!("{}_{number}", server.template);
    let url = with_database(&server.url, &name);
    let template = &server.template;
    match conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")) {
        Ok(()) => {}
        Err(Error::DatabaseError(_, info)) if info.message().contains("already exists") => empty(&url),
        Err(error) => panic!("{error}"),
    }
    Copy { url, _lock: Mutex::new(conn) }
}

fn try_lock(conn: &mut PgConnection, template: i32, number: i32) -> bool {
    let query = format!("SELECT pg_try_advisory_lock({template}, {number})");
    sql::<Bool>(&query).get_result(conn).unwrap()
}

/// Empties every table. Connections that are still open belong to a test that is over. The migrations insert
/// nothing, so empty tables are the state after them.
fn empty(url: &str) {
    const EMPTY: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid();
        DO $$ BEGIN EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'
        ); END $$";
    connect(url).batch_execute(EMPTY).unwrap();
}

fn server() -> &'static Result<Server, String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = find_server();
        if let Err(why) = &server {
            // Not eprintln!, which the test runner hides while tests pass.
            let _ = writeln!(std::io::stderr(), "PostgreSQL tests skipped: {why}");
        }
        server
    })
}

fn find_server() -> Result<Server, String> {
    let (url, watched) = match env_text("TEST_DATABASE_URL") {
        Some(url) => (url, None),
        None => start_one()?,
    };
    let (lock, template) = template_name();
    make_template(&url, &template);
    Ok(Server { url, template, lock, _watched: watched })
}

/// Derived from the contents of the migrations, so that the next process on a permanent server finds the
/// template.
fn template_name() -> (i32, String) {
    let mut hasher = DefaultHasher::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = files_below(&folder);
    files.sort();
    for file in files {
        fs::read(file).unwrap().hash(&mut hasher);
    }
    let lock = i32::try_from(hasher.finish() >> 33).unwrap();
    (lock, format!("pl_test_{lock:08x}"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Two processes on one server take turns; the second one finds nothing to migrate.
fn make_template(url: &str, name: &str) {
    let mut conn = connect(url);
    conn.batch_execute("SELECT pg_advisory_lock(7461251)").unwrap();
    // If it exists, an earlier process created it, perhaps only half.
    let _ = conn.batch_execute(&format!("CREATE DATABASE {name}"));
    migrate(&with_database(url, name));
}

#[expect(
    clippy::disallowed_methods,
    reason = "CREATE DATABASE runs outside of transactions, and the pool opens one"
)]
fn connect(url: &str) -> PgConnection {
    let mut conn = PgConnection::establish(url).unwrap();
    conn.batch_execute("SET client_min_messages = 'warning'").unwrap();
    conn
}

/// Replaces the database in `url`.
fn with_database(url: &str, name: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (rest, query) =
        rest.split_once('?').map_or((rest, String::new()), |(rest, q)| (rest, format!("?{q}")));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    format!("{scheme}://{authority}/{name}{query}")
}

fn env_text(name: &str) -> Option<String> {
    env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

fn is_set(name: &str) -> bool {
    env_text(name).is_some()
}

/// Starts a cluster in a folder of its own. It ends when the returned pipe closes.
fn start_one() -> Result<(String, Option<ChildStdin>), String> {
    let programs =
        programs().ok_or("no initdb on PATH or under /usr/lib/postgresql; TEST_DATABASE_URL names none")?;
    let folder = env::temp_dir().join(format!("practice-links-pg-{}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let watched = watch(&folder);
    let user = Unprivileged::owner_of(&folder)?;
    let data = folder.join("data").display().to_string();
    let init = ["-D", &data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    user.run(&programs.join("initdb"), &init)?;
    let port = free_port();
    let options =
        format!("-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections=400", folder.display());
    let log = folder.join("log").display().to_string();
    let start = ["-D", &data, "-w", "-t", "30", "-l", &log, "-o", &options, "start"];
    user.run(&programs.join("pg_ctl"), &start).map_err(|why| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        format!("{why} {}", log.replace('\n', " "))
    })?;
    Ok((format!("postgres://test@127.0.0.1:{port}/postgres"), Some(watched)))
}

/// The folder of the newest `initdb`: Debian's, else the first on PATH.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<_> = installed.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let on_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let folders = versions.into_iter().rev().map(|version| version.join("bin")).chain(on_path);
    let mut complete =
        folders.filter(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file());
    complete.next()
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Starts the watchdog in a process group of its own, so that Ctrl-C ends the tests but not the watchdog.
/// SIGQUIT is PostgreSQL's immediate shutdown; it needs neither `pg_ctl` nor its user.
fn watch(folder: &Path) -> ChildStdin {
    const SCRIPT: &str = r#"cat >/dev/null
        pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
        for turn in 1 2 3 4 5; do sleep 0.2; rm -rf "$1" && break; done"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watchdog"]).arg(folder).process_group(0);
    let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    shell.unwrap().stdin.take().unwrap()
}

/// The command prefix that runs the server as another user: PostgreSQL refuses to run as root.
struct Unprivileged(Vec<String>);

impl Unprivileged {
    /// The current user; for root, another user, who becomes the owner of the folder.
    fn owner_of(folder: &Path) -> Result<Self, String> {
        if fs::metadata(folder).map_err(|e| e.to_string())?.uid() != 0 {
            return Ok(Self(Vec::new()));
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let exists = |name: &&str| accounts.lines().any(|line| line.starts_with(&format!("{name}:")));
        let name = ["postgres", "nobody"].into_iter().find(exists).ok_or("root, and no user to run it as")?;
        Self(Vec::new()).run(Path::new("chown"), &[name, &folder.display().to_string()])?;
        let switch = format!("setpriv --reuid={name} --clear-groups --inh-caps=-all");
        let group = Command::new("id").args(["-g", name]).output().map_err(|e| e.to_string())?;
        let group = format!("--regid={}", String::from_utf8_lossy(&group.stdout).trim());
        Ok(Self(switch.split(' ').map(str::to_owned).chain([group, "--".to_owned()]).collect()))
    }

    /// Runs a program and waits for it. Nothing is piped: the server would keep the pipes open.
    fn run(&self, program: &Path, arguments: &[&str]) -> Result<(), String> {
        let mut words = self.0.iter().map(String::as_str).chain([program.to_str().unwrap_or_default()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(arguments).current_dir("/");
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} failed, {status}.", program.display())),
            Err(error) => Err(format!("{}: {error}.", program.display())),
        }
    }
}
