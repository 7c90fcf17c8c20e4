//! An SMTP connection where every step has a deadline that is known before it starts.
//!
//! The commands and replies are lettre's; the connection is not. Lettre's own limits a single read, so that a
//! server that sends one line per second holds its caller forever, and no other thread can close its socket.
//! `mail-send` 0.7 does limit a whole reply, but it is asynchronous: threads that block
//! would need a runtime and `tokio-rustls` for it.

use std::fmt::Display;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Limit of the reply to one command; a server that says more says nothing that matters.
const MOST_BYTES: usize = 64 * 1024;
/// Limit of the challenges of `AUTH`.
const MOST_CHALLENGES: usize = 4;

/// Why a step failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server rejected it: reply code and text.
    Refused(u16, String),
    /// The reply cannot be read, or did not arrive in time.
    Broken(io::Error),
    /// The server offers no authentication mechanism that we support.
    NoCommonLogin,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// TLS settings for one server.
#[derive(Clone)]
pub(super) struct Tls {
    /// Trusted authorities and protocol versions.
    pub config: Arc<ClientConfig>,
    /// Server name that the certificate must carry.
    pub name: ServerName<'static>,
}

/// An open connection to a mail server.
pub(super) struct Session {
    stream: BufReader<Stream>,
    info: ServerInfo,
}

impl Session {
    /// Connects, over TLS if `tls` is given, and reads the greeting and the server's extensions.
    pub(super) fn connect(host: &str, port: u16, tls: Option<&Tls>, end: Instant) -> Result<Self, Failure> {
        let tcp = TimedStream { tcp: connect_tcp(host, port, end)?, end };
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(tls.wrap(tcp)?)),
            None => Stream::Plain(tcp),
        };
        let mut session = Self { stream: BufReader::new(stream), info: ServerInfo::default() };
        session.reply()?;
        session.greet()?;
        Ok(session)
    }

    /// Sets the deadline of the steps to come.
    pub(super) fn set_deadline(&mut self, end: Instant) {
        self.stream.get_mut().timed().end = end;
    }

    /// Whether the server offers `STARTTLS`.
    pub(super) fn can_starttls(&self) -> bool {
        self.info.supports_feature(Extension::StartTls)
    }

    /// Continues the session inside TLS. Clear text that the server, or an attacker in between, sent after
    /// the server's consent would be read as if it came through TLS, so it ends the session.
    pub(super) fn starttls(mut self, tls: &Tls) -> Result<Self, Failure> {
        self.command(Starttls)?;
        if !self.stream.buffer().is_empty() {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        let Stream::Plain(tcp) = self.stream.into_inner() else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        };
        let stream = Stream::Tls(Box::new(tls.wrap(tcp)?));
        let mut session = Self { stream: BufReader::new(stream), info: ServerInfo::default() };
        session.greet()?;
        Ok(session)
    }

    /// Authenticates with the server.
    pub(super) fn auth(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let mechanism = self.info.get_auth_mechanism(DEFAULT_MECHANISMS).ok_or(Failure::NoCommonLogin)?;
        let unreadable = |_| Failure::NoCommonLogin;
        let first = Auth::new(mechanism, credentials.clone(), None).map_err(unreadable)?;
        let mut reply = self.command(first)?;
        for _ in 0..MOST_CHALLENGES {
            if !reply.has_code(334) {
                return Ok(());
            }
            let answer = Auth::new_from_response(mechanism, credentials.clone(), &reply);
            reply = self.command(answer.map_err(unreadable)?)?;
        }
        Err(Failure::NoCommonLogin)
    }

    /// Sends one command and reads its reply; a reply of 400 or above is a failure.
    pub(super) fn command(&mut self, command: impl Display) -> Result<Response, Failure> {
        self.write(command.to_string().as_bytes())?;
        self.reply()
    }

    /// Sends the mail itself and reads the verdict on it.
    pub(super) fn message(&mut self, mail: &[u8]) -> Result<Response, Failure> {
        self.write(&dot_stuffed(mail))?;
        self.reply()
    }

    fn greet(&mut self) -> Result<(), Failure> {
        let reply = self.command(Ehlo::new(ClientId::default()))?;
        self.info = ServerInfo::from_response(&reply).map_err(|_| unreadable())?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    fn reply(&mut self) -> Result<Response, Failure> {
        let text = self.lines()?;
        let reply: Response = text.parse().map_err(|_| unreadable())?;
        if reply.is_positive() {
            return Ok(reply);
        }
        let words: Vec<&str> = reply.message().collect();
        Err(Failure::Refused(reply.code().into(), words.join(" ")))
    }

    /// Reads all lines of one reply: a hyphen after the code announces another line.
    fn lines(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let room = u64::try_from(MOST_BYTES.saturating_sub(start)).unwrap_or(0);
            (&mut self.stream).take(room).read_until(b'\n', &mut bytes)?;
            let line = bytes.get(start..).unwrap_or_default();
            if !line.ends_with(b"\n") {
                return Err(unreadable());
            }
            if line.get(3) != Some(&b'-') {
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

fn unreadable() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// A mail as it is sent over the wire: a dot that begins a line is doubled, and a single dot is the
/// end (RFC 5321 4.5.2).
fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            bytes.push(b'.');
        }
        bytes.extend(line);
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend(b"\r\n");
    }
    bytes.extend(b".\r\n");
    bytes
}

/// Connects to the first address that accepts.
fn connect_tcp(host: &str, port: u16, end: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(host, port, end)? {
        match TcpStream::connect_timeout(&address, time_left(end)?) {
            Ok(stream) => {
                // Best effort: without it small commands wait for the other side's acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Runs on a thread of its own, because the system's resolver has no timeout.
fn addresses(host: &str, port: u16, end: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (found, wanted) = mpsc::sync_channel(1);
    let host = host.to_owned();
    thread::Builder::new().name("resolver".into()).spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // The caller may have given up.
        let _ = found.send(addresses);
    })?;
    wanted.recv_timeout(time_left(end)?).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn time_left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Tls {
    fn wrap(&self, tcp: TimedStream) -> io::Result<StreamOwned<ClientConnection, TimedStream>> {
        let client = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        Ok(StreamOwned::new(client.map_err(io::Error::other)?, tcp))
    }
}

/// A socket whose every read and write ends at the step's deadline.
struct TimedStream {
    tcp: TcpStream,
    end: Instant,
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(time_left(self.end)?))?;
        self.tcp.read(buffer)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(time_left(self.end)?))?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

enum Stream {
    Plain(TimedStream),
    Tls(Box<StreamOwned<ClientConnection, TimedStream>>),
}

impl Stream {
    fn timed(&mut self) -> &mut TimedStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn leading_dot_of_a_line_is_doubled() {
        for (mail, sent) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n..\r\n.a", "..\r\n...\r\n..a\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(dot_stuffed(mail.as_bytes())).unwrap(), sent, "{mail:?}");
        }
    }

    /// A server that sends `first`, and then `drip` every 20 ms for as long as the client listens.
    fn server(first: &'static str, drip: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.write_all(first.as_bytes());
                while !drip.is_empty() && stream.write_all(drip.as_bytes()).is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        port
    }

    #[test]
    fn dripping_server_times_out_at_the_deadline_of_the_step() {
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let tls = Tls { config: Arc::new(tls), name: "localhost".try_into().unwrap() };
        let drips = [
            ("", "220-x\r\n", None),
            ("", "2", None),
            ("220 x\r\n", "250-x\r\n", None),
            // A TLS record that never ends.
            ("\u{16}\u{3}\u{3}\u{3f}\u{7f}", "\u{2}", Some(&tls)),
        ];
        for (first, drip, tls) in drips {
            let began = Instant::now();
            let end = began + Duration::from_millis(300);
            let failed = Session::connect("localhost", server(first, drip), tls, end).err().unwrap();
            assert!(matches!(failed, Failure::Broken(_)), "{failed:?}");
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(3), "{first:?} {drip:?}: {waited:?}");
        }
    }

    #[test]
    fn endless_reply_is_an_error() {
        let long: &'static str = "220-x\r\n".repeat(20_000).leak();
        let end = Instant::now() + Duration::from_secs(5);
        let failed = Session::connect("127.0.0.1", server(long, ""), None, end).err().unwrap();
        assert!(matches!(failed, Failure::Broken(error) if error.kind() == io::ErrorKind::InvalidData));
    }
}
