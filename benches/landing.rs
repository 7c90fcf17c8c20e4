//! The landing page compared with the fastest possible handler.
//!
//! `cargo bench --bench landing` starts two server processes on loopback: the release binary with its default
//! settings, and a bare actix-web handler (this program again, with `--bare`) that returns the same bytes of
//! one landing page, headers included. The same client asks both in turns, round after round, because this
//! kind of machine is noisy and only the ratio within one run means anything. The target is 0.9. The client is an
//! iPhone that accepts Brotli; `--plain` measures the page without a content coding, `--binary FILE` another build.
#![allow(
    missing_docs,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};

const OURS: &str = "127.0.0.1:18471";
const BARE: &str = "127.0.0.1:18472";
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_secs(3);
const REQUEST: &str = "GET /123456 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\nUser-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1\r\n\r\n";

/// A server process, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ours(folder: &std::path::Path) -> Running {
    let mut given = std::env::args().skip_while(|argument| argument != "--binary");
    let binary = given.nth(1).unwrap_or_else(|| env!("CARGO_BIN_EXE_practice-links").to_owned());
    let child = Command::new(binary)
        .current_dir(folder)
        .env("PRACTICE_LINKS_LISTEN", OURS)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.unwrap())
}

fn bare(page: &std::path::Path) -> Running {
    let program = std::env::current_exe().unwrap();
    Running(Command::new(program).arg("--bare").arg(page).spawn().unwrap())
}

/// The baseline handler: its response is precomputed.
fn serve_bare(page: &str) {
    let text = std::fs::read(page).unwrap();
    let (head, body) = split(&text);
    let headers: Vec<(String, String)> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !["content-length", "date"].contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = web::Bytes::from(body.to_vec());
    let server = HttpServer::new(move || {
        let (headers, body) = (headers.clone(), body.clone());
        App::new().route(
            "/{code}",
            web::get().to(move || {
                let mut answer = HttpResponse::Ok();
                for (name, value) in &headers {
                    answer.insert_header((name.as_str(), value.as_str()));
                }
                std::future::ready(answer.body(body.clone()))
            }),
        )
    });
    let server = server.workers(2).bind(BARE).unwrap().run();
    actix_web::rt::System::new().block_on(server).unwrap();
}

fn split(answer: &[u8]) -> (&str, &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (std::str::from_utf8(&answer[..end]).unwrap(), &answer[end + 4..])
}

/// The request of an iPhone.
fn request() -> String {
    match std::env::args().any(|argument| argument == "--plain") {
        true => REQUEST.replace("Accept-Encoding: gzip, deflate, br\r\n", ""),
        false => REQUEST.to_owned(),
    }
}

/// A client with one kept-alive connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: String,
}

impl Client {
    fn connect(address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let stream = (0..200).find_map(|_| {
            thread::sleep(Duration::from_millis(50));
            TcpStream::connect(address).ok()
        });
        let stream = stream.expect("the server does not listen");
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 128 * 1024], request: request() }
    }

    /// Requests one page; returns the number of bytes of the whole response.
    fn get(&mut self) -> usize {
        self.stream.write_all(self.request.as_bytes()).unwrap();
        let (mut filled, mut whole) = (0, None);
        loop {
            filled += self.stream.read(&mut self.buffer[filled..]).unwrap();
            let got = &self.buffer[..filled];
            if whole.is_none() && got.windows(4).any(|four| four == b"\r\n\r\n") {
                let (head, body) = split(got);
                assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                whole = Some(filled - body.len() + length.unwrap().parse::<usize>().unwrap());
            }
            if whole.is_some_and(|whole| filled >= whole) {
                return filled;
            }
        }
    }
}

/// Requests per second, and every latency in microseconds, sorted.
fn round(address: &'static str) -> (f64, Vec<u128>) {
    let began = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            thread::spawn(move || {
                let (mut client, mut seen, began) = (Client::connect(address), Vec::new(), Instant::now());
                while began.elapsed() < ROUND {
                    let asked = Instant::now();
                    client.get();
                    seen.push(asked.elapsed().as_micros());
                }
                seen
            })
        })
        .collect();
    let mut all: Vec<u128> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    all.sort_unstable();
    (all.len() as f64 / began.elapsed().as_secs_f64(), all)
}

fn percentile(sorted: &[u128], of: usize) -> f64 {
    sorted[(sorted.len() * of / 100).min(sorted.len() - 1)] as f64 / 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare") {
        return serve_bare(&arguments[at + 1]);
    }
    let folder = std::env::temp_dir().join(format!("landing-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let _ours = ours(&folder);
    let mut first = Client::connect(OURS);
    let size = first.get();
    let page = folder.join("page");
    std::fs::write(&page, &first.buffer[..size]).unwrap();
    let body = split(&first.buffer[..size]).1.len();
    let _bare = bare(&page);
    assert_eq!(Client::connect(BARE).get() / 100, size / 100, "both answer the same bytes");
    println!("one page: {body} bytes, {size} with its head; {CONNECTIONS} connections");
    let (mut ratios, mut rates, mut slowest) =
        (Vec::new(), [Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for n in 0..ROUNDS {
        // The order alternates, so that neither server always gets the warmer machine.
        let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut rate = [0.0; 2];
        for which in order {
            let (requests, latencies) = round([OURS, BARE][which]);
            rate[which] = requests;
            rates[which].push(requests);
            slowest[which].push(percentile(&latencies, 99));
        }
        ratios.push(rate[0] / rate[1]);
        println!("round {n}: ours {:.0}/s, bare {:.0}/s, ratio {:.2}", rate[0], rate[1], rate[0] / rate[1]);
    }
    let [ours, bare] = rates.map(median);
    let [ours_p99, bare_p99] = slowest.map(median);
    println!(
        "median: ours {ours:.0}/s (p99 {ours_p99:.1} ms), bare {bare:.0}/s (p99 {bare_p99:.1} ms), ratio {:.2}",
        median(ratios)
    );
    let _ = std::fs::remove_dir_all(&folder);
}
