//! The server: the real binary, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A running server, killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    /// Kept open: a server that cannot print stops.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `binary` with settings `NAME=value`.
    pub fn start(binary: &Path, folder: &Path, address: &str, settings: &[(&str, String)]) -> Self {
        let mut command = Command::new(binary);
        command.current_dir(folder).env("PRACTICE_LINKS_LISTEN", address);
        command.env("PRACTICE_LINKS_DATA_DIR", folder.join("data")).env("PRACTICE_LINKS_LOG__LEVEL", "warn");
        for (name, value) in settings {
            command.env(format!("PRACTICE_LINKS_{name}"), value);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        // It says so when it listens; a filled database takes its time to migrate.
        let (mut first, mut output) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        output.read_line(&mut first).unwrap();
        assert!(!first.is_empty(), "the server did not start");
        while TcpStream::connect(address).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_secs(1));
        Self { child, address: address.to_owned(), _output: output }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
