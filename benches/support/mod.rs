//! What the benchmarks share: the server as a process of its own, a PostgreSQL cluster, what processes use.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part")]

pub mod gateway;
pub mod http;
pub mod postgres;
pub mod process;
pub mod server;

use std::path::{Path, PathBuf};

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("practice-links-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The value of `sorted` below which `percent` of them are.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The value after `--name` on the command line.
pub fn option(name: &str) -> Option<String> {
    let name = format!("--{name}");
    let mut arguments = std::env::args().skip_while(|argument| *argument != name);
    arguments.nth(1)
}
