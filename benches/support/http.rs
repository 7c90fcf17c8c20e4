//! A minimal HTTP client: one kept-alive connection, and no more work than necessary, because it shares the
//! processors with what it measures.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

pub struct Connection {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, address: address.to_owned(), buffer: vec![0; 64 * 1024], filled: 0 }
    }

    /// Posts JSON; returns the status and the answer. `headers` are whole lines.
    pub fn post(&mut self, path: &str, headers: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).unwrap();
        self.filled = 0;
        let (status, start, end) = loop {
            let count = self.stream.read(&mut self.buffer[self.filled..]).unwrap();
            assert!(count > 0, "the server closed the connection after {path}");
            self.filled += count;
            if let Some((status, start, length)) = head(&self.buffer[..self.filled])
                && self.filled >= start + length
            {
                break (status, start, start + length);
            }
        };
        (status, serde_json::from_slice(&self.buffer[start..end]).unwrap_or_default())
    }
}

/// Status, start of the body and its length, if the head is complete.
pub fn head(text: &[u8]) -> Option<(u16, usize, usize)> {
    let end = text.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&text[..end]).unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    Some((status, end + 4, length.unwrap_or(0)))
}
