//! A small mail server in this process that answers as it is told, and keeps what it took.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A mail server on loopback; it lives as long as the test process.
#[derive(Default)]
pub struct Mailbox {
    received: Mutex<Vec<String>>,
    script: Mutex<VecDeque<(&'static str, &'static str)>>,
    /// Whether it turns everybody away at the door.
    pub down: AtomicBool,
    connections: AtomicUsize,
}

impl Mailbox {
    /// Starts one; its `mail.smtp_url`, and itself.
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

    /// Answers the next `command` with `reply`; `.` is the end of a mail, an empty reply hangs up, and
    /// `hang` says nothing, and `drip` a line every 100 ms without an end.
    pub fn answer(&self, command: &'static str, reply: &'static str) {
        self.script.lock().unwrap().push_back((command, reply));
    }

    /// Every mail that arrived whole, taken or not, in order.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn reply(&self, command: &str, usual: &'static str) -> &'static str {
        let mut script = self.script.lock().unwrap();
        let at = script.iter().position(|(expected, _)| *expected == command);
        at.and_then(|at| script.remove(at)).map_or(usual, |(_, reply)| reply)
    }
}

/// One header of a raw mail, unfolded; empty where it is not there.
pub fn header_of(mail: &str, name: &str) -> String {
    let head = mail.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
    let start = format!("{}:", name.to_ascii_lowercase());
    let found = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&start));
    found.map(|line| line[start.len()..].trim().to_owned()).unwrap_or_default()
}

/// A raw mail with its quoted-printable parts undone.
pub fn readable(mail: &str) -> String {
    assert!(!mail.contains("base64"), "this reads quoted-printable alone: {mail}");
    let joined = mail.replace("=\n", "");
    let (mut bytes, mut rest) = (Vec::new(), joined.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = hex.filter(|_| *first == b'=').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
