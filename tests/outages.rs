//! A server whose database does not answer any more, and a shutdown at that moment. The proxy between the two
//! keeps all connections open and loses what is sent on them: no packet is lost that TCP could miss, so this is
//! the case in which only the service itself can give up.
#![allow(missing_docs, unreachable_pub, reason = "nothing is outside of a test binary")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

// The temporary PostgreSQL of the API tests; it wants a neighbour that can migrate.
#[path = "api/harness/postgres.rs"]
mod postgres;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

mod database {
    use practice_links::platform::db::Db;
    use practice_links::platform::settings::Database;

    pub fn migrate(url: &str) {
        Db::new(&Database { url: url.to_owned(), pool_size: 1 }).unwrap().migrate().unwrap();
    }
}

/// Twice the places of the service.
const CLIENTS: u32 = 32;
const SWALLOWED: Duration = Duration::from_secs(3);
/// The most that the service may take after the network is well again, and to end.
const RECOVERY: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(5);

/// Forwards connections, until it is told to swallow: those that exist then never get another byte.
struct Proxy {
    address: SocketAddr,
    swallows: AtomicBool,
    opened: AtomicUsize,
    /// Connections below this number are lost for good.
    lost: AtomicUsize,
}

impl Proxy {
    fn start(to: SocketAddr) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (opened, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let proxy = Arc::new(Self { address, swallows: AtomicBool::new(false), opened, lost });
        let shared = Arc::clone(&proxy);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
                let number = shared.opened.fetch_add(1, Ordering::SeqCst);
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.forward(number, from, to));
                }
            }
        });
        proxy
    }

    fn forward(&self, number: usize, mut from: TcpStream, mut to: TcpStream) {
        from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut bytes = [0; 16 * 1024];
        loop {
            let is_lost =
                || self.swallows.load(Ordering::SeqCst) || number < self.lost.load(Ordering::SeqCst);
            if is_lost() {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(_) if is_lost() => {}
                Ok(length) if to.write_all(&bytes[..length]).is_ok() => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                _ => break,
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    fn forward_new_connections(&self) {
        self.lost.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
        self.swallows.store(false, Ordering::SeqCst);
    }
}

struct Server {
    child: Child,
    address: String,
    folder: PathBuf,
}

impl Server {
    fn start(database: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("practice-links-outage-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_practice-links"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PRACTICE_LINKS_")) {
            command.env_remove(name);
        }
        command.env("PRACTICE_LINKS_LISTEN", &address).env("PRACTICE_LINKS_DATABASE__URL", database);
        command.env("PRACTICE_LINKS_LIMITS__SCALE", "100000").current_dir(&folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address, folder }
    }

    /// Sends SIGTERM and waits for the end.
    fn terminate(&mut self) -> Duration {
        let sent = Instant::now();
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        while self.child.try_wait().unwrap().is_none() && sent.elapsed() < Duration::from_mins(1) {
            thread::sleep(Duration::from_millis(10));
        }
        sent.elapsed()
    }
}

/// Clients that start verifications until they are told to end.
struct Load {
    address: String,
    numbers: AtomicU32,
    stored: AtomicU32,
    is_over: AtomicBool,
}

impl Load {
    fn new(address: &str) -> Self {
        let (numbers, stored) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { address: address.to_owned(), numbers, stored, is_over: AtomicBool::new(false) }
    }

    /// Starts a verification of a new number; whether that was stored.
    fn verify(&self) -> std::io::Result<bool> {
        let number = 4_152_000_000_u64 + u64::from(self.numbers.fetch_add(1, Ordering::Relaxed));
        let body = format!("{{\"phone\": \"+1{number}\"}}");
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "POST /v1/verifications HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 201"))
    }

    fn keep_verifying(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            if self.verify().unwrap_or(false) {
                self.stored.fetch_add(1, Ordering::SeqCst);
            } else {
                thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// How many were stored in a second from now.
    fn rate(&self) -> u32 {
        let before = self.stored.load(Ordering::SeqCst);
        thread::sleep(Duration::from_secs(1));
        self.stored.load(Ordering::SeqCst) - before
    }

    /// Waits until at least `least` are stored in a second. Returns how long that took.
    fn wait_for_rate(&self, least: u32) -> Duration {
        let start = Instant::now();
        while self.rate() < least {
            assert!(start.elapsed() < Duration::from_mins(1), "nothing is stored any more");
        }
        start.elapsed()
    }
}

/// Ends the load when dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn silent_database_is_given_up_and_does_not_keep_the_process() {
    if !postgres::is_available() {
        return;
    }
    let database = postgres::copy();
    let (start, rest) = database.url.split_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    let mut server = Server::start(&format!("{start}@{}/{name}", proxy.address));
    let load = Load::new(&server.address);
    let took = thread::scope(|scope| {
        // However this ends: the scope waits for all clients.
        let _over = Over(&load.is_over);
        for _ in 0..CLIENTS {
            scope.spawn(|| load.keep_verifying());
        }
        load.wait_for_rate(5);
        let healthy = load.rate();
        proxy.swallow();
        thread::sleep(SWALLOWED);
        proxy.forward_new_connections();
        let recovery = load.wait_for_rate((healthy / 2).max(1));
        println!("{healthy} a second before; half of that again {recovery:?} after the network was well");
        assert!(recovery <= RECOVERY, "{recovery:?}");
        proxy.swallow();
        thread::sleep(Duration::from_secs(1));
        server.terminate()
    });
    println!("ended {took:?} after SIGTERM");
    assert!(took <= END, "{took:?}");
    assert!(server.child.wait().unwrap().success());
}
