//! An SMS provider in this process. It records every request, and replies as a test scripts it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use practice_links::delivery::{self, Delivery, Transports};
use practice_links::platform::outbox::Worker;
use practice_links::platform::settings::BadSetting;

use super::TestApp;

/// The provider's reply to one request.
#[derive(Clone, Debug)]
pub enum ScriptedReply {
    /// A status, additional header lines, and a body.
    Respond(u16, &'static str, String),
    /// Sends nothing until the client gives up.
    Hang,
    /// Sends single bytes until the client gives up.
    Drip,
}

impl ScriptedReply {
    /// An error in Twilio's format.
    pub fn twilio_error(status: u16, code: u32) -> Self {
        let body = format!("{{\"code\":{code},\"message\":\"no\",\"status\":{status}}}");
        Self::Respond(status, "content-type: application/json\r\n", body)
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::Respond(status, "", String::new())
    }
}

/// One request that the provider received.
#[derive(Clone, Debug)]
pub struct ProviderRequest {
    /// Method and path, without the query.
    pub what: String,
    /// The lines of the head.
    pub head: Vec<String>,
    /// The query or the form, still encoded.
    pub raw: String,
}

impl ProviderRequest {
    /// A decoded parameter.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.raw.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// The six digits in the text or in the words of the call.
    pub fn code(&self) -> String {
        let text = self.field("Body").or_else(|| self.field("text")).unwrap();
        text[..6].to_owned()
    }
}

/// A provider on loopback. It runs as long as the test process.
#[derive(Clone)]
pub struct Provider {
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<ProviderRequest>>,
    script: Mutex<VecDeque<ScriptedReply>>,
}

impl Provider {
    /// Starts a provider. After its script it accepts every request.
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

    /// Replies to the next `n` requests with `answer`.
    pub fn answer_next(&self, n: usize, answer: &ScriptedReply) {
        self.state.script.lock().unwrap().extend(std::iter::repeat_n(answer.clone(), n));
    }

    /// Every request, in order.
    pub fn requests(&self) -> Vec<ProviderRequest> {
        self.state.requests.lock().unwrap().clone()
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
    state.requests.lock().unwrap().push(ProviderRequest { what, head, raw });
    let answer = state.script.lock().unwrap().pop_front();
    match answer.unwrap_or_else(|| success(is_get)) {
        ScriptedReply::Respond(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).ok()
        }
        ScriptedReply::Hang => stream.read(&mut [0]).ok().map(drop),
        ScriptedReply::Drip => {
            // The read is the pause between two bytes, and notices when the client leaves.
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

/// The success reply: a POST is a request to Twilio, a GET one to Kannel.
fn success(is_get: bool) -> ScriptedReply {
    if is_get {
        return ScriptedReply::Respond(202, "", "0: Accepted for delivery".into());
    }
    let body = "{\"sid\":\"SM00000000000000000000000000000001\",\"status\":\"queued\",\"error_code\":null}";
    ScriptedReply::Respond(201, "content-type: application/json\r\n", body.into())
}

impl TestApp {
    /// The real providers and mail server, as configured but for `change`.
    pub fn transports(&self, change: impl FnOnce(&mut delivery::Settings)) -> Result<Transports, BadSetting> {
        let mut settings = self.state.delivery.settings.clone();
        change(&mut settings);
        let service = &self.state.service;
        Transports::new(service, &Delivery::new(service, settings))
    }

    /// A worker that sends through the real providers, as configured.
    pub fn real_worker(&self) -> Worker {
        let transport = Arc::new(Transports::new(&self.state.service, &self.state.delivery).unwrap());
        Worker::new(self.state.service.clone(), Arc::clone(&self.state.topics), transport)
    }
}

/// Runs the worker until nothing is due.
pub fn drain(worker: &Worker) {
    while worker.run_once().unwrap() {}
}
