//! PostgreSQL for the tests: the server that `TEST_DATABASE_URL` names, else a throw-away one that the harness
//! starts where it finds the programs. On it, a migrated template and a copy a test.
//!
//! Nothing runs when a test process ends, least of all when it is killed. So a watchdog shell holds the other
//! end of a pipe: when that closes, it stops the server and removes its folder.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use super::database::migrate;

/// A server with a migrated template.
struct Server {
    /// Of its maintenance database.
    url: String,
    template: String,
    /// Closed by the end of this process.
    _watched: Option<ChildStdin>,
}

/// A test's own database.
pub struct Copy {
    pub url: String,
    name: String,
}

/// Whether there is a server; says once why not, and fails where a skip is not allowed.
pub fn is_available() -> bool {
    match server() {
        Ok(_) => true,
        Err(why) => {
            let required =
                is_set("PRACTICE_LINKS_REQUIRE_POSTGRES") || env_text("CI").as_deref() == Some("true");
            assert!(!required, "PostgreSQL tests must run here: {why}");
            false
        }
    }
}

/// A copy of the template.
pub fn copy() -> Copy {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let server = server().as_ref().unwrap();
    let name = format!("pl_test_{}_{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let template = &server.template;
    execute(&server.url, &format!("DROP DATABASE IF EXISTS {name}"));
    execute(&server.url, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    Copy { url: with_database(&server.url, &name), name }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Ok(server) = server() {
            execute(&server.url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

fn server() -> &'static Result<Server, String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = find_server();
        if let Err(why) = &server {
            // Not eprintln!, which the test runner keeps to itself while tests pass.
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
    let template = template_name();
    make_template(&url, &template);
    Ok(Server { url, template, _watched: watched })
}

/// Named after what the migrations say: on a server that stays, the next process finds it made.
fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = files_below(&folder);
    files.sort();
    for file in files {
        fs::read(file).unwrap().hash(&mut hasher);
    }
    format!("pl_template_{:016x}", hasher.finish())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Two processes on one server take turns; whoever comes second finds nothing pending.
fn make_template(url: &str, name: &str) {
    let mut turn = connect(url);
    turn.batch_execute("SELECT pg_advisory_lock(7461251)").unwrap();
    // It exists: made by an earlier process, perhaps halfway.
    let _ = turn.batch_execute(&format!("CREATE DATABASE {name}"));
    migrate(&with_database(url, name));
}

fn execute(url: &str, statement: &str) {
    connect(url).batch_execute(statement).unwrap();
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

/// `url` with another database.
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

/// A cluster in a folder of its own, and the pipe whose end is its end.
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

/// The folder of the newest `initdb`: Debian's, else the one on PATH.
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

/// In a process group of its own, so that Ctrl-C ends the tests and not their watchdog. SIGQUIT is what
/// PostgreSQL calls an immediate shutdown; it needs neither `pg_ctl` nor its user.
fn watch(folder: &Path) -> ChildStdin {
    const SCRIPT: &str = r#"cat >/dev/null
        if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"; then
            for turn in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        fi
        rm -rf "$1""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watchdog"]).arg(folder).process_group(0);
    let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    shell.unwrap().stdin.take().unwrap()
}

/// Who runs the server: PostgreSQL refuses root.
struct Unprivileged(Vec<String>);

impl Unprivileged {
    /// Ourselves, or for root somebody else, who is given the folder.
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

    /// Runs a program to its end. Nothing is piped: the server would keep the pipes open.
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
