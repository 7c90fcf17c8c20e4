//! A gateway that takes text messages as Twilio does, and hands each code to the client that waits for it.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::head;

const ACCEPTED: &str = "{\"sid\":\"SM00000000000000000000000000000001\",\"status\":\"queued\"}";

type Waiting = Arc<Mutex<HashMap<String, Sender<String>>>>;

pub struct Gateway {
    pub address: SocketAddr,
    waiting: Waiting,
}

impl Gateway {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = Waiting::default();
        let shared = Arc::clone(&waiting);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let waiting = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &waiting));
            }
        });
        Self { address, waiting }
    }

    /// Call it before the verification starts; the code arrives at the receiver.
    pub fn expect(&self, phone: &str) -> Receiver<String> {
        let (sender, receiver) = channel();
        self.waiting.lock().unwrap().insert(phone.to_owned(), sender);
        receiver
    }
}

fn serve(mut stream: TcpStream, waiting: &Waiting) {
    stream.set_nodelay(true).unwrap();
    let (mut buffer, mut filled) = (vec![0; 16 * 1024], 0);
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return,
            Ok(count) => filled += count,
        }
        let Some((_, start, length)) = head(&buffer[..filled]) else { continue };
        if filled < start + length {
            continue;
        }
        take(&buffer[start..start + length], waiting);
        filled = 0;
        let answer = format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ACCEPTED}",
            ACCEPTED.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn take(form: &[u8], waiting: &Waiting) {
    let fields: HashMap<_, _> = form_urlencoded::parse(form).collect();
    let (to, body) = (fields.get("To").unwrap(), fields.get("Body").unwrap());
    let code = body.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 6);
    if let (Some(client), Some(code)) = (waiting.lock().unwrap().remove(&**to), code) {
        let _ = client.send(code.to_owned());
    }
}
