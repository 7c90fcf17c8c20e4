//! Sign-ups per second, from a small load client against a real server process.
//!
//! `cargo bench --bench sign_ups` starts the release binary on loopback with a fresh SQLite file, and again
//! with PostgreSQL where `BENCH_DATABASE_URL` names an empty database; then runs whole sign-ups (link
//! token, verification, right code, account) at 1 and at 16 connections. Codes are read from
//! `/dev/messages`. The client polls for them until the worker has caught them; that wait is reported
//! separately. There is no target: it gives an honest figure and shows where the time goes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const SECONDS: u64 = 10;
const STEPS: [&str; 5] = ["link token", "verification", "waiting for the text", "check", "account"];

/// A server process with its own database, killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path, database: &str, port: u16) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_practice-links"))
            .current_dir(folder)
            .env("PRACTICE_LINKS_LISTEN", format!("127.0.0.1:{port}"))
            .env("PRACTICE_LINKS_DATA_DIR", folder.join("data"))
            .env("PRACTICE_LINKS_DATABASE__URL", database)
            .env("PRACTICE_LINKS_DATABASE__POOL_SIZE", "32")
            .env("PRACTICE_LINKS_LIMITS__SCALE", "100000")
            .env("PRACTICE_LINKS_LOG__LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}") };
        let mut first = String::new();
        BufReader::new(server.child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        for _ in 0..100 {
            if ureq::get(format!("{}/readyz", self.url)).call().is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        unreachable!("the server did not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that runs sign-ups one after the other.
struct Client {
    agent: ureq::Agent,
    url: String,
    spent: [Duration; STEPS.len()],
}

impl Client {
    fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build();
        Self { agent: agent.into(), url: url.to_owned(), spent: Default::default() }
    }

    fn post(&mut self, step: usize, path: &str, bearer: &str, body: &Value) -> Value {
        let began = Instant::now();
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let answer = request.header("authorization", format!("Bearer {bearer}")).send(body.to_string());
        let text = answer.unwrap().body_mut().read_to_string().unwrap();
        self.spent[step] += began.elapsed();
        serde_json::from_str(&text).unwrap()
    }

    fn code_for(&mut self, phone: &str) -> String {
        let began = Instant::now();
        loop {
            let path = format!("{}/dev/messages?to={}", self.url, phone.replace('+', "%2B"));
            let text = self.agent.get(path).call().unwrap().body_mut().read_to_string().unwrap();
            let list: Value = serde_json::from_str(&text).unwrap();
            if let Some(code) = list["items"][0]["code"].as_str() {
                self.spent[2] += began.elapsed();
                return code.to_owned();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn sign_up(&mut self, phone: &str) {
        let link = self.post(0, "/v1/link-tokens", "", &json!({ "code": "123456", "source": "typed" }));
        let link_token = link["link_token"].as_str().unwrap().to_owned();
        let body = json!({ "phone": phone, "link_token": link_token });
        let started = self.post(1, "/v1/verifications", "", &body);
        let id = started["verification"]["id"].as_str().unwrap().to_owned();
        let secret = started["client_secret"].as_str().unwrap().to_owned();
        let code = self.code_for(phone);
        let path = format!("/v1/verifications/{id}/checks");
        let checked = self.post(3, &path, &secret, &json!({ "code": code }));
        let body = json!({ "phone_proof": checked["phone_proof"], "link_token": link_token,
            "given_name": "Alex", "family_name": "Rivera" });
        let made = self.post(4, "/v1/accounts", "", &body);
        assert!(made["conversation"]["id"].is_string(), "{made}");
    }
}

/// Ten million distinct numbers of a valid form: +1 2xx 200 0000 upwards, by area code.
fn number(n: u32) -> String {
    const AREAS: [u32; 8] = [415, 212, 312, 213, 202, 617, 206, 303];
    format!("+1{}{}", AREAS[(n % 8) as usize], 2_000_000 + n / 8)
}

fn measure(server: &Server, connections: usize, numbers: &Arc<AtomicU32>) {
    let total = Arc::new(Mutex::new(([Duration::ZERO; STEPS.len()], 0_u32)));
    let began = Instant::now();
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (url, numbers, total) = (server.url.clone(), Arc::clone(numbers), Arc::clone(&total));
            thread::spawn(move || {
                let (mut client, mut count) = (Client::new(&url), 0);
                while began.elapsed() < Duration::from_secs(SECONDS) {
                    client.sign_up(&number(numbers.fetch_add(1, Ordering::Relaxed)));
                    count += 1;
                }
                let mut total = total.lock().unwrap();
                total.1 += count;
                total.0.iter_mut().zip(client.spent).for_each(|(sum, spent)| *sum += spent);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let (spent, count) = *total.lock().unwrap();
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    println!("  {connections:>2} connections: {rate:>7.1} sign-ups per second ({count} in {SECONDS} s)");
    for (step, time) in STEPS.iter().zip(spent) {
        println!("      {step:<21} {:>7.2} ms", time.as_secs_f64() * 1000.0 / f64::from(count.max(1)));
    }
}

fn run(name: &str, database: &str, port: u16) {
    let folder = std::env::temp_dir().join(format!("practice-links-bench-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let database = database.replace("{folder}", &folder.to_string_lossy());
    println!("{name}");
    let server = Server::start(&folder, &database, port);
    let numbers = Arc::new(AtomicU32::new(0));
    for connections in [1, 16] {
        measure(&server, connections, &numbers);
    }
    drop(server);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is not part of the service")]
fn main() {
    run("SQLite, synchronous=FULL", "sqlite:{folder}/bench.db", 18_481);
    match std::env::var("BENCH_DATABASE_URL") {
        Ok(url) => run("PostgreSQL", &url, 18_482),
        Err(_) => println!("PostgreSQL: set BENCH_DATABASE_URL to an empty database"),
    }
}
