//! Sign-ups per second, against a real server process.
//!
//! `cargo bench --bench sign_ups -- [--database sqlite|postgres|URL] [--connections 1,16,64] [--seconds 10]
//! [--rate R] [--instances 1] [--sms-threads 8] [--binary FILE]`. Without `--database` it measures a new SQLite
//! file and a PostgreSQL cluster that it starts (`BENCH_DATABASE_URL` names another database instead). A URL
//! may be that of a database which `cargo bench --bench fill` has filled.
//!
//! A sign-up is four requests: link token, verification, check, account. The text message between the second
//! and the third leaves by the `twilio` driver and arrives at a gateway in this process. Each connection is
//! kept alive and does one sign-up after the other; every sign-up has its own number and its own address.
//! With `--rate`, sign-ups begin at even intervals, and their latency counts from when they were due.
//! Server, PostgreSQL and this client share the processors.
#![allow(
    missing_docs,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use diesel::prelude::{Connection as _, PgConnection, RunQueryDsl as _};
use serde_json::{Value, json};
use support::gateway::Gateway;
use support::http::Connection;
use support::postgres::Cluster;
use support::server::Server;
use support::{Folder, option, percentile, process};

const STEPS: [&str; 6] = ["link token", "verification", "text message", "check", "account", "sign-up"];
/// The step that is not a request.
const MESSAGE: usize = 2;
const WHOLE: usize = 5;
const WARM_UP: u64 = 300;

/// What the client does, shared by its connections.
struct Load {
    /// Where the instances listen; connections are spread over them.
    addresses: Vec<String>,
    gateway: Gateway,
    /// Numbers never repeat, not even between two runs on one database.
    next: AtomicU64,
}

/// The milliseconds of each step of each sign-up.
type Latencies = [Vec<f64>; STEPS.len()];

/// One connection, and what it measured.
struct Client {
    connection: Connection,
    load: Arc<Load>,
    took: Latencies,
}

impl Client {
    fn new(load: &Arc<Load>, number: usize) -> Self {
        Self {
            connection: Connection::open(&load.addresses[number % load.addresses.len()]),
            load: Arc::clone(load),
            took: Latencies::default(),
        }
    }

    fn post(&mut self, step: usize, path: &str, headers: &str, body: &Value, expected: u16) -> Value {
        let began = Instant::now();
        let (status, answer) = self.connection.post(path, headers, body);
        self.note(step, began);
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }

    fn note(&mut self, step: usize, since: Instant) {
        self.took[step].push(since.elapsed().as_secs_f64() * 1000.0);
    }

    fn sign_up(&mut self, due: Instant) {
        let n = self.load.next.fetch_add(1, Ordering::Relaxed);
        let phone = format!("+346{:08}", n % 100_000_000);
        let from = format!("x-forwarded-for: 10.{}.{}.{}\r\n", n >> 16 & 255, n >> 8 & 255, n & 255);
        let link =
            self.post(0, "/v1/link-tokens", &from, &json!({ "code": "123456", "source": "typed" }), 201);
        let code = self.load.gateway.expect(&phone);
        let body = json!({ "phone": phone, "link_token": link["link_token"] });
        let started = self.post(1, "/v1/verifications", &from, &body, 201);
        let began = Instant::now();
        let code = code.recv_timeout(Duration::from_secs(30)).expect("no text message within 30 s");
        self.note(MESSAGE, began);
        let path = format!("/v1/verifications/{}/checks", started["verification"]["id"].as_str().unwrap());
        let secret = started["client_secret"].as_str().unwrap();
        let headers = format!("{from}authorization: Bearer {secret}\r\n");
        let checked = self.post(3, &path, &headers, &json!({ "code": code }), 200);
        let body = json!({ "phone_proof": checked["phone_proof"], "link_token": link["link_token"],
            "given_name": "Anna", "family_name": "Example" });
        self.post(4, "/v1/accounts", &from, &body, 201);
        self.note(WHOLE, due);
    }
}

/// Runs sign-ups until `goes_on` says no; `rate` is how many begin per second.
fn run(
    load: &Arc<Load>,
    connections: usize,
    rate: Option<f64>,
    goes_on: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> Latencies {
    let (goes_on, turns, began) = (Arc::new(goes_on), Arc::new(AtomicU64::new(0)), Instant::now());
    let threads: Vec<_> = (0..connections)
        .map(|number| {
            let (goes_on, turns, load) = (Arc::clone(&goes_on), Arc::clone(&turns), Arc::clone(load));
            thread::spawn(move || {
                let mut client = Client::new(&load, number);
                loop {
                    let turn = turns.fetch_add(1, Ordering::Relaxed);
                    let due = match rate {
                        Some(rate) => began + Duration::from_secs_f64(turn as f64 / rate),
                        None => Instant::now(),
                    };
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if !goes_on(turn) {
                        return client.took;
                    }
                    client.sign_up(due);
                }
            })
        })
        .collect();
    let mut all = Latencies::default();
    for thread in threads {
        let took = thread.join().unwrap();
        all.iter_mut().zip(took).for_each(|(all, took)| all.extend(took));
    }
    for step in &mut all {
        step.sort_by(f64::total_cmp);
    }
    all
}

fn measure(load: &Arc<Load>, servers: &[Server], postmaster: Option<u32>, connections: usize) {
    let seconds = option("seconds").map_or(10.0, |seconds| seconds.parse::<f64>().unwrap());
    let rate = option("rate").map(|rate| rate.parse::<f64>().unwrap());
    let used = || {
        let of_servers = servers.iter().map(|server| process::cpu(server.id())).sum::<Duration>();
        [of_servers, postmaster.map(process::cpu).unwrap_or_default()]
    };
    let (before, began) = (used(), Instant::now());
    let took = run(load, connections, rate, move |_| began.elapsed().as_secs_f64() < seconds);
    let (after, elapsed) = (used(), began.elapsed().as_secs_f64());
    let count = took[WHOLE].len() as f64;
    let [server_cpu, database_cpu] =
        [0, 1].map(|n| after[n].saturating_sub(before[n]).as_secs_f64() * 1000.0 / count);
    let (now, most) = process::memory(servers[0].id());
    println!(
        "{connections} connections: {:.1} sign-ups per second ({count} in {elapsed:.1} s)",
        count / elapsed
    );
    let of_database = postmaster.map(|_| format!(", PostgreSQL {database_cpu:.2} ms")).unwrap_or_default();
    println!(
        "  processor time of one: server {server_cpu:.2} ms{of_database}; memory {now} MiB, at most {most}"
    );
    let requests = (0..WHOLE).filter(|step| *step != MESSAGE).flat_map(|step| took[step].iter().copied());
    let mut requests: Vec<f64> = requests.collect();
    requests.sort_by(f64::total_cmp);
    let rows = STEPS.iter().zip(&took).chain([(&"any request", &requests)]);
    for (step, took) in rows {
        println!("  {step:<13} p50 {:>8.2} ms, p99 {:>8.2} ms", percentile(took, 50), percentile(took, 99));
    }
}

/// Settings under which no limit and no pace of a provider is measured.
fn settings(database: &str, gateway: &Gateway) -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("DATABASE__URL", text(database)),
        ("LIMITS__SCALE", text("1000000")),
        ("TRUSTED_PROXIES", text("127.0.0.1/32")),
        ("VERIFICATION__COUNTRIES", text("US,CA,ES")),
        ("SMS__PROVIDER", text("twilio")),
        ("TWILIO__BASE_URL", format!("http://{}", gateway.address)),
        ("TWILIO__ACCOUNT_SID", text("AC00000000000000000000000000000001")),
        ("TWILIO__AUTH_TOKEN", text("0123456789abcdef0123456789abcdef")),
        ("TWILIO__FROM", text("+14155552671")),
        ("OUTBOX__SMS_PER_SECOND", text("100000")),
        ("OUTBOX__EMAIL_PER_SECOND", text("100000")),
        ("OUTBOX__SMS_THREADS", option("sms-threads").unwrap_or_else(|| text("8"))),
    ]
}

fn bench(name: &str, database: &str, postmaster: Option<u32>, folder: &Path) {
    println!("{name}");
    let binary =
        option("binary").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_practice-links")), Into::into);
    let gateway = Gateway::start();
    let settings = settings(database, &gateway);
    let instances = option("instances").map_or(1, |instances| instances.parse::<u16>().unwrap());
    let address = |number| format!("127.0.0.1:{}", 18_481 + number);
    let servers: Vec<_> =
        (0..instances).map(|number| Server::start(&binary, folder, &address(number), &settings)).collect();
    let (now, _) = process::memory(servers[0].id());
    println!("memory after the start: {now} MiB");
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let next = AtomicU64::new(seconds % 4_000 * 20_000 + 10_000_000);
    let load = Arc::new(Load { addresses: (0..instances).map(address).collect(), gateway, next });
    run(&load, 16, None, |turn| turn < WARM_UP);
    let connections = option("connections").unwrap_or_else(|| "1,16,64".to_owned());
    for connections in connections.split(',') {
        measure(&load, &servers, postmaster, connections.parse().unwrap());
    }
}

fn on_sqlite() {
    let folder = Folder::new("bench-sign-ups");
    let database = format!("sqlite:{}", folder.path().join("bench.db").display());
    bench("SQLite, synchronous=FULL", &database, None, folder.path());
}

fn on_postgres() {
    match Cluster::start() {
        Some(cluster) => {
            let folder = Folder::new("bench-sign-ups");
            bench("PostgreSQL", &cluster.url, Some(cluster.postmaster), folder.path());
        }
        None => println!("PostgreSQL: not installed here; BENCH_DATABASE_URL may name a database"),
    }
}

/// A database that exists. Its server's processor time is counted if it runs on this machine.
fn on(url: &str) {
    let folder = Folder::new("bench-sign-ups");
    let postmaster = match url.starts_with("postgres") {
        true => {
            let mut conn = PgConnection::establish(url).unwrap();
            let backend = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"));
            process::parent(u32::try_from(backend.get_result::<i32>(&mut conn).unwrap()).unwrap())
        }
        false => None,
    };
    bench(url, url, postmaster, folder.path());
}

fn main() {
    match option("database").as_deref() {
        Some("sqlite") => on_sqlite(),
        Some("postgres") => on_postgres(),
        Some(url) => on(url),
        None => {
            on_sqlite();
            match std::env::var("BENCH_DATABASE_URL") {
                Ok(url) => on(&url),
                Err(_) => on_postgres(),
            }
        }
    }
}
