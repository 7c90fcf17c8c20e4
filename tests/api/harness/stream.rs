//! A client of an event stream (SSE).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::TestApp;

pub struct Stream {
    lines: BufReader<TcpStream>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl Stream {
    /// Opens a stream with a bearer token, and waits for its first bytes.
    #[track_caller]
    pub fn open(app: &TestApp, path: &str, token: &str, last: Option<&str>) -> Self {
        Self::open_as(app, path, &format!("authorization: Bearer {token}"), last)
    }

    /// Opens a stream with any authenticating header.
    #[track_caller]
    pub fn open_as(app: &TestApp, path: &str, who: &str, last: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(app.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        write!(socket, "GET {path} HTTP/1.1\r\nhost: x\r\n{who}\r\n{last}\r\n").unwrap();
        let mut stream = Self { lines: BufReader::new(socket) };
        assert!(stream.line().unwrap().starts_with("HTTP/1.1 200"));
        let mut head = Vec::new();
        while let Some(line) = stream.line().filter(|line| !line.starts_with("retry:")) {
            head.push(line.to_ascii_lowercase());
        }
        assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
        assert!(head.iter().any(|line| line == "cache-control: no-store"), "{head:?}");
        stream
    }

    /// The next line; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("the stream said nothing for 10 s");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; `None` at the end. Lines of the chunked transfer coding have no colon.
    #[track_caller]
    pub fn next(&mut self) -> Option<Event> {
        let mut event = Event { id: String::new(), kind: String::new(), data: Value::Null };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                Some(("data", data)) => {
                    event.data = serde_json::from_str(data).unwrap();
                    return Some(event);
                }
                _ => {}
            }
        }
    }

    #[track_caller]
    pub fn expect(&mut self, kind: &str, conversation: &str) -> Event {
        let event = self.next().expect("the stream ended");
        assert_eq!(
            (event.kind.as_str(), &event.data["conversation_id"]),
            (kind, &json!(conversation)),
            "{event:?}"
        );
        assert!(event.id.bytes().all(|b| b.is_ascii_digit()), "an id is a number of the event log");
        event
    }

    /// Reads the rest of the stream.
    pub fn end(mut self) -> String {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("the stream did not end");
        rest
    }
}
