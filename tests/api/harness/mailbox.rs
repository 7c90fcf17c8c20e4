//! A small mail server in this process. It replies as a test scripts it, and keeps every mail it received.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quoted_printable::ParseMode;

/// A mail server on loopback. It runs as long as the test process.
#[derive(Default)]
pub struct Mailbox {
    received: Mutex<Vec<String>>,
    script: Mutex<VecDeque<(&'static str, &'static str)>>,
    /// Whether it refuses every connection with 421.
    pub down: AtomicBool,
    connections: AtomicUsize,
}

impl Mailbox {
    /// Starts a server. Returns its `mail.smtp_url` and itself.
    pub fn start() -> (String, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mailbox = Arc::new(Self::default());
        let shared = Arc::clone(&mailbox);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mailbox = Arc::clone(&shared);
                thread::spawn(move || converse(stream, &mailbox));
            }
        });
        (url, mailbox)
    }

    /// Replies to the next `command` with `reply`. The command `.` is the end of a mail. An empty reply
    /// closes the connection, `hang` sends nothing, and `drip` sends a line every 100 ms without an end.
    pub fn answer(&self, command: &'static str, reply: &'static str) {
        self.script.lock().unwrap().push_back((command, reply));
    }

    /// Every mail that arrived completely, accepted or not, in order.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn reply(&self, command: &str, usual: &'static str) -> &'static str {
        let mut script = self.script.lock().unwrap();
        let at = script.iter().position(|(expected, _)| *expected == command);
        at.and_then(|at| script.remove(at)).map_or(usual, |(_, reply)| reply)
    }
}

/// One header of a raw mail, unfolded; empty if the mail does not have it.
pub fn header_of(mail: &str, name: &str) -> String {
    let head = mail.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
    let start = format!("{}:", name.to_ascii_lowercase());
    let found = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&start));
    found.map(|line| line[start.len()..].trim().to_owned()).unwrap_or_default()
}

/// Decodes the quoted-printable parts of a raw mail.
pub fn readable(mail: &str) -> String {
    assert!(!mail.contains("base64"), "only quoted-printable is supported: {mail}");
    let bytes = quoted_printable::decode(mail, ParseMode::Robust).unwrap();
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

fn converse(mut stream: TcpStream, mailbox: &Mailbox) -> Option<()> {
    mailbox.connections.fetch_add(1, Ordering::SeqCst);
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    if mailbox.down.load(Ordering::SeqCst) {
        return stream.write_all(b"421 down\r\n").ok();
    }
    stream.write_all(b"220 test ESMTP\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let command = line.split([' ', ':']).next()?.to_ascii_uppercase();
        let reply = match command.as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").ok()?;
                let mail: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                mailbox.received.lock().unwrap().push(mail.join("\n"));
                mailbox.reply(".", "250 taken")
            }
            "EHLO" => mailbox.reply("EHLO", "250-test\r\n250 AUTH PLAIN"),
            "AUTH" => mailbox.reply("AUTH", "235 welcome"),
            "QUIT" => "221 bye",
            command => mailbox.reply(command, "250 fine"),
        };
        match reply {
            "" => return None,
            "hang" => continue,
            "drip" => {
                while stream.write_all(b"250-x\r\n").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
                return None;
            }
            _ => {}
        }
        stream.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
    Some(())
}
