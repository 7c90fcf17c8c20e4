//! A provider of texts in this process: it keeps what it is asked, and answers as a test tells it to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use practice_links::app as topics;
use practice_links::delivery::Providers;
use practice_links::platform::outbox::Worker;

use super::TestApp;

/// How the provider answers one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status, further header lines, a body.
    Says(u16, &'static str, String),
    /// Nothing, until the caller gives up.
    Hangs,
    /// One byte after the other, until the caller gives up.
    Drips,
}

impl Answer {
    /// A refusal as Twilio words it.
    pub fn refuses(status: u16, code: u32) -> Self {
        let body = format!("{{\"code\":{code},\"message\":\"no\",\"status\":{status}}}");
        Self::Says(status, "content-type: application/json\r\n", body)
    }

    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self::Says(status, "", String::new())
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and path, without the query.
    pub what: String,
    /// The head's lines.
    pub head: Vec<String>,
    /// The query or the form as it travelled.
    pub raw: String,
}

impl Asked {
    /// A parameter, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        let pair = self.raw.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
        Some(percent_decoded(pair))
    }

    /// The six digits in its text or words.
    pub fn code(&self) -> String {
        let text = self.field("Body").or_else(|| self.field("text")).unwrap();
        text[..6].to_owned()
    }
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        match first {
            b'%' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                rest = &tail[2..];
            }
            b'+' => {
                bytes.push(b' ');
                rest = tail;
            }
            other => {
                bytes.push(*other);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A provider on loopback; it lives as long as the test process.
#[derive(Clone)]
pub struct Provider {
    /// Its origin.
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    script: Mutex<VecDeque<Answer>>,
}

impl Provider {
    /// Starts one. After its script it takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || converse(stream, &state));
            }
        });
        Self { url, state }
    }

    /// Answers the next `n` requests with `answer`.
    pub fn answer_next(&self, n: usize, answer: &Answer) {
        self.state.script.lock().unwrap().extend(std::iter::repeat_n(answer.clone(), n));
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

fn converse(mut stream: TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length =
        head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (what, query) = {
        let line = head.first()?.trim_end_matches(" HTTP/1.1");
        line.split_once('?').map_or((line.to_owned(), String::new()), |(a, b)| (a.to_owned(), b.to_owned()))
    };
    let is_get = what.starts_with("GET");
    let raw = if is_get { query } else { String::from_utf8(body).ok()? };
    state.asked.lock().unwrap().push(Asked { what, head, raw });
    let answer = state.script.lock().unwrap().pop_front();
    match answer.unwrap_or_else(|| taken(is_get)) {
        Answer::Says(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).ok()
        }
        Answer::Hangs => stream.read(&mut [0]).ok().map(drop),
        Answer::Drips => {
            // The read is the pause between two bytes, and the end when the caller goes.
            stream.set_read_timeout(Some(Duration::from_millis(100))).ok()?;
            for byte in "HTTP/1.1 201 Created\r\n".bytes().chain(std::iter::repeat(b'x')) {
                stream.write_all(&[byte]).ok()?;
                if stream.read(&mut [0]).is_ok() {
                    break;
                }
            }
            Some(())
        }
    }
}

/// A POST is Twilio's, a GET Kannel's.
fn taken(is_get: bool) -> Answer {
    if is_get {
        return Answer::Says(202, "", "0: Accepted for delivery".into());
    }
    let body = "{\"sid\":\"SM00000000000000000000000000000001\",\"status\":\"queued\",\"error_code\":null}";
    Answer::Says(201, "content-type: application/json\r\n", body.into())
}

impl TestApp {
    /// A worker that hands over to the real providers, as the settings name them.
    pub fn real_worker(&self) -> Worker {
        let carrier = Arc::new(Providers::from_settings(&self.inner).unwrap());
        Worker::new(self.inner.clone(), topics::all(), carrier)
    }
}

/// Runs rounds until nothing is due.
pub fn drain(worker: &Worker) {
    while worker.run_once().unwrap() {}
}
