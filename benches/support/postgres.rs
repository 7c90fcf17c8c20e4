//! A PostgreSQL cluster with its defaults, for as long as a benchmark runs.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Folder;

pub struct Cluster {
    pub url: String,
    /// The process whose descendants are all of PostgreSQL.
    pub postmaster: u32,
    folder: Folder,
    programs: PathBuf,
}

impl Cluster {
    /// `None` if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = Folder::new("bench-pg");
        let data = folder.path().join("data");
        give_to_postgres(folder.path());
        let init = ["-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"];
        run(&programs.join("initdb"), &init, &data, folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = format!("-p {port} -k {} -c listen_addresses=127.0.0.1", folder.path().display());
        let log = folder.path().join("log").display().to_string();
        run(
            &programs.join("pg_ctl"),
            &["-w", "-l", &log, "-o", &options, "start", "-D"],
            &data,
            folder.path(),
        );
        let postmaster = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        Some(Self {
            url: format!("postgres://bench@127.0.0.1:{port}/postgres"),
            postmaster: postmaster.lines().next().unwrap().parse().unwrap(),
            folder,
            programs,
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        run(&self.programs.join("pg_ctl"), &["-m", "fast", "-w", "stop", "-D"], &data, self.folder.path());
    }
}

/// The folder of the newest installed version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    versions.filter(|folder| folder.join("initdb").is_file()).max()
}

/// PostgreSQL refuses to run as root.
fn give_to_postgres(folder: &Path) {
    if is_root(folder) {
        let given = Command::new("chown").arg("postgres").arg(folder).status().unwrap();
        assert!(given.success(), "there is no user `postgres`");
    }
}

fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).unwrap().uid() == 0 || fs::metadata("/proc/self").unwrap().uid() == 0
}

fn run(program: &Path, arguments: &[&str], data: &Path, folder: &Path) {
    let mut command = match is_root(folder) {
        true => {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        }
        false => Command::new(program),
    };
    command.args(arguments).arg(data).current_dir("/");
    // The server would keep a pipe open.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{} failed", program.display());
}
